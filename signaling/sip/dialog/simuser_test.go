package dialog

import (
	"fmt"
	"time"

	"roost/signaling/call"
)

// later plans something.
func (u *user) later(within time.Duration, do func()) {
	u.plan = append(u.plan, deed{u.s.now.Add(time.Duration(u.s.rng.Int64N(int64(within)) + 1)), do})
}

func (u *user) hear(ev call.LegEvent) {
	if len(u.final) > 0 {
		u.s.fail("side %d hears %T after its end", u.side, ev)
	}
	switch ev := ev.(type) {
	case call.Invited:
		u.beInvited(ev)
	case call.Ringing:
	case call.Answered:
		u.up = true
		u.theirs = string(ev.Body.Data)
		u.mine = u.invites
		if u.delayed {
			answer := u.sdp()
			u.mine = string(answer.Data)
			u.later(time.Second, func() { u.do(call.Connect{Body: answer}) })
		}
	case call.Connected:
		u.up = true
		if !ev.Body.Empty() {
			u.theirs = string(ev.Body.Data)
		}
	case call.Offered:
		u.beOffered(ev)
	case call.Agreed:
		if !u.offers[ev.ID] {
			u.s.fail("side %d hears Agreed for %d, which it did not ask for", u.side, ev.ID)
		}
		delete(u.offers, ev.ID)
		u.s.seen[fmt.Sprint("agreed ", ev.Cause.Status)]++
		switch {
		case ev.Cause.Status != 0:
		case u.pending[ev.ID] == "": // we asked for an offer
			answer := u.sdp()
			u.mine, u.theirs = string(answer.Data), string(ev.Body.Data)
			u.later(time.Second, func() { u.do(call.Connect{Body: answer}) })
		default:
			u.mine, u.theirs = u.pending[ev.ID], string(ev.Body.Data)
		}
	case call.Told:
		u.later(time.Second, func() { u.do(call.TellReply{ID: ev.ID, Status: 200}) })
	case call.ToldReply:
		if !u.tells[ev.ID] {
			u.s.fail("side %d hears ToldReply for %d, which it did not tell", u.side, ev.ID)
		}
		delete(u.tells, ev.ID)
	case call.Ended, call.Refused, call.Cancelled:
		u.final = append(u.final, ev)
		u.s.seen[fmt.Sprintf("%T", ev)]++
	default:
		u.s.fail("side %d hears %T", u.side, ev)
	}
}

func (u *user) beInvited(ev call.Invited) {
	if u.invited {
		u.s.fail("invited twice")
	}
	u.invited = true
	var answer call.Body
	rings := u.s.rng.IntN(3)
	early := u.s.rng.IntN(2) == 0
	for range rings {
		u.later(4*time.Second, func() {
			r := call.Ring{Status: 180}
			if early && !ev.Offer.Empty() {
				if answer.Empty() {
					answer = u.sdp()
				}
				r.Status, r.Body = 183, answer
			}
			u.do(r)
		})
	}
	if u.silent {
		return
	}
	if u.refuses != 0 {
		u.later(6*time.Second, func() { u.do(call.Refuse{Cause: call.Cause{Status: u.refuses}}) })
		return
	}
	u.later(6*time.Second, func() {
		if answer.Empty() {
			answer = u.sdp()
		}
		u.mine, u.theirs = string(answer.Data), string(ev.Offer.Data)
		u.do(call.Answer{Body: answer})
	})
}

func (u *user) beOffered(ev call.Offered) {
	u.later(2*time.Second, func() {
		if u.s.rng.IntN(4) == 0 {
			u.do(call.Reply{ID: ev.ID, Cause: call.Cause{Status: 488}})
			return
		}
		answer := u.sdp()
		u.mine = string(answer.Data)
		if !ev.Body.Empty() {
			u.theirs = string(ev.Body.Data)
		}
		u.do(call.Reply{ID: ev.ID, Body: answer})
	})
}

func (u *user) offer() {
	u.nextID++
	var b call.Body
	if u.s.rng.IntN(4) > 0 {
		b = u.sdp()
	}
	u.offers[u.nextID], u.pending[u.nextID] = true, string(b.Data)
	u.do(call.Offer{ID: u.nextID, Body: b})
}

func (u *user) say() {
	u.nextID++
	u.tells[u.nextID] = true
	u.do(call.Tell{ID: u.nextID, Method: "INFO", Body: call.Body{Type: "text/plain", Data: []byte("x")}})
}
