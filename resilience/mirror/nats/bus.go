package natscarrier

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"roost/resilience/mirror"
)

// bus is where this system says what is for everybody: its own embedded server, or the
// outside cluster. Three connections, like a line.
type bus struct {
	connectors [kinds]*connector
	cancel     context.CancelFunc
	wg         sync.WaitGroup
	first      [kinds]chan struct{} // closed when the connection came up for the first time

	mu  sync.Mutex
	up  [kinds]bool
	why [kinds]string
}

// startBus begins to connect. connect makes one connection; changed is told the state
// of all three together.
func (c *Carrier) startBus(
	connect func(ctx context.Context, from *source, k kind, subjects []string) (*link, error),
	words func(error) string, changed func(up bool, why string),
) *bus {
	ctx, cancel := context.WithCancel(context.Background())
	b := &bus{cancel: cancel}
	from := &source{}
	subjects := hearing(c.cfg.System, mirror.Any, false)
	for k, more := range asked(c.cfg.System, mirror.Any, false) {
		subjects[k] = append(subjects[k], more...)
	}
	for k := range kinds {
		b.why[k] = NotTried
		b.first[k] = make(chan struct{})
		b.connectors[k] = &connector{
			kind:   k,
			timing: &c.cfg.Timing,
			words:  words,
			attempt: func(ctx context.Context) (*link, error) {
				return connect(ctx, from, k, subjects[k])
			},
			changed: func(k kind, up bool, why string) { b.note(k, up, why, changed) },
		}
	}
	for k := range kinds {
		b.wg.Go(func() { b.connectors[k].run(ctx) })
	}
	return b
}

func (b *bus) note(k kind, up bool, why string, changed func(bool, string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up[k], b.why[k] = up, why
	if up {
		select {
		case <-b.first[k]:
		default:
			close(b.first[k])
		}
	}
	changed(allUp(&b.up, &b.why))
}

func (b *bus) stop() {
	b.cancel()
	b.wg.Wait()
}

// ownServer connects to the embedded server of this process, without a socket.
func (c *Carrier) ownServer(_ context.Context, from *source, k kind, subjects []string) (*link, error) {
	return c.connect("", from, k, subjects,
		nats.InProcessServer(c.embedded.server),
		nats.UserInfo(c.cfg.System, c.embedded.door.password))
}

// state of the three connections together.
func (b *bus) state() (up bool, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return allUp(&b.up, &b.why)
}

// wait returns once all connections were up, or with the reason why not.
func (b *bus) wait(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for k := range kinds {
		select {
		case <-b.first[k]:
		case <-timer.C:
			_, why := b.state()
			return errors.New("connecting to our own server for lines: " + why)
		}
	}
	return nil
}
