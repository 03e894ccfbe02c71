package service_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"roost/resilience/mirror"
	"roost/resilience/mirror/mirrortest"
	"roost/resilience/mirror/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office notes what a service calls back.
type office struct {
	mu      sync.Mutex
	records map[string]string // "origin set key" → value
	states  []mirror.StateChanged
	heard   []mirror.Heard
	lines   []mirror.LineState
	alarms  []mirror.Alarm
	panics  []string
	onHeard func(mirror.Heard)
}

// pass lets the bubble's time pass.
func pass(d time.Duration) { <-time.After(d) }

func newOffice() *office { return &office{records: make(map[string]string)} }

func (o *office) Changed(c mirror.RecordsChanged) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ch := range c.Changes {
		key := c.Origin + " " + c.Set + " " + ch.Key
		switch ch.Kind {
		case mirror.Added, mirror.Changed:
			o.records[key] = string(ch.Value)
		case mirror.Removed, mirror.Expired:
			delete(o.records, key)
		}
	}
}

func (o *office) Heard(h mirror.Heard) {
	o.mu.Lock()
	o.heard = append(o.heard, h)
	f := o.onHeard
	o.mu.Unlock()
	if f != nil {
		f(h)
	}
}

func (o *office) StateChanged(s mirror.StateChanged) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.states = append(o.states, s)
}

func (o *office) LineChanged(l mirror.LineState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, l)
}

func (o *office) Alarm(a mirror.Alarm) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alarms = append(o.alarms, a)
}

func (o *office) Panicked(where string, v any, _ []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.panics = append(o.panics, fmt.Sprint(where, ": ", v))
}

func (o *office) value(key string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.records[key]
}

func (o *office) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.records)
}

func (o *office) raised(kind mirror.AlarmKind) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	raised := false
	for _, a := range o.alarms {
		if a.Kind == kind {
			raised = a.Raised
		}
	}
	return raised
}

// site is a running service with its carrier.
type site struct {
	*service.Service
	*office
	carrier *mirrortest.Carrier
}

