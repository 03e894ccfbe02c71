package media

import (
	"fmt"
	"slices"

	"roost/media/sdp"
)

// answer works an answer into a clone of the pending plan, and writes it for the
// side that offered.
func (s *Session) answer(from Side, body []byte) (*plan, *sdp.Description, error) {
	p := s.pending
	doc, err := sdp.Parse(body)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	views, err := s.look(from, doc)
	if err != nil {
		return nil, nil, err
	}
	next := p.next.clone()
	if len(views) != len(next.slots[from]) {
		return nil, nil, fmt.Errorf("%w: it has %d m-lines, the offer had %d", ErrAnswer, len(views), len(next.slots[from]))
	}
	had := next.main() != nil
	for _, st := range next.streams {
		if err := s.answerStream(next, st, from, views); err != nil {
			return nil, nil, fmt.Errorf("m-line %d (%s): %w", st.ends[from].slot+1, st.media, err)
		}
	}
	if had && next.main() == nil && len(s.current.streams) == 0 {
		return nil, nil, fmt.Errorf("%w: the answer rejects each m-line", ErrNoMedia)
	}
	next.heldBy(p.from)
	return next, s.writeAnswer(next, doc, from), nil
}

func (s *Session) answerStream(next *plan, st *stream, from Side, views []*view) error {
	e, offerer := &st.ends[from], &st.ends[from.Other()]
	v := views[e.slot]
	if e.form == two {
		if plainer := views[e.alternativeSlot]; !v.live() && plainer.live() {
			e.slot, v = e.alternativeSlot, plainer
		}
	}
	standing := e.protect
	e.view, e.protect, e.unprotect, e.security = v, nil, nil, ""
	if !st.live && v.live() {
		return fmt.Errorf("%w: it takes an m-line that was not offered (port 0)", ErrAnswer)
	}
	if st.live = st.live && v.live(); !st.live {
		st.relayed = nil
		e.secure, offerer.secure, e.form = false, false, plain
		offerer.protect, offerer.unprotect, offerer.security = nil, nil, ""
		return nil
	}
	if st.relayed != nil && st.relayed.closed {
		return fmt.Errorf("%w: it takes an m-line that it had rejected", ErrAnswer)
	}
	if v.kind != st.media || v.carriage != st.carriage {
		return fmt.Errorf("%w: m=%.20s with %.20s, but %s was offered", ErrAnswer, v.kind, v.proto, st.media)
	}
	if err := common(offerer.view, v); err != nil {
		return err
	}
	if st.carriage != asRTP {
		return s.settle(next, st, from)
	}
	if err := s.secureAnswer(next, st, from, standing); err != nil {
		return err
	}
	return s.settle(next, st, from)
}

// common checks that one codec at least is in both, by name: numbers may differ
// (RFC 3264 §6.1).
func common(offer, answer *view) error {
	if len(answer.codecs) == 0 || offer.kind != "audio" {
		return nil
	}
	for i, c := range answer.codecs {
		if c.Event() {
			continue
		}
		if c != "" && slices.Contains(offer.codecs, c) || c == "" && slices.Contains(offer.payloads, answer.payloads[i]) {
			return nil
		}
	}
	return fmt.Errorf("%w: offered %v, answered %v", ErrCodec, offer.codecs, answer.codecs)
}

