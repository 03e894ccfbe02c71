package faults

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/certs"
	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
	"roost/cmd/roost/lab/proxy"
)

// SH5: a location's phones are shared with the location's backup and fail over there;
// each backup has only what it would serve.
func TestSH5_ALocationsOwnBackup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	attic := fmt.Sprintf("locations:\n  - {name: attic, subnets: [%s/30], backup: oslo}\n", s.ip(92))
	london := s.start("london", settings{numbers: six(201), lines: []string{s.line("paris", true), s.line("oslo", false)}, top: attic})
	paris := s.start("paris", settings{numbers: six(251), lines: []string{s.line("london", true), s.line("oslo", false)}})
	oslo := s.start("oslo", settings{numbers: six(281), lines: []string{s.line("london", false), s.line("paris", false)}})
	for _, y := range []*system{paris, oslo} {
		y.mirrors("london")
	}
	inAttic := map[string]bool{"205": true, "206": true}
	p := s.phones(six(201), []string{"london", "paris", "oslo"}, func(i int, spec *phone.Spec) {
		spec.Profile = []string{"yealink", "poly"}[i%2]
		if inAttic[spec.Number] {
			spec.Address = s.ip(byte(92 + i%4))
		}
	})
	paris.until("four phones of london", func(st api.Status) bool { return homeOf(st, "london").Phones == 4 })
	oslo.until("two phones of london", func(st api.Status) bool { return homeOf(st, "london").Phones == 2 })

	mark := p.mark()
	london.kill()
	for _, n := range six(201) {
		want := "paris"
		if inAttic[n] {
			want = "oslo"
		}
		until(t, n+" at "+want, func() (bool, string) { return p.whereIs(n) == want, p.whereIs(n) })
	}
	onlyRefusedWith(t, p, mark, 503)
	for y, want := range map[*system]int{paris: 4, oslo: 2} {
		if st := y.status(); st.Phones.Guests != want || st.Licences.Used != 0 {
			t.Errorf("%s: %s", y.name, brief(st))
		}
	}
	// It comes back with another attic, then without one: who backs up whom follows at once.
	moved := strings.Replace(attic, s.ip(92).String()+"/30", s.ip(30).String()+"/32", 1)
	asks := []string{s.line("paris", true), s.line("oslo", false)}
	s.configure("london", settings{numbers: six(201), lines: asks, top: moved})
	london.launch()
	p.allAt("london")
	for _, y := range []*system{paris, oslo} {
		y.until("no guests", func(st api.Status) bool { return st.Phones.Guests == 0 })
	}
	onlyRefusedWith(t, p, mark, 503)
	oslo.until("one phone of london", func(st api.Status) bool { return homeOf(st, "london").Phones == 1 })
	paris.until("five phones of london", func(st api.Status) bool { return homeOf(st, "london").Phones == 5 })
	s.configure("london", settings{numbers: six(201), lines: asks})
	london.signal(syscall.SIGHUP)
	paris.until("six phones of london", func(st api.Status) bool { return homeOf(st, "london").Phones == 6 })
	oslo.until("none", func(st api.Status) bool { return len(st.Homes) == 0 })
	s.configure("london", settings{numbers: six(201), lines: asks, top: attic})
	london.signal(syscall.SIGHUP)
	oslo.until("two phones of london", func(st api.Status) bool { return homeOf(st, "london").Phones == 2 })
	paris.until("four phones of london", func(st api.Status) bool { return homeOf(st, "london").Phones == 4 })
}

// A home is visible through a third system that hears it: where only the line between
// home and backup is cut, nobody is taken in. When the third does not hear it either,
// the count begins.
func TestFO2_VisibleThroughAThird(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	// The lines between london and paris run through proxies, each at an address of its
	// own that the certificate covers as well.
	to := map[string]*proxy.Proxy{}
	for i, name := range []string{"london", "paris"} {
		door, err := proxy.New(s.at(byte(70+i), 7422), s.at(lastByte(name), 7422))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := door.Close(); err != nil {
				t.Error(err)
			}
		})
		to[name] = door
		s.certify(s.ca, name, func(r *certs.Request) { r.Addresses = append(r.Addresses, s.ip(byte(70+i)).String()) })
	}
	through := func(name string) string {
		return strings.Replace(s.line(name, true), s.at(lastByte(name), 7422), to[name].Addr(), 1)
	}
	// Not visible after 2 s, failover after 4 s.
	rules := strings.NewReplacer("visible_within: 20s", "visible_within: 40s", "failover_delay: 60s", "failover_delay: 80s").Replace(quick)
	london := s.start("london", settings{numbers: six(201), lines: []string{through("paris"), s.line("oslo", false)}, rules: rules})
	paris := s.start("paris", settings{numbers: six(251), lines: []string{through("london"), s.line("oslo", false)}, rules: rules})
	oslo := s.start("oslo", settings{numbers: six(281), lines: []string{s.line("london", false), s.line("paris", false)}, rules: rules})
	paris.mirrors("london")
	oslo.until("hears both", func(st api.Status) bool { return lineTo(st, "london").Up && lineTo(st, "paris").Up })
	p := s.phones(six(201), []string{"london", "paris"}, nil)
	mark := p.mark()

	for _, door := range to {
		door.Cut()
	}
	status := paris.until("no line to london, which is visible by oslo", func(st api.Status) bool {
		l := lineTo(st, "london")
		return !l.Up && l.Visible && l.Via == "oslo" && homeOf(st, "london").Visible
	})
	if !alarm(status, "line-down", "london") {
		t.Errorf("no alarm: %s", brief(status))
	}
	stranger := s.udp(s.ip(101), paris)
	defer stranger.close()
	while(t, 6*time.Second, "london stays visible at paris, and nobody is taken in", func() (bool, string) {
		st := paris.status()
		if a := stranger.ask(stranger.request("REGISTER", "201", 1, stranger.contact("201"))); a.status != 503 {
			return false, a.text
		}
		return homeOf(st, "london").Visible && homeOf(st, "london").State != "SERVING" && st.Phones.Guests == 0, brief(st)
	})
	p.serves(london, mark)

	london.kill()
	paris.until("london is not visible", func(st api.Status) bool { return !homeOf(st, "london").Visible })
	p.allAt("paris")
	onlyRefusedWith(t, p, mark, 503)
}
