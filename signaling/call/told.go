package call

import (
	"slices"
	"time"
)

// maxTold bounds the INFOs and MESSAGEs that wait for their answers.
const maxTold = 16

// told is an INFO or MESSAGE on its way across.
type told struct {
	from, to *leg
	theirs   uint32 // the ID of Told
	ours     uint32 // the ID of our Tell
	deadline time.Time
}

// tolds passes INFO and MESSAGE across.
func (c *Call) tolds(l *leg, ev Told) {
	to := c.partner(l)
	switch {
	case ev.Method == "MESSAGE" && l.guest:
		cause := c.notForGuests("a text message", l.party.Number)
		c.tell(l, TellReply{ID: ev.ID, Status: cause.Status})
	case to == nil || !c.settled(l) || !c.settled(to):
		c.tell(l, TellReply{ID: ev.ID, Status: 480})
	case len(c.told) >= maxTold:
		c.tell(l, TellReply{ID: ev.ID, Status: 500})
	default:
		t := told{from: l, to: to, theirs: ev.ID, ours: c.newID(), deadline: c.now.Add(c.cfg.Limits.Exchange)}
		c.told = append(c.told, t)
		c.tell(to, Tell{ID: t.ours, Method: ev.Method, Body: ev.Body, Package: ev.Package})
	}
}

// toldReply passes the answer back.
func (c *Call) toldReply(l *leg, ev ToldReply) {
	i := slices.IndexFunc(c.told, func(t told) bool { return t.to == l && t.ours == ev.ID })
	if i < 0 {
		return
	}
	status := ev.Status
	if status < 200 || status > 699 {
		status = 500
	}
	t := c.told[i]
	c.told = slices.Delete(c.told, i, i+1)
	c.tell(t.from, TellReply{ID: t.theirs, Status: status})
}

// settleTold answers what a leg told before it is ended.
func (c *Call) settleTold(l *leg) { c.dropTold(func(t told) bool { return t.from == l }, 487) }

// forgetTold drops what a leg that is over told, and answers what it was told.
func (c *Call) forgetTold(l *leg) {
	c.told = slices.DeleteFunc(c.told, func(t told) bool { return t.from == l })
	c.dropTold(func(t told) bool { return t.to == l }, 480)
}

func (c *Call) dropTold(match func(told) bool, status int) {
	c.told = slices.DeleteFunc(c.told, func(t told) bool {
		if !match(t) {
			return false
		}
		c.tell(t.from, TellReply{ID: t.theirs, Status: status})
		return true
	})
}
