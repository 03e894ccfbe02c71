package faults

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

func six(first int) []string {
	var numbers []string
	for i := range 6 {
		numbers = append(numbers, fmt.Sprint(first+i))
	}
	return numbers
}

// onlyRefusedWith checks FO1: no phone was ever parked or locked out.
func onlyRefusedWith(t *testing.T, p *phones, mark, code int) {
	t.Helper()
	codes := slices.Collect(maps.Keys(p.refusals(mark)))
	if len(codes) > 1 || len(codes) == 1 && codes[0] != code {
		t.Errorf("phones were refused with %v, want %d only\n%s", p.refusals(mark), code, strings.Join(p.since(mark), "\n"))
	}
}

// A home that is told to end says so: its backup does not wait until it has been
// silent for long enough (5 s here) to be no longer visible.
func TestFO2_SIGTERMIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	london, paris := s.pair(six(201), six(251), func(set *settings) {
		set.rules = strings.Replace(quick, "visible_within: 20s", "visible_within: 100s", 1)
	})
	p := s.phones(six(201), []string{"london", "paris"}, nil)
	// Who holds connections open and says nothing cannot hold up the end.
	for i, port := range []uint16{8080, 5060, 5061, 7422} {
		idler := s.tcp(s.ip(byte(100+i)), london.at(port))
		defer idler.close()
		idler.send("G")
	}
	mark, told := p.mark(), time.Now()
	london.signal(syscall.SIGTERM)
	status := paris.until("london is not visible", func(s api.Status) bool { return !homeOf(s, "london").Visible })
	if took := time.Since(told); took > 2*time.Second {
		t.Errorf("the backup knew after %v", took)
	}
	if h := homeOf(status, "london"); h.State != "SUSPECT" || h.Guests != 0 {
		t.Errorf("right after it %+v", h)
	}
	if err := london.ended(); err != nil {
		t.Errorf("%v", err)
	}
	if took := time.Since(told); took > 4*time.Second {
		t.Errorf("the end took %v", took)
	}
	p.allAt("paris")
	onlyRefusedWith(t, p, mark, 503)
	london.launch()
	p.allAt("london")
	onlyRefusedWith(t, p, mark, 503)
}

// SIGHUP takes a good file; a bad one is told with file and line, and nothing changes.
func TestReload_SIGHUP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	numbers := six(201)
	london := s.start("london", settings{numbers: numbers})
	p := s.phones(numbers, []string{"london"}, nil)
	mark := p.mark()

	s.configure("london", settings{numbers: append(six(201), "209")})
	london.signal(syscall.SIGHUP)
	london.until("a seventh extension", func(s api.Status) bool { return s.Phones.Extensions == 7 })
	stranger := s.udp(s.ip(101), london)
	defer stranger.close()
	if a, _ := stranger.register("209", password("209"), 1); a.status != 200 {
		t.Fatalf("a number from the new file: %s", a.text)
	}

	good, err := os.ReadFile(london.config)
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.Replace(string(good), "expires: {min", "expiries: {min", 1)
	if err := os.WriteFile(london.config, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	london.signal(syscall.SIGHUP)
	london.logs(`not taken, the running one stays`)
	london.logs(`london\.yaml:8: unknown key sip\.expiries; did you mean sip\.expires\?`)
	if status := london.status(); status.Phones.Extensions != 7 || !status.Ready {
		t.Errorf("after a bad file: %s", brief(status))
	}
	p.serves(london, mark)

	// What is only read at the start is told, and the rest of that file is not taken.
	s.configure("london", settings{numbers: six(201), sip: "  max_connections: 77\n"})
	london.signal(syscall.SIGHUP)
	london.logs(`london\.yaml: a change of sip takes a restart`)
	if status := london.status(); status.Phones.Extensions != 7 {
		t.Errorf("half of a file was taken: %s", brief(status))
	}

	// A number that is taken away is gone at once, its phone's registration with it.
	s.configure("london", settings{numbers: six(201)})
	london.signal(syscall.SIGHUP)
	london.until("six extensions and six phones", func(s api.Status) bool {
		return s.Phones.Extensions == 6 && s.Phones.Registered == 6
	})
	if a, _ := stranger.register("209", password("209"), 10); a.status != 401 {
		t.Errorf("a number that was removed: %s", a.text)
	}
	p.serves(london, mark)
}

