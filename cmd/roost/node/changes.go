package node

import (
	"time"

	"roost/registrar"
	"roost/resilience"
)

// changed passes on what changed in the registrar: to the machine, to the other
// systems, and to the phones that subscribed. It must not be called from an effect
// of the machine; that is what spread is for.
func (n *Node) changed(changes []registrar.Change, now time.Time) {
	n.registered(changes, now)
	n.endpoint.Changed(changes...)
}

// registered is changed for what a phone's REGISTER did: of that the SIP front-end
// tells the subscriptions itself, after its answer.
func (n *Node) registered(changes []registrar.Change, now time.Time) {
	for i := range changes {
		c := &changes[i]
		if c.Registration.Guest && c.Kind == registrar.Removed && c.Left == 0 && c.Reason != registrar.Converted {
			n.keeper.step(resilience.PhoneGone{Phone: resilience.Phone(c.Registration.Number), Cause: goneCause(c.Reason)})
		}
	}
	n.tellSystems(changes, now)
}

// spread tells everybody but the machine.
func (n *Node) spread(changes []registrar.Change, now time.Time) {
	n.tellSystems(changes, now)
	n.endpoint.Changed(changes...)
}

func (n *Node) tellSystems(changes []registrar.Change, now time.Time) {
	for i := range changes {
		c := &changes[i]
		if c.Registration.Guest {
			n.spreadGuest(c)
		} else {
			n.spreadOwn(c, now)
		}
	}
}

func (n *Node) spreadGuest(c *registrar.Change) {
	if c.Kind == registrar.Removed && c.Left == 0 {
		n.share.guestGone(c.Registration.Home, c.Registration.Number)
		n.dropLog(c.Registration.Number)
	}
}

func (n *Node) spreadOwn(c *registrar.Change, now time.Time) {
	r := &c.Registration
	if c.Kind == registrar.Removed {
		n.share.unbound(r)
		n.heard.store(r.Number, r.Registered)
	} else {
		n.share.bound(n.directory(), r, now)
	}
	switch {
	case c.Kind == registrar.Added && c.Left == 1:
		n.share.entry(n.directory(), r.Number, n.name)
		n.away.came(r.Number)
	case c.Kind == registrar.Removed && c.Left == 0:
		n.share.entry(n.directory(), r.Number, n.away.where(r.Number))
	}
}

func goneCause(why registrar.Reason) resilience.GoneCause {
	switch why {
	case registrar.Unregistered:
		return resilience.Unregistered
	case registrar.FlowEnded:
		return resilience.FlowClosed
	default:
		return resilience.Expired
	}
}
