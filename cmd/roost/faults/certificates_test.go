package faults

import (
	"crypto/tls"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/certs"
	"roost/cmd/roost/console/api"
)

// serial is the serial number of the certificate that a TLS listener shows.
func serial(t *testing.T, at netip.AddrPort, own ...tls.Certificate) *big.Int {
	t.Helper()
	conn, err := tls.Dial("tcp", at.String(), &tls.Config{InsecureSkipVerify: true, Certificates: own}) // it is only looked at
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber
}

func (s *site) identity(name string) tls.Certificate {
	s.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.dir, name+".crt"), filepath.Join(s.dir, name+".key"))
	if err != nil {
		s.t.Fatal(err)
	}
	return pair
}

// A certificate renewed on disk is served to new phones and on new lines without a
// restart, and without a phone or a line noticing; one that cannot be read is told, and
// the old one stays.
func TestSE2_RenewedAndUnreadable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	numbers := six(201)
	london, paris := s.pair(numbers, six(251), nil)
	p := s.phones(numbers, []string{"london", "paris"}, nil)
	mark := p.mark()
	first := serial(t, london.at(5061))

	// 1. Broken on disk: the old one stays, with an alarm.
	path := filepath.Join(s.dir, "london.crt")
	if err := os.WriteFile(path, []byte("this is no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	london.signal(syscall.SIGHUP)
	london.until("an alarm", func(st api.Status) bool { return alarm(st, "certificate-files", "london.crt", "the old one stays") })
	if serial(t, london.at(5061)).Cmp(first) != 0 {
		t.Error("another certificate is served")
	}

	// 2. Renewed, with a short life: taken, and an alarm of another kind.
	s.certify(s.ca, "london", func(r *certs.Request) { r.ValidFor = 20 * 24 * time.Hour })
	london.signal(syscall.SIGHUP)
	london.until("taken, expires in 20 days", func(st api.Status) bool {
		return !alarm(st, "certificate-files") && alarm(st, "certificate-expiring", "london", "expires on")
	})
	second := serial(t, london.at(5061))
	if second.Cmp(first) == 0 {
		t.Error("phones are shown the old certificate")
	}
	if shown := serial(t, london.at(7422), s.identity("paris")); shown.Cmp(second) != 0 {
		t.Error("lines are shown the old certificate")
	}

	// 3. Renewed for long, without a signal: noticed within 10 s.
	s.certify(s.ca, "london", nil)
	london.until("no alarm about certificates", func(st api.Status) bool {
		return !alarm(st, "certificate-expiring") && !alarm(st, "certificate-files")
	})
	if serial(t, london.at(5061)).Cmp(second) == 0 {
		t.Error("phones are shown the old certificate")
	}
	london.logs(`a new certificate is in force`)
	p.serves(london, mark)
	for _, y := range []*system{london, paris} {
		if alarmed := alarm(y.status(), "line-down"); alarmed {
			t.Errorf("%s: the line was down", y.name)
		}
	}
	// New phones and lines work with it: london ends every connection and comes back.
	london.kill()
	london.launch()
	paris.mirrors("london")
	london.mirrors("paris")
	p.allAt("london")
}

// What is wrong with a certificate, or will be, is an alarm at the system that has it.
func TestSE2_CertificateAlarms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   string
		change func(*certs.Request)
		words  []string
	}{
		{"certificate-address", func(r *certs.Request) { r.Addresses = []string{"192.0.2.7"} },
			[]string{"does not cover the address 127.", "issue one with the address", "192.0.2.7"}},
		{"certificate-domain", func(r *certs.Request) { r.Domain = "elsewhere.test" }, []string{"does not cover the SIP domain example.test"}},
		{"certificate-expiring", func(r *certs.Request) { r.ValidFor = 29 * 24 * time.Hour }, []string{"expires on", "28 days"}},
		{"certificate-expired", func(r *certs.Request) { r.ValidFor = time.Nanosecond }, []string{"expired", "issue a new one"}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.certify(s.ca, "london", c.change)
			london := s.start("london", settings{numbers: []string{"201"}})
			status := london.until("the alarm", func(st api.Status) bool { return alarm(st, c.kind, c.words...) })
			if len(status.Alarms) != 1 {
				t.Errorf("more than one alarm: %+v", status.Alarms)
			}
			london.logs("WRN .*alarm=" + c.kind)
		})
	}
}

