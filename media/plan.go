package media

import (
	"fmt"
	"slices"

	"roost/media/sdp"
)

// plan is the media of a session as it was agreed, or as an open offer would have
// it. An open offer works on a clone, so that it can be dropped.
type plan struct {
	kind    PathKind
	why     string // anchored
	reoffer string
	streams []*stream
	// slots are the m-lines that each side knows, in their order, which never
	// changes (RFC 3264 §8).
	slots [2][]slot
	hold  Hold
}

// slot is an m-line of one side. Two of them may stand for one stream: the party
// wrote, or was written, best effort as two m-lines.
type slot struct {
	stream int
	mid    string // as a web party wrote it
}

// stream is one medium, whatever m-lines it has on each side.
type stream struct {
	media    string
	carriage carriage
	live     bool
	relayed  *relayed // nil where it is direct, or rejected
	ends     [2]end
}

// end is a stream on one side.
type end struct {
	slot int
	// view is what the party said last. alternative is the plain one of two
	// m-lines, in alternativeSlot.
	view, alternative *view
	alternativeSlot   int
	// form is how the m-line is written on this side: in an open offer with all
	// that is offered, after the answer as was agreed.
	form   form
	secure bool
	way    way    // what is taken of the party's offer
	keys   []*Key // what it is offered, tags from 1
	// protect is what we send to it with.
	protect, unprotect *Key
	mux                bool
	client             bool // DTLS: we begin
	ufrag, pwd         string
	security           string // for Path and records
}

func (p *plan) clone() *plan {
	c := *p
	c.streams = make([]*stream, len(p.streams))
	for i, st := range p.streams {
		copied := *st
		c.streams[i] = &copied
	}
	c.slots = [2][]slot{slices.Clone(p.slots[A]), slices.Clone(p.slots[B])}
	return &c
}

// assign lays the m-lines of an offer on the plan's streams.
func (p *plan) assign(from Side, views []*view) error {
	if len(views) < len(p.slots[from]) {
		return fmt.Errorf("%w: %d m-lines, but there were %d already, and none may go", ErrMalformed, len(views), len(p.slots[from]))
	}
	for _, st := range p.streams {
		st.ends[from].alternative = nil
	}
	seen := make([]bool, len(p.streams), len(views))
	for i, v := range views {
		if i == len(p.slots[from]) {
			n := len(p.streams)
			if i > 0 && pair(views[i-1], v) && !p.paired(from, i-1) {
				n = p.slots[from][i-1].stream
			} else {
				p.streams = append(p.streams, &stream{})
				seen = append(seen, false)
			}
			p.slots[from] = append(p.slots[from], slot{stream: n})
		}
		sl := &p.slots[from][i]
		if v.mid != "" {
			sl.mid = v.mid
		}
		e := &p.streams[sl.stream].ends[from]
		switch {
		case !seen[sl.stream]:
			e.view, e.slot = v, i
		case pair(e.view, v) && v.form == savp: // plain first: SRTP is the better all the same
			e.alternative, e.alternativeSlot = e.view, e.slot
			e.view, e.slot = v, i
		case pair(e.view, v):
			e.alternative, e.alternativeSlot = v, i
		case v.live():
			e.view, e.slot = v, i
		}
		seen[sl.stream] = true
	}
	for _, st := range p.streams {
		e := &st.ends[from]
		if e.alternative != nil { // one view that offers both
			both := *e.view
			both.form = two
			e.view = &both
		}
		st.media, st.carriage, st.live = e.view.kind, e.view.carriage, e.view.live()
	}
	return nil
}

// pair tells that two m-lines are SRTP and RTP of one medium, for the answerer to
// choose from.
func pair(first, second *view) bool {
	return first.live() && second.live() && first.kind == "audio" && second.kind == first.kind &&
		(first.form == savp && second.form == plain || first.form == plain && second.form == savp) &&
		first.carriage == asRTP && second.carriage == asRTP && slices.Equal(first.payloads, second.payloads)
}

// paired tells that an m-line is one of two already.
func (p *plan) paired(side Side, i int) bool {
	return i > 0 && p.slots[side][i-1].stream == p.slots[side][i].stream
}

// place gives a stream its m-lines on the side that an offer goes to, where it has
// none yet.
func (p *plan) place(to Side, n int) {
	if slices.ContainsFunc(p.slots[to], func(sl slot) bool { return sl.stream == n }) {
		return
	}
	e := &p.streams[n].ends[to]
	e.slot = len(p.slots[to])
	p.slots[to] = append(p.slots[to], slot{stream: n})
	if e.form == two {
		e.alternativeSlot = len(p.slots[to])
		p.slots[to] = append(p.slots[to], slot{stream: n})
	}
}

// main is the stream that calls are about: the first live audio, else the first
// live one; nil where none is.
func (p *plan) main() *stream {
	var first *stream
	for _, st := range p.streams {
		if st.live && st.media == "audio" {
			return st
		}
		if st.live && first == nil {
			first = st
		}
	}
	return first
}

// heldBy brings Hold up to date after an answer. An answer that takes nothing
// because nothing is sent holds nobody.
func (p *plan) heldBy(from Side) {
	st := p.main()
	if st == nil {
		p.hold = Hold{}
		return
	}
	offer, answer := st.ends[from].view, st.ends[from.Other()].view
	held := [2]bool{p.hold.A, p.hold.B}
	held[from] = !offer.dir.Receive
	if offer.dir.Send {
		held[from.Other()] = !answer.dir.Receive
	}
	p.hold = Hold{A: held[A], B: held[B]}
}

// direction is what a side's media may do, from its own view: what both allow.
func (st *stream) direction(side Side) sdp.Direction {
	own, other := st.ends[side].view, st.ends[side.Other()].view
	return sdp.Direction{Send: own.dir.Send && other.dir.Receive, Receive: own.dir.Receive && other.dir.Send}
}
