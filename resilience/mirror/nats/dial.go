package natscarrier

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// commonOptions are those of every connection of ours.
func (c *Carrier) commonOptions(k kind, closed chan<- struct{}) []nats.Option {
	t := &c.cfg.Timing
	return []nats.Option{
		nats.Name(c.cfg.System + " " + k.String()),
		nats.NoReconnect(),
		nats.Timeout(t.Dial),
		nats.PingInterval(t.Ping),
		nats.MaxPingsOutstanding(t.PingsOut),
		nats.FlusherTimeout(t.Write),
		nats.CustomInboxPrefix(inbox(c.cfg.System)),
		nats.IgnoreDiscoveredServers(),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.ErrorHandler(c.asyncError),
	}
}

// asyncError is what the NATS client tells beside its calls.
func (c *Carrier) asyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	switch {
	case errors.Is(err, nats.ErrSlowConsumer):
		c.count.droppedClient.Add(1)
	case errors.Is(err, nats.ErrPermissionViolation):
		c.count.violations.Add(1)
		c.cfg.Log.Warn().Msg("a server does not let us say or hear something that a line needs; " +
			"compare network.lines on both sides: " + err.Error())
	default:
		event := c.cfg.Log.Debug()
		if sub != nil {
			event = event.Str("subject", sub.Subject)
		}
		event.Msg("lines: " + err.Error())
	}
}

// connect makes a connection and its subscriptions, and waits until the server knows them.
func (c *Carrier) connect(url string, from *source, k kind, subjects []string, extra ...nats.Option) (*link, error) {
	closed := make(chan struct{})
	conn, err := nats.Connect(url, append(c.commonOptions(k, closed), extra...)...)
	if err != nil {
		return nil, err
	}
	if err := c.subscribeOn(conn, from, subjects); err != nil {
		conn.Close()
		<-closed
		return nil, err
	}
	c.count.connects.Add(1)
	return &link{conn: conn, closed: closed}, nil
}

func (c *Carrier) subscribeOn(conn *nats.Conn, from *source, subjects []string) error {
	if conn.MaxPayload() < int64(c.cfg.Limits.MaxPayload) {
		return fmt.Errorf("the server takes messages of %d bytes at most, %d are needed (max_payload)",
			conn.MaxPayload(), c.cfg.Limits.MaxPayload)
	}
	for _, subject := range subjects {
		sub, err := conn.Subscribe(subject, c.handler(from))
		if err != nil {
			return fmt.Errorf("subscribing to %s: %w", subject, err)
		}
		if err := sub.SetPendingLimits(c.cfg.Limits.QueueMessages, c.cfg.Limits.QueueBytes); err != nil {
			return fmt.Errorf("subscribing to %s: %w", subject, err)
		}
	}
	if err := conn.FlushTimeout(c.cfg.Timing.Dial); err != nil {
		if last := conn.LastError(); last != nil {
			return last
		}
		return err
	}
	return nil
}

// dialLine is one try for a connection of a line.
func (c *Carrier) dialLine(ctx context.Context, peer *Peer, from *source, k kind, subjects []string) (*link, error) {
	d := &dialer{
		ctx:        ctx,
		address:    peer.Address,
		tls:        lineTLS(c.cfg.Identity, c.cfg.Clock, peer),
		timeout:    c.cfg.Timing.Dial,
		maxPayload: c.cfg.Limits.MaxPayload,
	}
	// The NATS client only needs something that reads like a URL; the dialer knows the address.
	a, err := c.connect("nats://"+peer.Address, from, k, subjects, nats.SetCustomDialer(d), nats.SkipHostLookup())
	if err != nil {
		return nil, d.cause(err)
	}
	a.expires = d.expires()
	a.cause = d.cause
	return a, nil
}
