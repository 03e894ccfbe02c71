package ras

import (
	"net/netip"
	"testing"
	"time"
)

// FuzzReceive gives any octets to a gatekeeper with endpoints, some of them twice and
// from two sources, lets time pass, and checks that its tables agree with each other.
func FuzzReceive(f *testing.F) {
	for _, file := range []string{"crafted-ras.txt", "ras.txt"} {
		for _, data := range captured(f, file) {
			f.Add(data, uint16(1))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, wait uint16) {
		r := newRig(t, func(c *Config) { c.Identifier, c.MaxEndpoints, c.Answers = "gkH", 3, 4 })
		r.desk.anyNumber = true
		r.desk.secrets["2001"] = Secret{Password: "secret"}
		for _, from := range []netip.AddrPort{phone, phone, other} {
			r.raw(data, from)
			r.tick(time.Duration(wait) * time.Millisecond)
		}
		consistent(t, r.g)
	})
}

// consistent checks that the tables name the same endpoints.
func consistent(t *testing.T, g *Gatekeeper) {
	t.Helper()
	sources := 0
	for _, n := range g.endpoints.sources {
		sources += n
	}
	if len(g.endpoints.byID) != len(g.endpoints.byNumber) || sources != len(g.endpoints.byNumber) || len(g.endpoints.byNumber) > g.config.MaxEndpoints {
		t.Errorf("%d identifiers, %d numbers, %d sources", len(g.endpoints.byID), len(g.endpoints.byNumber), sources)
	}
	for n, e := range g.endpoints.byNumber {
		if e.gone || e.Number != n || g.endpoints.byID[e.ID] != e || !e.queued && e.watched == nil {
			t.Errorf("%s: %+v", n, e)
		}
	}
	for a, e := range g.endpoints.byAlias {
		if e.gone || g.endpoints.byNumber[e.Number] != e {
			t.Errorf("alias %s of one who is gone", a)
		}
	}
}
