package faults

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone"
)

// phones are simulated phones, and what they reported.
type phones struct {
	site    *site
	t       *testing.T
	fleet   *phone.Fleet
	numbers []string

	mu      sync.Mutex
	reports []phone.Report
	at      map[string]string // where each is registered
}

// hasty and patient are how fast the phones' own timers run; their leases are the
// systems'. A patient phone waits two seconds for an answer.
const hasty, patient = 20, 4

// kinds of phones, in turn: transport and profile.
var kindsOfPhones = [][2]string{
	{"udp", "yealink"}, {"tcp", "avaya-j100"}, {"tls", "avaya-j100"}, {"udp", "poly"}, {"tcp", "yealink"}, {"tls", "yealink"},
}

// phones switches phones on whose list are the named systems, and waits until they are
// registered at the first. change may alter each phone.
func (s *site) phones(numbers []string, list []string, change func(i int, spec *phone.Spec)) *phones {
	s.t.Helper()
	p := &phones{site: s, t: s.t, numbers: numbers, at: map[string]string{}}
	setup := phone.Setup{Speed: s.phoneSpeed, Domain: domain, TrustedRoot: filepath.Join(s.dir, "root.crt"), Seed: 1}
	for _, name := range list {
		at := s.ip(lastByte(name))
		setup.Servers = append(setup.Servers, phone.Server{Name: name,
			UDP: netip.AddrPortFrom(at, 5060), TCP: netip.AddrPortFrom(at, 5060), TLS: netip.AddrPortFrom(at, 5061)})
	}
	for i, n := range numbers {
		kind := kindsOfPhones[i%len(kindsOfPhones)]
		spec := phone.Spec{Number: n, Password: password(n), Transport: kind[0], Profile: kind[1], Address: s.ip(byte(30 + i%60))}
		if change != nil {
			change(i, &spec)
		}
		setup.Phones = append(setup.Phones, spec)
	}
	var err error
	if p.fleet, err = phone.Start(s.t.Context(), setup, p.take); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		p.fleet.Stop()
		if s.t.Failed() {
			s.t.Logf("phones:\n%s", strings.Join(p.since(0), "\n"))
		}
	})
	p.allAt(list[0])
	return p
}

func (p *phones) take(r phone.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports = append(p.reports, r)
	switch r.Event {
	case phone.Registered:
		p.at[r.Phone] = r.Server
	case phone.Lost:
		if p.at[r.Phone] == r.Server {
			delete(p.at, r.Phone)
		}
	}
}

// allAt waits until every phone is registered at a system.
func (p *phones) allAt(system string) {
	p.t.Helper()
	until(p.t, "all phones at "+system, func() (bool, string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, n := range p.numbers {
			if p.at[n] != system {
				return false, fmt.Sprint(p.at)
			}
		}
		return true, ""
	})
}

func (p *phones) whereIs(number string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[number]
}

// mark is now, for since.
func (p *phones) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.reports)
}

// since are the reports after a mark, in words.
func (p *phones) since(mark int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var words []string
	for _, r := range p.reports[mark:] {
		words = append(words, fmt.Sprintf("%.2f %s ", r.At/float64(p.site.phoneSpeed), r.Phone)+r.String())
	}
	return words
}

// refusals are the answers that phones were refused with since a mark.
func (p *phones) refusals(mark int) map[int]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	codes := map[int]int{}
	for _, r := range p.reports[mark:] {
		if r.Event == phone.Refused {
			codes[r.Code]++
		}
	}
	return codes
}

// serves checks that phones have been served without a break since a mark: not one of
// them reported anything, and every one renews its registration at the system from now
// on.
func (p *phones) serves(y *system, mark int) {
	p.t.Helper()
	if !y.running() {
		p.t.Fatalf("%s ended: %v", y.name, y.err)
	}
	before := y.registrations()
	began := time.Now()
	until(p.t, "every phone renews its registration at "+y.name, func() (bool, string) {
		now := y.registrations()
		for _, n := range p.numbers {
			if !now[n].After(before[n]) {
				return false, fmt.Sprintf("%s has not since %v", n, began.Format(time.TimeOnly))
			}
		}
		return true, ""
	})
	if reports := p.since(mark); len(reports) > 0 {
		p.t.Errorf("phones noticed:\n%s", strings.Join(reports, "\n"))
	}
}
