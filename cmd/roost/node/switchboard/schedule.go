package switchboard

import (
	"container/heap"
	"sync"
	"time"
)

// timeKeepers is how many goroutines look at deadlines; a call belongs to one of them.
const timeKeepers = 4

// scheduler wakes calls at their deadlines.
type scheduler struct {
	keepers [timeKeepers]timeKeeper
	done    chan struct{}
	once    sync.Once
	work    sync.WaitGroup
}

// timeKeeper holds the deadlines of its calls, the next one first. A call's deadline
// that moved back is left where it is: the call is woken early once, and says anew when
// it wants to be.
type timeKeeper struct {
	mu   sync.Mutex
	due  deadlines
	now  []*entry // to be run at once
	wake chan struct{}
}

type deadline struct {
	at time.Time
	e  *entry
}

func newScheduler() *scheduler {
	s := &scheduler{done: make(chan struct{})}
	for i := range s.keepers {
		s.keepers[i].wake = make(chan struct{}, 1)
	}
	return s
}

func (s *scheduler) start() {
	for i := range s.keepers {
		s.work.Go(func() { s.keepers[i].run(s.done) })
	}
}

func (s *scheduler) stop() {
	s.once.Do(func() { close(s.done) })
	s.work.Wait()
}

// at wants e.due to be called at a time. It may be called early, never late.
func (s *scheduler) at(e *entry, at time.Time) {
	k := &s.keepers[e.number%timeKeepers]
	k.mu.Lock()
	if e.armed.IsZero() || at.Before(e.armed) {
		e.armed = at
		heap.Push(&k.due, deadline{at, e})
		if k.due[0].e == e {
			k.ring()
		}
	}
	k.mu.Unlock()
}

// run has a call drained by a goroutine of the scheduler's, whose runner the caller is.
func (s *scheduler) run(e *entry) {
	k := &s.keepers[e.number%timeKeepers]
	k.mu.Lock()
	k.now = append(k.now, e)
	k.ring()
	k.mu.Unlock()
}

func (k *timeKeeper) ring() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *timeKeeper) run(done <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		drain, due, wait := k.next(time.Now())
		for _, e := range drain {
			e.drain()
		}
		for _, e := range due {
			e.due()
		}
		if len(drain)+len(due) > 0 {
			continue
		}
		timer.Reset(wait)
		select {
		case <-done:
			return
		case <-k.wake:
		case <-timer.C:
		}
	}
}

// next takes out what is to be done now, and says how long to wait for the rest.
func (k *timeKeeper) next(now time.Time) (drain, due []*entry, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	drain, k.now = k.now, nil
	for len(k.due) > 0 && !k.due[0].at.After(now) {
		d := heap.Pop(&k.due).(deadline)
		if d.e.armed.Equal(d.at) { // else an earlier one was set later, and has been seen to
			d.e.armed = time.Time{}
			due = append(due, d.e)
		}
	}
	if len(k.due) == 0 {
		return drain, due, time.Hour
	}
	return drain, due, max(0, k.due[0].at.Sub(now))
}

// deadlines is a heap, the earliest first.
type deadlines []deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d deadlines) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)        { *d = append(*d, x.(deadline)) }
func (d *deadlines) Pop() any {
	old := *d
	last := old[len(old)-1]
	old[len(old)-1] = deadline{}
	*d = old[:len(old)-1]
	return last
}
