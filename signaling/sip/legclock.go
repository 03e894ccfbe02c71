package sip

import (
	"sync"
	"time"
)

// clock wakes legs: one heap and one goroutine for all of them. A leg that is to be
// woken later than it stands there is left alone: the wake-up that comes too early
// does nothing but put it right.
type clock struct {
	wake func(*leg, time.Time)

	mu   sync.Mutex
	heap []*leg
	shut bool

	nudge chan struct{}
	end   chan struct{}
	group sync.WaitGroup
}

func newClock(wake func(*leg, time.Time)) *clock {
	return &clock{wake: wake, nudge: make(chan struct{}, 1), end: make(chan struct{})}
}

func (c *clock) start() {
	c.group.Add(1)
	go c.run()
}

func (c *clock) close() {
	c.mu.Lock()
	shut := c.shut
	c.shut = true
	c.mu.Unlock()
	if !shut {
		close(c.end)
	}
	c.group.Wait()
}

// set sees to it that a leg is woken at or before a time.
func (c *clock) set(l *leg, at time.Time) {
	n := at.UnixNano()
	if have := l.at.Load(); have != 0 && have <= n {
		return
	}
	c.mu.Lock()
	l.at.Store(n)
	if l.place < 0 {
		l.place = len(c.heap)
		c.heap = append(c.heap, l)
	}
	c.up(l.place)
	first := c.heap[0] == l
	c.mu.Unlock()
	if first {
		select {
		case c.nudge <- struct{}{}:
		default:
		}
	}
}

// stop takes a leg out.
func (c *clock) stop(l *leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take(l)
}

func (c *clock) take(l *leg) {
	i := l.place
	if i < 0 {
		return
	}
	last := len(c.heap) - 1
	c.swap(i, last)
	c.heap[last] = nil
	c.heap = c.heap[:last]
	if i < last {
		c.down(i)
		c.up(i)
	}
	l.place = -1
	l.at.Store(0)
}

func (c *clock) run() {
	defer c.group.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		l, wait := c.due(time.Now())
		if l != nil {
			c.wake(l, time.Now())
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.nudge:
		case <-c.end:
			return
		}
	}
}

// due takes the first leg out if its time has come; else it says how long to wait.
func (c *clock) due(now time.Time) (*leg, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.heap) == 0 || c.shut {
		return nil, time.Hour
	}
	l := c.heap[0]
	if wait := time.Duration(l.at.Load() - now.UnixNano()); wait > 0 {
		return nil, wait
	}
	c.take(l)
	return l, 0
}

func (c *clock) less(i, j int) bool { return c.heap[i].at.Load() < c.heap[j].at.Load() }

func (c *clock) swap(i, j int) {
	c.heap[i], c.heap[j] = c.heap[j], c.heap[i]
	c.heap[i].place, c.heap[j].place = i, j
}

func (c *clock) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !c.less(i, parent) {
			return
		}
		c.swap(i, parent)
		i = parent
	}
}

func (c *clock) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(c.heap); child++ {
			if c.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		c.swap(i, least)
		i = least
	}
}
