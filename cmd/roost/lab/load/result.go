package load

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Result is what one run measured. Times are seconds, latencies milliseconds.
type Result struct {
	Target    string  `json:"target"`
	Transport string  `json:"transport"`
	What      string  `json:"what"` // "full" or "refresh"
	New       bool    `json:"new_connection,omitempty"`
	Users     int     `json:"users"`
	Sockets   int     `json:"sockets"`
	Window    int     `json:"window,omitempty"` // 0: open
	Rate      float64 `json:"rate,omitempty"`

	Begun int `json:"begun"`
	OK    int `json:"ok"`
	// PerSecond is how many succeeded a second while registrations were begun.
	PerSecond float64 `json:"per_second"`
	// Served is the time from the first REGISTER to the last 200.
	Served          float64        `json:"served_s"`
	Refused         map[string]int `json:"refused,omitempty"` // by status
	Wrong           map[string]int `json:"wrong,omitempty"`   // answers that do not agree with their request
	Retransmissions int            `json:"retransmissions"`
	Duplicates      int            `json:"duplicates"`
	Renewed         int            `json:"renewed"` // nonces out of date
	Lost            int            `json:"lost"`    // never answered
	Connections     int            `json:"connections,omitempty"`
	Failures        map[string]int `json:"failures,omitempty"`
	P50             float64        `json:"p50_ms"`
	P99             float64        `json:"p99_ms"`
	Max             float64        `json:"max_ms"`

	// CPU is what the generator itself used of the processors it may use, 0 to 1;
	// Limit says that it was itself the limit, so that the server could do more.
	CPU   float64 `json:"cpu"`
	Limit bool    `json:"generator_was_the_limit"`
}

// saturated is the part of its processors from which on the generator counts as
// the limit.
const saturated = 0.92

func (r *run) result(t *tally, used usage, wall time.Duration) Result {
	c := &r.c
	out := Result{
		Target: c.Target.String(), Transport: c.Transport, What: "full", New: c.NewConnection,
		Users: c.Users, Sockets: c.Sockets, Window: c.Window, Rate: c.Rate,
		Begun: t.begun, OK: t.ok, Wrong: t.wrong, Retransmissions: t.retransmissions, Duplicates: t.duplicates,
		Renewed: t.renewed, Lost: t.lost, Connections: t.connections, Failures: t.failures,
		P50: milliseconds(t.latency.quantile(0.5)), P99: milliseconds(t.latency.quantile(0.99)),
		Max: milliseconds(time.Duration(t.latency.max)), Refused: map[string]int{},
	}
	if c.Refresh {
		out.What = "refresh"
	}
	if c.Rate > 0 {
		out.Window = 0
	}
	for status, n := range t.statuses {
		out.Refused[fmt.Sprint(status)] += n
	}
	if t.ok > 0 {
		out.Served = time.Duration(t.last - t.first).Seconds()
	}
	switch {
	case !c.Once:
		out.PerSecond = float64(t.inTime) / c.For.Seconds()
	case out.Served > 0:
		out.PerSecond = float64(t.ok) / out.Served
	}
	if wall > 0 {
		out.CPU = used.total.Seconds() / wall.Seconds() / float64(runtime.GOMAXPROCS(0))
	}
	out.Limit = out.CPU >= saturated
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Good says that every registration that was begun succeeded and nothing was wrong.
func (r *Result) Good() bool { return r.OK == r.Begun && r.OK > 0 && r.trouble() == "" }

// trouble says what went wrong, "" if nothing.
func (r *Result) trouble() string {
	var said []string
	tell := func(what string, counts map[string]int) {
		for _, key := range slices.Sorted(maps.Keys(counts)) {
			said = append(said, fmt.Sprintf("%s%s %d times", what, key, counts[key]))
		}
	}
	tell("answered ", r.Refused)
	tell("wrong ", r.Wrong)
	tell("", r.Failures)
	if r.Lost > 0 {
		said = append(said, fmt.Sprintf("%d without an answer", r.Lost))
	}
	return strings.Join(said, "; ")
}

// Text says the result in a few lines.
func (r *Result) Text() string {
	var b strings.Builder
	how := r.Transport
	if r.New {
		how += ", a new connection each"
	}
	fmt.Fprintf(&b, "%s REGISTER over %s at %s: %.0f a second\n", r.What, how, r.Target, r.PerSecond)
	fmt.Fprintf(&b, "  %d begun, %d succeeded, first to last %.2f s, of %d phones on %d sockets\n", r.Begun, r.OK, r.Served, r.Users, r.Sockets)
	fmt.Fprintf(&b, "  %d retransmissions, %d answers twice, %d nonces renewed, %d lost\n", r.Retransmissions, r.Duplicates, r.Renewed, r.Lost)
	fmt.Fprintf(&b, "  time to serve: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", r.P50, r.P99, r.Max)
	if trouble := r.trouble(); trouble != "" {
		fmt.Fprintf(&b, "  trouble: %s\n", trouble)
	}
	fmt.Fprintf(&b, "  the generator used %.0f %% of its processors", 100*r.CPU)
	if r.Limit {
		b.WriteString(": it was itself the limit, the server could do more")
	}
	b.WriteString("\n")
	return b.String()
}

// usage is processor time of this process.
type usage struct{ total time.Duration }

func usageNow() usage {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return usage{}
	}
	return usage{time.Duration(u.Utime.Nano() + u.Stime.Nano())}
}

func (u usage) since(before usage) usage { return usage{u.total - before.total} }
