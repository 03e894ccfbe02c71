package node

import (
	"context"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip"
)

// textWithin bounds how long a message may take to all devices of a number: less than the
// sender's transaction waits (Timer F, 32 s).
const textWithin = 20 * time.Second

// Texted implements sip.Texts: a message goes to the devices of a number here, or to the
// system where the number is; never to an outside line.
func (c calls) Texted(t sip.Text, done func(status int)) {
	if t.Peer == call.Phone && !c.mayText(t.From) {
		done(403)
		return
	}
	if c.isEmergency(t.To) {
		done(404)
		return
	}
	route := router{c.Node}.Route(call.Query{To: t.To, From: t.From, Peer: t.Peer, PeerName: t.PeerName})
	switch {
	case route.Kind != call.ToUser && route.Kind != call.ToSystem:
		done(404)
	case len(route.Targets) == 0:
		done(480)
	default:
		c.spawn(func() {
			ctx, cancel := context.WithTimeout(c.ctx, textWithin)
			defer cancel()
			status := 500
			defer func() { done(status) }()
			if route.Kind == call.ToUser {
				status = c.textDevices(ctx, route.Targets, t)
				return
			}
			status = c.textSystems(ctx, route.Targets, t)
		})
	}
}

// mayText: an own phone, or one that is registered here as a guest.
func (c calls) mayText(n registrar.Number) bool {
	if _, own := c.directory().Extension(n); own {
		return true
	}
	return len(c.registrar.Lookup(n, time.Now())) > 0
}

// textDevices sends to all devices of a phone at once; one that takes it is enough.
func (c calls) textDevices(ctx context.Context, targets []call.Target, t sip.Text) int {
	answers := make(chan int, len(targets))
	for i := range targets {
		one := &targets[i]
		to := t
		to.To = string(one.Number)
		c.spawn(func() {
			answers <- c.endpoint.SendText(ctx, sip.DialTarget{Kind: call.Phone, Registration: &one.Binding}, to)
		})
	}
	worst := 480
	for range targets {
		select {
		case status := <-answers:
			if status/100 == 2 {
				return status
			}
			worst = textStatus(status)
		case <-ctx.Done():
			return 480
		}
	}
	return worst
}

// textSystems tries one system after the other until one takes the message or says that
// nobody there has the number.
func (c calls) textSystems(ctx context.Context, targets []call.Target, t sip.Text) int {
	for i := range targets {
		if targets[i].Kind != call.System {
			continue
		}
		flow, err := c.flowToSystem(ctx, targets[i].Name)
		if err != nil {
			c.log.Info().Err(err).Str("system", targets[i].Name).Msg("a message could not go to another system")
			continue
		}
		got := c.endpoint.SendText(ctx, sip.DialTarget{
			Kind: call.System, URI: "sip:" + escapeUser(string(targets[i].Number)) + "@" + c.config().Realm, Flow: flow,
		}, t)
		if got = textStatus(got); got != 480 {
			return got
		}
	}
	return 480
}

// flowToSystem is the connection to another system, made where there is none.
func (c calls) flowToSystem(ctx context.Context, name string) (registrar.FlowID, error) {
	type reached struct {
		flow registrar.FlowID
		err  error
	}
	got := make(chan reached, 1)
	c.voice.neighbours.reach(name, c.endpoint.Alive, func(then func(registrar.FlowID, error)) { c.connectSystem(name, then) },
		func(flow registrar.FlowID, err error) { got <- reached{flow, err} })
	select {
	case r := <-got:
		return r.flow, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// textStatus is what the sender is told: the answer of who was asked, but where that is
// not there, or wants credentials of its own, the number cannot be reached now.
func textStatus(status int) int {
	switch status {
	case 401, 407, 408, 430, 481, 503:
		return 480
	}
	return status
}
