package registrar

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Registrations, flow deaths, sweeps and readers at the same time: the licences
// are never exceeded, and what the callers were told adds up to what is there.
func TestUS4_LicencesHoldUnderConcurrency(t *testing.T) {
	const workers, rounds, licences = 4, 3000, 40
	r := New(Config{Licences: licences}, start)
	var mu sync.Mutex
	sum := 0 // bindings that the changes add up to
	hear := func(changes []Change) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range changes {
			switch c.Kind {
			case Added:
				sum++
			case Removed:
				sum--
			}
		}
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				n := Number(fmt.Sprint(100 + (i*7+w*13)%60))
				now := start.Add(time.Duration(i) * time.Millisecond)
				u := phone(n)
				u.CallID = fmt.Sprint(w, i)
				u.Flow = FlowID(1 + i%20)
				u.Guest = i%5 == 0
				res, err := r.Register(u, now)
				if err != nil && !errors.Is(err, ErrNoLicence) {
					t.Errorf("%v", err)
				}
				hear(res.Changes)
				switch i % 10 {
				case 3:
					hear(r.FlowClosed(FlowID(1+i%20), now))
				case 5:
					hear(r.Sweep(now.Add(time.Duration(i) * time.Second)))
				case 7:
					hear(r.Drop(n, "test", now))
				case 8:
					for b := range r.All(now) {
						_ = b.Key()
					}
				}
				if c := r.Count(); c.LicencesUsed() > licences+workers { // the two counts of a conversion are not one step
					t.Errorf("%d of %d licences", c.LicencesUsed(), licences)
				}
				if n := r.count.licensed.Load(); n > licences {
					t.Errorf("%d of %d licences", n, licences)
				}
			}
		})
	}
	wg.Wait()
	n := 0
	for range r.All(start) {
		n++
	}
	if c := r.Count(); n != sum || c.Bindings != sum || int64(c.LicencesUsed()) != r.count.licensed.Load() {
		t.Errorf("%d bindings, %d told, %+v, %d licensed", n, sum, c, r.count.licensed.Load())
	}
}

func FuzzSameContact(f *testing.F) {
	f.Add("sip:a@h;transport=tcp?x=y", "sips:a@H:5060;;=;lr")
	f.Add("sip:", "sip:;a=b;A=c")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !SameContact(a, a) {
			t.Errorf("%q is not the same as itself", a)
		}
		if SameContact(a, b) != SameContact(b, a) {
			t.Errorf("%q and %q: depends on the order", a, b)
		}
	})
}