func start(t *testing.T, n *mirrortest.Network, cfg mirror.Config, handlers map[string]service.Handler) *site {
	t.Helper()
	s := &site{office: newOffice(), carrier: n.Carrier(cfg.Self)}
	var err error
	s.Service, err = service.New(service.Options{Config: cfg, Carrier: s.carrier, Callbacks: s.office})
	if err != nil {
		t.Fatal(err)
	}
	for verb, h := range handlers {
		s.Handle(verb, h)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) end() {
	s.Stop()
	s.carrier.Close()
}

func london() mirror.Config {
	return mirror.Config{Self: "london", Sets: []string{"bind/paris", "cfg/paris"}, Peers: []string{"paris"}, Ready: true}
}

func paris() mirror.Config {
	return mirror.Config{Self: "paris", Sets: []string{"guest/london"}, Peers: []string{"london"}, Ready: true}
}

func put(t *testing.T, s *site, set, key, value string, lives time.Duration) {
	t.Helper()
	var expires time.Time
	if lives > 0 {
		expires = time.Now().Add(lives)
	}
	if err := s.Put(set, key, []byte(value), expires); err != nil {
		t.Fatal(err)
	}
}

func TestSH1_RecordsReachTheBackupWithinMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(1)
		home, backup := start(t, n, london(), nil), start(t, n, paris(), nil)
		defer home.end()
		defer backup.end()
		pass(time.Second)
		put(t, home, "bind/paris", "201", "at 10.0.0.1", time.Hour)
		put(t, home, "dir", "201", "Ada", 0)
		pass(5 * time.Millisecond)
		if got := backup.value("london bind/paris 201"); got != "at 10.0.0.1" {
			t.Errorf("registration at the backup: %q", got)
		}
		if v, expires, ok := backup.Get("london", "bind/paris", "201"); !ok || string(v) != "at 10.0.0.1" || time.Until(expires) < 59*time.Minute {
			t.Errorf("Get: %q until %v, %v", v, expires, ok)
		}
		if err := home.Delete("bind/paris", "201"); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Millisecond)
		if got := backup.value("london bind/paris 201"); got != "" {
			t.Errorf("deleted registration at the backup: %q", got)
		}
		if got := backup.value("london dir 201"); got != "Ada" {
			t.Errorf("directory at the backup: %q", got)
		}
		st := backup.Status()
		if len(st) != 1 || !st[0].Up || !st[0].InSync || !st[0].Complete || st[0].Records != 1 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestSH3_ResynchronisesByItselfAfterACutAndLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(2)
		home, backup := start(t, n, london(), nil), start(t, n, paris(), nil)
		defer home.end()
		defer backup.end()
		for i := range 500 {
			put(t, home, "bind/paris", fmt.Sprint(i), "v1", 0)
		}
		pass(time.Second)
		n.Cut("london", "paris", "cable")
		for i := range 100 {
			put(t, home, "bind/paris", fmt.Sprint(i), "v2", 0)
			if err := home.Delete("bind/paris", fmt.Sprint(100+i)); err != nil {
				t.Fatal(err)
			}
		}
		pass(40 * time.Second)
		if st := backup.Status(); st[0].Up || st[0].Why != "cable" {
			t.Errorf("cut line: %+v", st[0])
		}
		n.Heal("london", "paris")
		pass(time.Second)
		if backup.value("london bind/paris 5") != "v2" || backup.count() != 400 {
			t.Errorf("after the cut: %q, %d records", backup.value("london bind/paris 5"), backup.count())
		}
		n.SetLoss(0.3)
		for i := range 1000 {
			put(t, home, "bind/paris", fmt.Sprint(i%400), fmt.Sprint("v", i), 0)
			pass(20 * time.Millisecond)
		}
		n.SetLoss(0)
		pass(20 * time.Second)
		if got := backup.value("london bind/paris 199"); got != "v999" {
			t.Errorf("after loss: %q", got)
		}
		if st := backup.Status(); !st[0].InSync || st[0].Behind != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestSH3_NeverCompleteIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(3)
		backup := start(t, n, paris(), nil)
		defer backup.end()
		pass(31 * time.Second)
		if !backup.raised(mirror.NeverComplete) {
			t.Error("no alarm though the home was never heard")
		}
		home := start(t, n, london(), nil)
		defer home.end()
		pass(3 * time.Second)
		if backup.raised(mirror.NeverComplete) {
			t.Error("alarm still raised once the mirror is complete")
		}
	})
}

func TestSH2_ARestartedHomeWithoutItsRecordsLeavesNoDeadOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(4)
		home, backup := start(t, n, london(), nil), start(t, n, paris(), nil)
		defer backup.end()
		for i := range 50 {
			put(t, home, "bind/paris", fmt.Sprint(i), "v", 0)
		}
		pass(time.Second)
		home.end()
		pass(10 * time.Second)
		if backup.count() != 50 {
			t.Errorf("the mirror must stay readable while the home is away: %d records", backup.count())
		}
		home = start(t, n, london(), nil)
		defer home.end()
		put(t, home, "bind/paris", "7", "new", 0)
		pass(2 * time.Second)
		if backup.count() != 1 || backup.value("london bind/paris 7") != "new" {
			t.Errorf("after the restart: %d records", backup.count())
		}
	})
}

func TestFO4_AnnouncementArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(5)
		home, backup := start(t, n, london(), nil), start(t, n, paris(), nil)
		defer backup.end()
		pass(time.Second)
		home.Announce(10 * time.Minute)
		home.end()
		pass(time.Millisecond)
		backup.mu.Lock()
		defer backup.mu.Unlock()
		last := backup.heard[len(backup.heard)-1]
		if last.Heartbeat == nil || last.Heartbeat.BackWithin != 10*time.Minute {
			t.Errorf("last heard %+v", last)
		}
	})
}