// SE2: without the same root a line does not come up, and both sides say why, in status
// and log; with the right one it does, without a restart.
func TestSE2_OtherRoot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other, err := certs.NewCA("another CA", time.Now(), fiveYears)
	if err != nil {
		t.Fatal(err)
	}
	s.certify(other, "paris", nil)
	if err := os.WriteFile(filepath.Join(s.dir, "other.crt"), other.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	london := s.start("london", settings{numbers: six(201), lines: []string{s.line("paris", true)}})
	path := s.configure("paris", settings{numbers: six(251), lines: []string{s.line("london", true)}})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	own := strings.Replace(string(text), "trusted_root: root.crt", "trusted_root: other.crt", 1)
	if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	paris := s.run("paris", path)

	for _, y := range []*system{london, paris} {
		peer := map[string]string{"london": "paris", "paris": "london"}[y.name]
		status := y.until("the line is down, with the reason", func(st api.Status) bool {
			l := lineTo(st, peer)
			return !l.Up && strings.Contains(l.Why, "another root") || strings.Contains(l.Why, "does not accept our certificate")
		})
		if !alarm(status, "line-down", peer, "certificate") {
			t.Errorf("%s: no alarm that says why: %s", y.name, brief(status))
		}
		refused := false
		y.until("whom it turned away", func(st api.Status) bool {
			for _, r := range st.TurnedAway {
				refused = refused || strings.Contains(r.Reason, "root") || strings.Contains(r.Reason, "our certificate")
			}
			return refused && st.Counters["line_refused"] > 0
		})
		y.logs(`line refused: .*(root|our certificate)`)
		y.logs(`line is down: .*(another root|does not accept our certificate).* system=` + peer)
		if h := homeOf(y.status(), peer); h.Visible || h.Ready {
			t.Errorf("%s sees %s: %+v", y.name, peer, h)
		}
	}
	while(t, time.Second, "no line", func() (bool, string) {
		st := paris.status()
		return !lineTo(st, "london").Up && !lineTo(st, "london").Complete, brief(st)
	})

	// Mended on disk.
	if err := os.WriteFile(filepath.Join(s.dir, "other.crt"), s.ca.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.certify(s.ca, "paris", nil)
	paris.signal(syscall.SIGHUP)
	london.mirrors("paris")
	paris.mirrors("london")
	for _, y := range []*system{london, paris} {
		y.until("no alarm about the line", func(st api.Status) bool { return !alarm(st, "line-down") })
	}
}

// An expired certificate brings no line up, and what an administrator reads names it.
func TestSE2_ExpiredAtTheOtherEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.certify(s.ca, "paris", func(r *certs.Request) { r.ValidFor = time.Nanosecond })
	london := s.start("london", settings{numbers: six(201), lines: []string{s.line("paris", true)}})
	paris := s.start("paris", settings{numbers: six(251), lines: []string{s.line("london", true)}})
	london.until("why", func(st api.Status) bool {
		return !lineTo(st, "paris").Up && strings.Contains(lineTo(st, "paris").Why, "expired")
	})
	paris.until("why", func(st api.Status) bool {
		return !lineTo(st, "london").Up && lineTo(st, "london").Why != "" && alarm(st, "certificate-expired")
	})
	// Renewed on disk, and no restart.
	s.certify(s.ca, "paris", nil)
	paris.signal(syscall.SIGHUP)
	london.mirrors("paris")
	paris.mirrors("london")
}

// Differences between two ends of a line are alarms at both; the line works on.
func TestSE1_NE1_NE3_Disagreements(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	// 203 is at both; media security differs.
	l := settings{numbers: append(six(201), "299"), lines: []string{s.line("paris", true)}, top: "media: {security: enforced}\n"}
	p := settings{numbers: append(six(251), "203"), lines: []string{s.line("london", true)}, top: "media: {security: preferred}\n"}
	london, paris := s.start("london", l), s.start("paris", p)
	london.mirrors("paris")
	paris.mirrors("london")
	for _, y := range []*system{london, paris} {
		status := y.until("alarms of both kinds", func(st api.Status) bool {
			return alarm(st, "settings-differ", "media.security", `"enforced"`, `"preferred"`) &&
				alarm(st, "duplicate-number", "203", "london", "paris")
		})
		if line := lineTo(status, map[string]string{"london": "paris", "paris": "london"}[y.name]); !strings.Contains(line.Agreement, "media.security") {
			t.Errorf("%s: its line says %q", y.name, line.Agreement)
		}
		y.logs(`WRN .*media\.security is`)
		y.logs(`WRN number 203 is configured at`)
	}
	// Phones go on, also the one that is at both, and failover works.
	phones := s.phones(six(201), []string{"london"}, nil)
	phones.serves(london, phones.mark())
	other := s.udp(s.ip(101), paris)
	defer other.close()
	if a, _ := other.register("203", password("203"), 1); a.status != 200 {
		t.Errorf("paris' own 203: %s", a.text)
	}

	// Mended: the alarms go.
	p.numbers, p.top = six(251), "media: {security: enforced}\n"
	s.configure("paris", p)
	paris.signal(syscall.SIGHUP)
	for _, y := range []*system{london, paris} {
		y.until("no alarm", func(st api.Status) bool { return !alarm(st, "settings-differ") && !alarm(st, "duplicate-number") })
	}
}

// NE1: a line of which only one end knows does not come up quietly.
func TestNE1_OneSidedLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	london := s.start("london", settings{numbers: six(201), lines: []string{s.line("paris", true)}})
	paris := s.start("paris", settings{numbers: six(251)})
	london.until("an alarm", func(st api.Status) bool {
		return alarm(st, "line-down", "paris", "it has none to us in its network.lines")
	})
	paris.until("who was turned away", func(st api.Status) bool {
		for _, r := range st.TurnedAway {
			if r.System == "london" && strings.Contains(r.Reason, "add it to network.lines") {
				return true
			}
		}
		return false
	})
	paris.logs(`line refused: london has no line here`)
	paris.until("an alarm", func(st api.Status) bool {
		return alarm(st, "line-one-sided", "london", "add it to network.lines")
	})
	// It is over when london does not ask any more.
	s.configure("london", settings{numbers: six(201)})
	london.kill()
	london.launch()
	paris.until("no alarm", func(st api.Status) bool { return len(st.Alarms) == 0 })
}

// A system does not start with another's identity.
func TestSE2_AnothersIdentity(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.certify(s.ca, "london", func(r *certs.Request) { r.System = "rome" })
	for _, file := range []string{"crt", "key"} {
		if err := os.Rename(filepath.Join(s.dir, "rome."+file), filepath.Join(s.dir, "london."+file)); err != nil {
			t.Fatal(err)
		}
	}
	path := s.configure("london", settings{numbers: []string{"201"}})
	out, err := exec.Command(binary, "serve", "-c", path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "identity certificate names rome, but this system is london") {
		t.Errorf("%v: %s", err, out)
	}
}
