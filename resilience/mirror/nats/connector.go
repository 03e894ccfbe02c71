package natscarrier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// connector keeps one NATS connection: it dials, subscribes, waits for its end and
// dials again, until its context ends. The NATS client's own reconnecting is off: it
// hides the reasons, and keeps for later what the mirror would rather pull.
type connector struct {
	kind   kind
	timing *Timing
	// attempt makes one connection and, with it, its subscriptions.
	attempt func(ctx context.Context) (*link, error)
	// words says an error to an administrator.
	words func(error) string
	// changed is told each change of the connection: up, or down and why. It is called
	// from the connector's goroutine only.
	changed func(k kind, up bool, why string)

	current atomic.Pointer[nats.Conn] // nil while down
	kicked  atomic.Pointer[string]    // why we closed it ourselves
}

// link is a connection that came up.
type link struct {
	conn    *nats.Conn
	closed  <-chan struct{}
	expires time.Time             // when its peer's certificate ends; zero if it has none
	cause   func(err error) error // what lies below an error of conn; may be nil
}

// conn is the connection, nil while it is down.
func (c *connector) conn() *nats.Conn { return c.current.Load() }

// kick ends the connection of the moment for a reason of ours; the pause before the
// next try is at least penalty.
func (c *connector) kick(why string) {
	if conn := c.conn(); conn != nil {
		c.kicked.Store(&why)
		conn.Close()
	}
}

// run returns when ctx has ended and the connection is closed.
func (c *connector) run(ctx context.Context) {
	pause := pauses{timing: c.timing, began: time.Now()}
	for ctx.Err() == nil {
		a, err := c.attempt(ctx)
		if err == nil {
			err = c.hold(ctx, a)
			pause = pauses{timing: c.timing, began: time.Now()}
		}
		if ctx.Err() != nil {
			return
		}
		c.changed(c.kind, false, c.words(err))
		atLeast := time.Duration(0)
		if errors.Is(err, errCutOff) {
			atLeast = c.timing.FloodPenalty
		}
		wait(ctx, max(pause.next(), atLeast))
	}
}

// hold returns why the connection ended.
func (c *connector) hold(ctx context.Context, a *link) error {
	c.kicked.Store(nil)
	c.current.Store(a.conn)
	c.changed(c.kind, true, "")
	err := c.untilClosed(ctx, a)
	c.current.Store(nil)
	a.conn.Close()
	<-a.closed
	return err
}

func (c *connector) untilClosed(ctx context.Context, a *link) error {
	var expired <-chan time.Time
	if !a.expires.IsZero() {
		timer := time.NewTimer(time.Until(a.expires))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-expired:
		return fmt.Errorf("the peer's certificate expired at %s", a.expires.UTC().Format("2006-01-02 15:04:05 UTC"))
	case <-a.closed:
	}
	if why := c.kicked.Load(); why != nil {
		return fmt.Errorf("%w: %s", errCutOff, *why)
	}
	err := a.conn.LastError()
	if a.cause != nil {
		err = a.cause(err)
	}
	return err
}

var errCutOff = errors.New("cut off by us")

// pauses are the waits between tries: they grow by half, are spread by a fifth so that
// many systems do not return in step, and stay short while the fault is fresh.
type pauses struct {
	timing *Timing
	began  time.Time
	last   time.Duration
}

func (p *pauses) next() time.Duration {
	limit := p.timing.RetryMax
	if time.Since(p.began) > p.timing.FastFor {
		limit = p.timing.RetrySlow
	}
	p.last = min(max(p.last+p.last/2, p.timing.RetryMin), limit)
	return p.last - time.Duration(rand.Int64N(int64(p.last)/5+1)) // spreading, not secrecy
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
