package trunk

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func server(host, addr string, priority, weight uint16) Server {
	return Server{Host: host, Addr: netip.MustParseAddrPort(addr), Priority: priority, Weight: weight}
}

func hosts(all []Server) (names string) {
	for _, s := range all {
		names += s.Host
	}
	return names
}

// RFC 2782: lower priorities first; among equals the share of first places follows the
// weights, and weight 0 has a small chance.
func TestRFC2782_PriorityAndWeight(t *testing.T) {
	var s Servers
	s.Set([]Server{
		server("c", "127.0.0.3:5060", 20, 0), server("a", "127.0.0.1:5060", 10, 60), server("b", "127.0.0.2:5060", 10, 20),
		server("d", "127.0.0.4:5060", 10, 20), server("z", "127.0.0.5:5060", 10, 0),
	})
	random := rand.New(rand.NewPCG(1, 2))
	const rounds = 20_000
	first := map[string]int{}
	for range rounds {
		order := s.Order(netip.AddrPort{}, t0, random)
		if len(order) != 5 || order[4].Host != "c" {
			t.Fatalf("order %s", hosts(order))
		}
		first[order[0].Host]++
	}
	for host, share := range map[string]float64{"a": 60.0 / 101, "b": 20.0 / 101, "d": 20.0 / 101, "z": 1.0 / 101} {
		if got := float64(first[host]) / rounds; math.Abs(got-share) > 0.02 || got == 0 {
			t.Errorf("%s is first in %.3f of rounds, want %.3f", host, got, share)
		}
	}
}

func TestServers_AddressesOfARecordStayTogether(t *testing.T) {
	var s Servers
	s.Set([]Server{
		server("a", "127.0.0.1:5060", 1, 5), server("b", "127.0.0.2:5060", 1, 5),
		server("a", "[::1]:5060", 1, 5), server("b", "[::2]:5060", 1, 5),
	})
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for range 100 {
		seen[hosts(s.Order(netip.AddrPort{}, t0, random))] = true
	}
	if len(seen) != 2 || !seen["aabb"] || !seen["bbaa"] {
		t.Errorf("orders %v", seen)
	}
}

func TestServers_WhatFailedIsTriedLastForAWhile(t *testing.T) {
	var s Servers
	s.Set([]Server{server("a", "127.0.0.1:5060", 1, 0), server("b", "127.0.0.2:5060", 2, 0), server("c", "127.0.0.3:5060", 3, 0)})
	a, b, c := s.All()[0].Addr, s.All()[1].Addr, s.All()[2].Addr
	random := rand.New(rand.NewPCG(1, 2))
	at := func(now time.Time) string { return hosts(s.Order(netip.AddrPort{}, now, random)) }
	s.Failed(a, t0.Add(30*time.Second))
	if got := at(t0); got != "bca" {
		t.Errorf("after a failure %s", got)
	}
	s.Failed(b, t0.Add(40*time.Second))
	s.Failed(c, t0.Add(40*time.Second))
	if got := at(t0); got != "abc" {
		t.Errorf("after all failed %s: none may be left out", got)
	}
	if got := at(t0.Add(30 * time.Second)); got != "abc" {
		t.Errorf("after a's time %s", got)
	}
	s.Worked(b)
	if got := at(t0); got != "bac" {
		t.Errorf("after b worked %s", got)
	}
	s.Set([]Server{server("a", "127.0.0.1:5060", 1, 0), server("d", "127.0.0.4:5060", 2, 0)})
	if got := at(t0); got != "da" {
		t.Errorf("after a new lookup %s: what is known of a is forgotten", got)
	}
}

func TestServers_TheOneInUseStaysAmongEquals(t *testing.T) {
	var s Servers
	s.Set([]Server{server("a", "127.0.0.1:5060", 1, 100), server("b", "127.0.0.2:5060", 1, 1), server("c", "127.0.0.3:5060", 2, 1)})
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		if got := hosts(s.Order(s.All()[1].Addr, t0, random)); got != "bac" {
			t.Fatalf("b in use: %s", got)
		}
		if got := hosts(s.Order(s.All()[2].Addr, t0, random)); got[2] != 'c' {
			t.Fatalf("c in use, which has a lower rank: %s", got)
		}
	}
}