// secureAnswer checks the protection that an answer takes against what was offered,
// and keys the stream's end.
func (s *Session) secureAnswer(next *plan, st *stream, from Side, standing *Key) error {
	e, offerer := &st.ends[from], &st.ends[from.Other()]
	v := e.view
	_, secureLine, _, _ := profile(v.proto)
	switch {
	case e.form == dtls && v.form != dtls:
		return fmt.Errorf("%w: DTLS-SRTP was offered, and %s answered", ErrSecurity, v.proto)
	case e.form == dtls:
		e.secure, e.security, e.mux = true, "DTLS", v.mux
		e.role()
		return nil
	case v.form == dtls, e.form == plain && secureLine:
		return fmt.Errorf("%w: %s answered, which was not offered", ErrAnswer, v.proto)
	case e.form == savp && !secureLine:
		return fmt.Errorf("%w: SRTP was offered, and %s answered", ErrSecurity, v.proto)
	}
	e.mux = e.mux && v.mux
	e.secure = e.form != plain && (secureLine || v.form == osrtp)
	if e.form == two && !secureLine {
		e.secure = false
	}
	if next.kind == Direct {
		return s.secureDirect(st, from, offerer)
	}
	if !e.secure {
		e.form = plain
		return nil
	}
	offered := make([]sdp.Crypto, len(e.keys))
	for i, k := range e.keys {
		offered[i] = k.crypto(i + 1)
	}
	i, err := matched(v.ways, v.why, offered)
	if err != nil {
		return err
	}
	e.way = v.ways[0]
	if e.protect, err = taken(e.keys[i], e.way.key, standing); err != nil {
		return err
	}
	e.unprotect, e.security = e.way.key, e.way.key.name()
	if secureLine {
		e.form = savp
	}
	return nil
}

// secureDirect checks what two parties agreed on between themselves.
func (s *Session) secureDirect(st *stream, from Side, offerer *end) error {
	e := &st.ends[from]
	offerer.secure, offerer.protect, offerer.unprotect, offerer.security = e.secure, nil, nil, ""
	if !e.secure {
		e.form = plain
		if !offerer.view.plainToo() {
			return fmt.Errorf("%w: SRTP alone was offered, and %s answered", ErrSecurity, e.view.proto)
		}
		return nil
	}
	ways := s.passed(st, from.Other())
	offered := make([]sdp.Crypto, len(ways))
	for i, w := range ways {
		offered[i] = w.crypto
	}
	i, err := matched(e.view.others, e.view.why, offered)
	if err != nil {
		return err
	}
	e.way = e.view.others[0]
	offerer.way = ways[i]
	e.security, offerer.security = e.way.crypto.Suite, e.way.crypto.Suite
	if _, secureLine, _, _ := profile(e.view.proto); secureLine {
		e.form = savp
	}
	return nil
}

// passed are the ways of an offer that are passed on directly: all of them, but
// where SRTP is enforced only those that do encrypt, and that we know.
func (s *Session) passed(st *stream, from Side) []way {
	v := st.ends[from].view
	must := s.policy(A) == Enforced || s.policy(B) == Enforced
	var ways []way
	for _, w := range v.others {
		if must && (w.key == nil || w.key.ClearRTP || !slices.Contains(s.suites(), w.suite)) {
			continue
		}
		// Alternatives of capability negotiation may name one crypto twice.
		if !slices.ContainsFunc(ways, func(o way) bool { return o.crypto.Tag == w.crypto.Tag }) {
			ways = append(ways, w)
		}
	}
	return ways
}

// settle brings the offerer's end to what was agreed, and finds out what only the
// answer showed.
func (s *Session) settle(next *plan, st *stream, from Side) error {
	offerer := &st.ends[from.Other()]
	if offerer.form == two && offerer.alternative != nil && !offerer.secure {
		offerer.view, offerer.slot = offerer.alternative, offerer.alternativeSlot
	}
	if next.kind == Direct {
		if why := s.apart(from, st.ends[from].view); why != "" && next.reoffer == "" {
			next.reoffer = why
		}
		if a, b, known := s.families(st, from); known && a != b && next.reoffer == "" {
			next.reoffer = "one side has IPv4, the other IPv6"
		}
		return nil
	}
	rtp, _ := st.relayed.stream.Local(from)
	if v := st.ends[from].view; v.rtp().IsValid() && v.addr.Is4() != rtp.Addr().Unmap().Is4() {
		return fmt.Errorf("%w: media wanted at %s, but %s was offered", ErrAnswer, v.addr, rtp.Addr())
	}
	return nil
}