func TestSE1_DifferentSettingsAreAnAlarmThatNamesBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(6)
		a, b := london(), paris()
		a.Compared = map[string]string{"media.security": "enforced"}
		b.Compared = map[string]string{"media.security": "preferred"}
		home, backup := start(t, n, a, nil), start(t, n, b, nil)
		defer home.end()
		defer backup.end()
		pass(time.Second)
		backup.mu.Lock()
		text := ""
		for _, al := range backup.alarms {
			if al.Kind == mirror.SettingsDiffer {
				text = al.Text
			}
		}
		backup.mu.Unlock()
		if want := `media.security is "preferred" here and "enforced" at london; it should be the same on all systems`; text != want {
			t.Errorf("alarm %q", text)
		}
		backup.SetCompared(nil, a.Compared)
		pass(time.Second)
		if backup.raised(mirror.SettingsDiffer) || home.raised(mirror.SettingsDiffer) {
			t.Error("alarm still raised though the settings are equal")
		}
	})
}

func TestRequestIsAnsweredOrRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(7)
		home := start(t, n, london(), map[string]service.Handler{
			"evidence": func(from string, b []byte) []byte { return append([]byte(from+" asks "), b...) },
			"broken":   func(string, []byte) []byte { panic("broken handler") },
		})
		defer home.end()
		backup := start(t, n, paris(), nil)
		defer backup.end()
		pass(time.Second)
		began := time.Now()
		if got, err := backup.Request(t.Context(), "london", "evidence", []byte("201")); err != nil || string(got) != "paris asks 201" {
			t.Errorf("evidence: %q, %v", got, err)
		}
		for _, c := range []struct{ system, verb string }{{"london", "unknown"}, {"london", "broken"}, {"rome", "evidence"}} {
			if _, err := backup.Request(t.Context(), c.system, c.verb, nil); !errors.Is(err, mirror.ErrNoAnswer) {
				t.Errorf("%s of %s: %v", c.verb, c.system, err)
			}
		}
		if _, err := backup.Request(t.Context(), "london", "no.dots", nil); !errors.Is(err, mirror.ErrName) {
			t.Errorf("bad verb: %v", err)
		}
		if time.Since(began) > 0 {
			t.Errorf("took %v", time.Since(began))
		}
		home.mu.Lock()
		defer home.mu.Unlock()
		if len(home.panics) != 1 {
			t.Errorf("panics %v", home.panics)
		}
	})
}

func TestAPanicInACallbackCostsThatOneOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(8)
		home, backup := start(t, n, london(), nil), start(t, n, paris(), nil)
		defer home.end()
		defer backup.end()
		backup.mu.Lock()
		backup.onHeard = func(h mirror.Heard) {
			backup.Status() // must not deadlock
			panic("office")
		}
		backup.mu.Unlock()
		pass(12 * time.Second)
		put(t, home, "dir", "1", "x", 0)
		pass(time.Second)
		if backup.value("london dir 1") != "x" || len(backup.panics) < 2 {
			t.Errorf("record %q, panics %v", backup.value("london dir 1"), backup.panics)
		}
	})
}

func TestPutRefusesWhatCannotBeShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := london()
		cfg.Limits.MaxRecords = 2
		home := start(t, mirrortest.New(9), cfg, nil)
		defer home.end()
		if err := home.Put("bind/rome", "1", nil, time.Time{}); !errors.Is(err, mirror.ErrNoSet) {
			t.Errorf("undeclared set: %v", err)
		}
		if err := home.AddSet("bind/rome"); err != nil {
			t.Fatal(err)
		}
		put(t, home, "bind/rome", "1", "x", 0)
		if err := home.Put("dir", "1", make([]byte, 20<<10), time.Time{}); !errors.Is(err, mirror.ErrTooBig) {
			t.Errorf("long value: %v", err)
		}
		for i := range 3 {
			put(t, home, "dir", fmt.Sprint(i), "x", 0)
		}
		pass(10 * time.Millisecond)
		if !home.raised(mirror.TooLarge) {
			t.Error("no alarm though the set is full")
		}
	})
}

func TestAServiceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(13)
		c := n.Carrier("london")
		defer c.Close()
		s, err := service.New(service.Options{Config: london(), Carrier: c, Callbacks: newOffice()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		s.Stop() // again does no harm
		if err := s.Put("dir", "1", nil, time.Time{}); !errors.Is(err, service.ErrStopped) {
			t.Errorf("put after the end: %v", err)
		}
	})
}
