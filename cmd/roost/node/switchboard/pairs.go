package switchboard

import (
	"errors"
	"slices"
	"sync/atomic"

	"roost/media"
	"roost/signaling/call"
)

// sdpType is the only kind of body that media reads.
const sdpType = "application/sdp"

var errNoPair = errors.New("there is no media session for these legs")

// pair is the media session of two legs.
type pair struct {
	a, b      call.LegID
	session   *media.Session
	reoffered bool
	owner     atomic.Pointer[entry] // whose it is, which a transfer may change
}

func (p *pair) side(leg call.LegID) media.Side {
	if leg == p.a {
		return media.A
	}
	return media.B
}

func (p *pair) of(x, y call.LegID) bool { return p.a == x && p.b == y || p.a == y && p.b == x }

func (e *entry) pairOf(x, y call.LegID) *pair {
	for _, p := range e.pairs {
		if p.of(x, y) {
			return p
		}
	}
	return nil
}

// pair begins the media of two legs.
func (e *entry) pair(fx call.Pair) {
	a, b := e.leg(fx.A), e.leg(fx.B)
	if a == nil || b == nil || e.pairOf(fx.A, fx.B) != nil {
		e.b.count.oddPairs.Add(1)
		return
	}
	partyA, partyB := e.party(a, fx.Emergency), e.party(b, fx.Emergency)
	config := e.b.o.Media()
	config.Call = e.id
	// The relay's own goroutine calls this, which must not carry the call's work.
	p := &pair{a: fx.A, b: fx.B}
	p.owner.Store(e)
	config.Silent = func() { p.owner.Load().postLater(item{event: call.MediaSilent{A: fx.A, B: fx.B}}) }
	p.session = media.NewSession(config, partyA, partyB, e.b.o.Relay, e.b.o.Random)
	e.pairs = append(e.pairs, p)
}

// party is a leg as media has to know it. A leg that was in another pair before goes
// on with the numbering of what it was sent.
func (e *entry) party(leg *Leg, emergency bool) media.Party {
	party := e.b.o.Party(leg)
	party.Emergency = party.Emergency || emergency || leg.Emergency
	for _, p := range slices.Backward(e.pairs) {
		if p.a == leg.ID || p.b == leg.ID {
			if past := p.session.Past(p.side(leg.ID)); past.Origin != "" {
				party.Past = past
				break
			}
		}
	}
	if party.Past.Origin == "" {
		party.Past = e.pasts[leg.ID]
	}
	return party
}

// unpair ends the media of two legs; what is worth it is kept for the record.
func (e *entry) unpair(a, b call.LegID) {
	p := e.pairOf(a, b)
	if p == nil {
		return
	}
	for _, leg := range []call.LegID{a, b} {
		if past := p.session.Past(p.side(leg)); past.Origin != "" {
			if e.pasts == nil {
				e.pasts = map[call.LegID]media.Past{}
			}
			e.pasts[leg] = past
		}
	}
	e.keepResult(p, p.session.Close)
	e.pairs = slices.DeleteFunc(e.pairs, func(other *pair) bool { return other == p })
	e.altered = true
}

// pass lets a body go through the media session of its pair.
func (e *entry) pass(d call.Do) (call.Body, error) {
	body := bodyOf(d.Action)
	if body.Empty() {
		return body, nil
	}
	p := e.pairOf(d.From, d.Leg)
	if p == nil {
		return body, errNoPair
	}
	from := p.side(d.From)
	var out []byte
	var err error
	if d.Pass == call.PassOffer {
		out, err = p.session.Offer(from, body.Data)
	} else {
		if out, err = p.session.Answer(from, body.Data); err != nil {
			p.session.Rollback()
		}
		e.altered = true
		e.reoffer(p)
	}
	if err != nil {
		return body, err
	}
	return call.Body{Type: sdpType, Data: out}, nil
}

// reoffer has the two agree anew, once, where only the answer showed that media cannot
// go from phone to phone.
func (e *entry) reoffer(p *pair) {
	why := p.session.Path().Reoffer
	if why == "" || p.reoffered {
		return
	}
	p.reoffered = true
	e.append(item{event: call.Reoffer{A: p.a, B: p.b, Why: why}}) // we are the runner
}

// rollbackFrom drops the offer that a leg made and that was refused; rollbackAt the
// one that a leg got and refused.
func (e *entry) rollbackFrom(leg call.LegID) {
	for _, p := range e.pairs {
		if from, open := p.session.Open(); open && (p.a == leg || p.b == leg) && p.side(leg) == from {
			p.session.Rollback()
		}
	}
}

func (e *entry) rollbackAt(leg call.LegID) {
	for _, p := range e.pairs {
		if from, open := p.session.Open(); open && (p.a == leg || p.b == leg) && p.side(leg) == from.Other() {
			p.session.Rollback()
		}
	}
}

// causeOf is how a refusal of the media is told in SIP.
func causeOf(err error) call.Cause {
	switch {
	case errors.Is(err, media.ErrNoPorts):
		return call.Cause{Status: 503, Phrase: "no media ports"}
	case errors.Is(err, media.ErrState):
		return call.Cause{Status: 491, Phrase: "offer and answer out of turn"}
	case errors.Is(err, media.ErrSecurity):
		return call.Cause{Status: 488, Phrase: "media security"}
	case errors.Is(err, media.ErrCodec):
		return call.Cause{Status: 488, Phrase: "no common codec"}
	default:
		return call.Cause{Status: 488, Phrase: "session description refused"}
	}
}