// A home killed and back within the delay takes its phones again; none was a guest.
func TestFO3_KilledAndBackWithinTheDelay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	london, paris := s.pair(six(201), six(251), func(set *settings) {
		set.rules = strings.Replace(quick, "failover_delay: 60s", "failover_delay: 400s", 1)
	})
	p := s.phones(six(201), []string{"london", "paris"}, nil)
	mark := p.mark()
	london.kill()
	paris.until("london is suspect", func(s api.Status) bool { return homeOf(s, "london").State == "SUSPECT" })
	london.launch()
	paris.mirrors("london")
	p.allAt("london")
	onlyRefusedWith(t, p, mark, 503)
	status := paris.until("synced", func(s api.Status) bool { return homeOf(s, "london").State == "SYNCED" })
	for _, e := range status.Events {
		if e.Kind == "failover-began" {
			t.Errorf("a failover: %+v", e)
		}
	}
	if status.Phones.Guests != 0 {
		t.Errorf("guests: %d", status.Phones.Guests)
	}
	p.serves(london, p.mark())
}

// A home that hangs is as good as gone, and no sooner than one that is gone.
func TestFO2_HungHome(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	london, paris := s.pair(six(201), six(251), nil)
	p := s.phones(six(201), []string{"london", "paris"}, func(i int, spec *phone.Spec) {
		spec.Profile = []string{"yealink", "poly"}[i%2]
	})
	mark, stopped := p.mark(), time.Now()
	london.signal(syscall.SIGSTOP)
	paris.until("serves london's phones", func(s api.Status) bool { return homeOf(s, "london").State == "SERVING" })
	// 60 s at speed 20, counted from its last heartbeat, one each 0.1 s.
	if took := time.Since(stopped); took < 2700*time.Millisecond {
		t.Errorf("it served after %v", took)
	}
	p.allAt("paris")
	onlyRefusedWith(t, p, mark, 503)
	if status := paris.status(); status.Licences.Used != 0 || status.Phones.Guests != 6 {
		t.Errorf("guests and licences: %s", brief(status))
	}
	london.signal(syscall.SIGCONT)
	p.allAt("london")
	paris.until("no guests", func(s api.Status) bool { return s.Phones.Guests == 0 })
	onlyRefusedWith(t, p, mark, 503)
}

// GU3: a backup restarted while the home is away takes nobody in, says so, counts those
// who knock, and refuses them in a way that parks and locks out nobody.
func TestGU3_BackupRestartedWhileServing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	london, paris := s.pair(six(201), six(251), nil)
	p := s.phones(six(201), []string{"london", "paris"}, func(i int, spec *phone.Spec) {
		spec.Profile = []string{"yealink", "poly"}[i%2]
	})
	london.kill()
	p.allAt("paris")
	paris.kill()
	mark := p.mark()
	paris.launch()
	status := paris.until("an alarm, and phones that knocked", func(s api.Status) bool {
		return alarm(s, "cold", "london") && homeOf(s, "london").Unserved == 6
	})
	if h := homeOf(status, "london"); h.State != "COLD" || h.Ready || h.WhyNot == "" {
		t.Errorf("%+v", h)
	}
	// Well beyond the failover delay of 3 s.
	while(t, 5*time.Second, "nobody is admitted", func() (bool, string) {
		status := paris.status()
		return status.Phones.Guests == 0 && status.Phones.Registered == 0, brief(status)
	})
	onlyRefusedWith(t, p, mark, 503)
	if len(p.refusals(mark)) == 0 {
		t.Error("no phone was refused at all")
	}
	// Also a phone that never was here: nobody can tell it from one of london's.
	stranger := s.udp(s.ip(101), paris)
	defer stranger.close()
	if a := stranger.ask(stranger.request("REGISTER", "299", 1, stranger.contact("299"))); a.status != 503 || a.header("Retry-After") != "" {
		t.Errorf("an unknown number: %s", a.text)
	}
	london.launch()
	p.allAt("london")
	paris.until("in sync, no alarm", func(s api.Status) bool {
		return homeOf(s, "london").Ready && !alarm(s, "cold")
	})
	onlyRefusedWith(t, p, mark, 503)
}

// A configuration that cannot be served ends the start, in words, with nothing left.
func TestServe_BadStart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.start("london", settings{numbers: six(201)})
	// The same addresses again: they are in use.
	out, err := exec.Command(binary, "serve", "-c", first.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "cannot listen for lines on "+s.at(lastByte("london"), 7422)) {
		t.Errorf("%v: %s", err, out)
	}
	if !first.status().Ready {
		t.Error("the first one does not serve any more")
	}
}
