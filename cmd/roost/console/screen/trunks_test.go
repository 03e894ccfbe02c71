package screen

import (
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

func TestTrunksAreShown(t *testing.T) {
	s := sample()
	until, next := s.Now.Add(5*time.Minute), s.Now.Add(20*time.Minute)
	s.Trunks = []api.Trunk{
		{Name: "carrier", Peer: "carrier.test", Transport: "UDP", State: "up", Server: "192.0.2.1:5060", Registration: "registered", RegisteredUntil: &until,
			Servers: []api.TrunkServer{{Address: "192.0.2.1:5060"}, {Address: "192.0.2.2:5060", Avoided: true}}},
		{Name: "other", Peer: "other.test", Transport: "TLS", State: "down", Why: "it refuses our registration: 403 Forbidden", Registration: "refused", NextTry: &next},
		{Name: "pbx", Peer: "192.0.2.9", Transport: "TCP", State: "unknown"},
	}
	got := Render(s, Options{Width: 120})
	for _, want := range []string{
		"Outside lines",
		"carrier        up         carrier.test by UDP · at 192.0.2.1:5060 · 2 servers · 1 failed lately · registered for 5:00",
		"other          DOWN       other.test by TLS · refused, tried again in 20:00",
		"    it refuses our registration: 403 Forbidden",
		"pbx            not heard  192.0.2.9 by TCP",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
	if strings.Contains(Render(sample(), Options{Width: 120}), "Outside lines") {
		t.Error("outside lines are shown where there are none")
	}
}
