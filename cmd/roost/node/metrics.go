package node

import (
	"maps"
	"net/http"
	"reflect"
	"strings"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"roost/signaling/sip/flow"
)

// counters are all counts of the system by name, for the status.
func (n *Node) counters() map[string]float64 {
	counts, standing := n.counts()
	maps.Copy(counts, standing)
	return counts
}

// counts are what has happened so often since the start, and standing how many
// there are of something now.
func (n *Node) counts() (counts, standing map[string]float64) {
	out := map[string]float64{
		"panics_recovered":      float64(n.panics.Load()),
		"shared_records_unread": float64(n.unread.Load()),
	}
	for _, c := range n.endpoint.Counters() {
		out["sip_"+c.Name] = float64(c.Value)
	}
	flows := n.endpoint.Flows()
	standing = map[string]float64{}
	addCounts(out, standing, "flow_", flows)
	for why, times := range flows.Closed {
		if why != int(flow.StillOpen) {
			out["flow_closed_"+flow.Reason(why).Name()] = float64(times)
		}
	}
	addCounts(out, standing, "line_", n.carrier.Counters())
	if front := n.h323.front.Load(); front != nil {
		c := front.Counters()
		addCounts(out, standing, "h323_", c)
		addCounts(out, standing, "h323_", c.Counters)
	}
	n.callCounters(out, standing)
	n.trunkCounters(out, standing)
	if n.console != nil {
		addCounts(out, standing, "console_", n.console.Counters())
	}
	return out, standing
}

// addCounts adds the whole numbers of a struct, each under its field's name in
// small letters: DroppedRate becomes dropped_rate. What can go down again is
// signed in these structs.
func addCounts(out, standing map[string]float64, prefix string, counts any) {
	v := reflect.ValueOf(counts)
	for i := range v.NumField() {
		name := prefix + snake(v.Type().Field(i).Name)
		switch f := v.Field(i); f.Kind() {
		case reflect.Uint64:
			out[name] = float64(f.Uint())
		case reflect.Int64:
			standing[name] = float64(f.Int())
		}
	}
}

func snake(field string) string {
	var out strings.Builder
	for i, r := range field {
		upper := unicode.IsUpper(r)
		if upper && i > 0 && !unicode.IsUpper(rune(field[i-1])) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// metrics serves the counters and the state of the system to Prometheus.
func (n *Node) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{n})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector reads the system's own counts at each scrape, so that nothing is
// counted twice.
type collector struct{ *Node }

// Describe implements prometheus.Collector: an unchecked one, for the counters'
// names belong to the packages that count.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	send := func(kind prometheus.ValueType, name, help string, value float64, labels ...string) {
		names, values := []string{"system"}, []string{c.name}
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		desc := prometheus.NewDesc("roost_"+name, help, names, nil)
		out <- prometheus.MustNewConstMetric(desc, kind, value, values...)
	}
	counts, standing := c.counts()
	for name, value := range counts {
		send(prometheus.CounterValue, name+"_total", "Count since the start.", value)
	}
	for name, value := range standing {
		send(prometheus.GaugeValue, name, "How many there are now.", value)
	}
	status := source{c.Node}.Status()
	send(prometheus.GaugeValue, "phones_registered", "Own phones registered here.", float64(status.Phones.Registered))
	send(prometheus.GaugeValue, "guests", "Guests registered here.", float64(status.Phones.Guests))
	send(prometheus.GaugeValue, "licences_used", "Licences in use.", float64(status.Licences.Used))
	send(prometheus.GaugeValue, "alarms", "Alarms that stand.", float64(len(status.Alarms)))
	for _, l := range status.Lines {
		send(prometheus.GaugeValue, "line_up", "1 if the line is up.", one(l.Up), "peer", l.System)
		send(prometheus.GaugeValue, "line_in_sync", "1 if the peer's mirror here is in sync.", one(l.InSync), "peer", l.System)
		send(prometheus.GaugeValue, "line_behind", "Records that the mirror is behind.", float64(l.Behind), "peer", l.System)
	}
	for _, t := range status.Trunks {
		send(prometheus.GaugeValue, "trunk_up", "1 if the outside line can be used.", one(t.State == "up"), "trunk", t.Name)
		send(prometheus.GaugeValue, "trunk_registered", "1 if this system is registered with the carrier.", one(t.Registration == "registered"), "trunk", t.Name)
	}
	for _, h := range status.Homes {
		send(prometheus.GaugeValue, "home_state", "1 for the state that the home is in.", 1, "home", h.System, "state", h.State)
		send(prometheus.GaugeValue, "home_guests", "Guests of the home here.", float64(h.Guests), "home", h.System)
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
