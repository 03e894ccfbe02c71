package service_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roost/resilience/mirror"
	"roost/resilience/mirror/mirrortest"
	"roost/resilience/mirror/service"
)

// Many goroutines write at a home while a tenth of the messages is lost: the
// backup ends with exactly what the home has, also by its callbacks alone.
func TestSH3_ManyWritersAndALossyLineEndEqual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(10)
		home, backup := start(t, n, london(), nil), start(t, n, paris(), nil)
		defer home.end()
		defer backup.end()
		n.SetLoss(0.1)
		n.SetDelay(7 * time.Millisecond)
		var writers sync.WaitGroup
		for g := range 8 {
			writers.Go(func() {
				for i := range 300 {
					key := fmt.Sprintf("%d-%d", g, i%40)
					if i%7 == 3 {
						if err := home.Delete("bind/paris", key); err != nil {
							t.Error(err)
						}
					} else if err := home.Put("bind/paris", key, fmt.Append(nil, i), time.Time{}); err != nil {
						t.Error(err)
					}
					if i%10 == 0 {
						pass(time.Duration(1+g) * time.Millisecond)
						backup.Status()
					}
				}
			})
		}
		writers.Wait()
		n.SetLoss(0)
		pass(40 * time.Second)
		if st := backup.Status(); !st[0].InSync {
			t.Errorf("status %+v", st)
		}
		for g := range 8 {
			for k := range 40 {
				want := ""
				for i := k; i < 300; i += 40 {
					if want = fmt.Sprint(i); i%7 == 3 {
						want = ""
					}
				}
				key := fmt.Sprintf("%d-%d", g, k)
				v, _, _ := backup.Get("london", "bind/paris", key)
				if told := backup.value("london bind/paris " + key); string(v) != want || told != want {
					t.Errorf("%s: has %q, was told %q, want %q", key, v, told, want)
				}
			}
		}
		if lost := n.Lost(); lost == 0 {
			t.Error("nothing was lost")
		}
	})
}

// A callback that takes its time holds up neither heartbeats nor writers.
func TestASlowOwnerDoesNotSilenceItsSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(11)
		home, backup := start(t, n, london(), nil), start(t, n, paris(), nil)
		defer home.end()
		defer backup.end()
		pass(time.Second)
		backup.mu.Lock()
		backup.onHeard = func(h mirror.Heard) {
			if h.System == "london" {
				pass(time.Minute)
			}
		}
		backup.mu.Unlock()
		for i := range 1000 {
			put(t, home, "bind/paris", fmt.Sprint(i), "x", 0)
			pass(5 * time.Millisecond)
		}
		before := home.heardOf("paris")
		pass(time.Minute)
		if got := home.heardOf("paris") - before; got < 11 {
			t.Errorf("%d heartbeats in a minute", got)
		}
		backup.mu.Lock()
		backup.onHeard = nil
		backup.mu.Unlock()
		pass(30 * time.Minute)
		if backup.count() != 1000 {
			t.Errorf("%d records", backup.count())
		}
	})
}

func (o *office) heardOf(system string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, h := range o.heard {
		if h.System == system && h.Via == "" {
			n++
		}
	}
	return n
}

// stuck is a carrier that takes nothing but heartbeats until it is let go.
type stuck struct {
	*mirrortest.Carrier
	free chan struct{}
}

func (s stuck) Publish(sub mirror.Subject, payload []byte) error {
	if sub.Class != mirror.Heartbeats {
		<-s.free
	}
	return s.Carrier.Publish(sub, payload)
}

// Bulk data that the carrier is slow to take holds up neither heartbeats nor puts.
func TestAHeartbeatNeverWaitsBehindBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mirrortest.New(12)
		home := &site{office: newOffice(), carrier: n.Carrier("london")}
		slow := stuck{home.carrier, make(chan struct{})}
		var err error
		if home.Service, err = service.New(service.Options{Config: london(), Carrier: slow, Callbacks: home.office}); err != nil {
			t.Fatal(err)
		}
		if err := home.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer home.end()
		backup := start(t, n, paris(), nil)
		defer backup.end()
		for i := range 100 {
			put(t, home, "dir", fmt.Sprint(i), "x", 0)
			pass(600 * time.Millisecond)
		}
		if got := backup.heardOf("london"); got < 12 {
			t.Errorf("%d heartbeats in a minute", got)
		}
		if backup.count() != 0 {
			t.Errorf("%d records though the carrier is stuck", backup.count())
		}
		close(slow.free)
		pass(20 * time.Second)
		if backup.count() != 100 {
			t.Errorf("%d records", backup.count())
		}
	})
}
