package media

import (
	"fmt"
	"io"
	"net/netip"
	"slices"

	"roost/media/sdp"
)

// Config is what holds for a Session besides its two parties.
type Config struct {
	// Call is the call's name in logs and statistics of the relay.
	Call string
	// Direct: phones may send to each other at all (VP1).
	Direct bool
	// Suites are the SRTP suites, best first; empty: AES128CM80 alone. In a party's
	// offer the first of these that it has is taken.
	Suites []Suite
	// SRTCP: RTCP is encrypted where RTP is. Without it UNENCRYPTED_SRTCP is
	// offered: RTCP is authenticated only. An offer of a party's is taken either way.
	SRTCP bool
	// Fingerprint is the SHA-256 of the relay's certificate, for web parties.
	Fingerprint [32]byte
	// Lab: loopback addresses are believed from parties that are not on loopback.
	Lab bool
	// Own, if not nil, tells that an address is one of our own relay or signalling
	// sockets, to which no media is ever sent.
	Own func(netip.AddrPort) bool
	// Silent, if not nil, is called from the relay's goroutine when a stream had no
	// packet from either side for the media time-out (OpenStream.Silent).
	Silent func()
}

// Session is the media of one pair of legs. It is owned by its call: not safe for
// concurrent use.
type Session struct {
	cfg     Config
	parties [2]Party
	relay   Relay
	rand    io.Reader

	current plan
	pending *pending // the last offer; nil where it was rolled back
	sent    [2]sent
	id      string     // of our own o=
	relays  []*relayed // in the order of their opening
	// anchored, if not empty, is why nothing is direct any more.
	anchored string
	closed   bool
}

// pending is the last offer. It is kept after its answer, since that may come again.
type pending struct {
	from     Side
	body     []byte
	doc      *sdp.Description
	next     *plan
	opened   []*relayed
	level    retry
	answered bool
}

// slim leaves of an answered offer what a second answer needs.
func (p *pending) slim() {
	p.opened, p.body = nil, nil
	slim := &sdp.Description{}
	for value := range p.doc.Session.Attrs("group") {
		slim.Session.Add("group", value)
	}
	for _, m := range p.doc.Media {
		slim.Media = append(slim.Media, stub(m))
	}
	p.doc = slim
}

// retry says how often the first offer was refused already.
type retry uint8

const (
	asPolicy retry = iota
	retryAnchored
	retrySAVP
	retryPlain
)

// NewSession begins the media of a pair of legs: a is whom the call comes from,
// b whom it goes to. Nothing is opened before the first offer. Keys and ICE
// credentials are read from rand (crypto/rand.Reader).
func NewSession(cfg Config, a, b Party, relay Relay, rand io.Reader) *Session {
	s := &Session{cfg: cfg, parties: [2]Party{a, b}, relay: relay, rand: rand}
	for side, p := range s.parties {
		if o, err := sdp.ParseOrigin(p.Past.Origin); err == nil {
			s.sent[side] = sent{origin: o, known: true}
		}
	}
	return s
}

// Offer takes an offer that came from a side, the first or a later one, and gives
// the body for the other side. With an error nothing has changed, and the offer is
// refused (errors.go says with what).
func (s *Session) Offer(from Side, body []byte) (out []byte, err error) {
	if s.closed {
		return nil, fmt.Errorf("%w: the session is closed", ErrState)
	}
	if _, open := s.Open(); open {
		return nil, fmt.Errorf("%w: an offer from side %s is open", ErrState, s.pending.from)
	}
	return s.offer(from, body, asPolicy)
}

// Answer takes the answer to the open offer from the side that it was passed to,
// and gives the body for the side that offered. The same side may answer again (in
// the 183 and in the 200): the newer holds. With an error the session is as before
// the offer, which is still open: Rollback or Close it. (Only where the relay itself
// fails half-way it is neither, and the call must end.)
func (s *Session) Answer(from Side, body []byte) (out []byte, err error) {
	p := s.pending
	if s.closed || p == nil || p.from == from {
		return nil, fmt.Errorf("%w: no offer is open that side %s could answer", ErrState, from)
	}
	next, doc, err := s.answer(from, body)
	if err != nil {
		return nil, err
	}
	if err := s.carry(next); err != nil {
		return nil, err
	}
	for _, r := range s.relays {
		if !next.carries(r) {
			r.close()
		}
	}
	s.forget()
	s.current, p.answered = *next, true
	p.slim()
	return s.finish(p.from, doc, next), nil
}

// Rollback drops the open offer, which was refused: the session is again as it was
// before it (RFC 3264 §8: 488 keeps the old session). Without an open offer it
// does nothing.
func (s *Session) Rollback() {
	if _, open := s.Open(); !open {
		return
	}
	for _, r := range s.pending.opened {
		r.close()
	}
	s.forget()
	s.pending = nil
}

// Retry gives another body for a party that refused the first offer passed to it
// (415, 488, 606): anchored where direct was refused; then, where SRTP was best
// effort, RTP/SAVP alone, for phones that insist on it refuse RTP/AVP with a=crypto
// too (baresip's srtp-mand); at last without SRTP, and without RTCP feedback
// (RTP/AVPF). ok is false when there is nothing else to try, and for later offers; a
// new INVITE with the body takes the place of the refused one.
func (s *Session) Retry(by Side) (out []byte, ok bool) {
	p := s.pending
	if _, open := s.Open(); !open || p.from == by || len(s.current.streams) > 0 || s.closed {
		return nil, false
	}
	level := retryPlain
	switch {
	case p.next.kind == Direct:
		level = retryAnchored
	case p.level < retrySAVP && s.policy(by) == Preferred && !s.emergency() && p.next.offersBoth(by):
		level = retrySAVP
	case p.level == retryPlain || !p.next.offersMore(by, s.policy(by)):
		return nil, false
	}
	s.Rollback()
	before := s.anchored
	s.anchored = "side " + by.String() + " refused what it was offered"
	out, err := s.offer(p.from, p.body, level)
	if err != nil {
		s.anchored = before
	}
	return out, err == nil
}

// offersMore tells that a side was offered what it may go without: SRTP, feedback.
func (p *plan) offersMore(to Side, policy Security) bool {
	for _, st := range p.streams {
		if !st.live || st.carriage != asRTP {
			continue
		}
		f := st.ends[to].form
		if policy == Preferred && (f.best() || f == savp) || f != dtls && st.ends[to.Other()].view.feedback {
			return true
		}
	}
	return false
}

// offersBoth tells that a side was offered SRTP and RTP, to choose from.
func (p *plan) offersBoth(to Side) bool {
	return slices.ContainsFunc(p.streams, func(st *stream) bool {
		return st.live && st.carriage == asRTP && st.ends[to].form.best()
	})
}

// Open tells that an offer waits for its answer, and from which side it came.
func (s *Session) Open() (from Side, open bool) {
	if s.pending == nil || s.pending.answered {
		return 0, false
	}
	return s.pending.from, true
}

// Path is how media goes as was last agreed; while the first offer is open, as it
// was passed on.
func (s *Session) Path() Path {
	p := &s.current
	if _, open := s.Open(); open && p.kind == NoMedia {
		p = s.pending.next
	}
	path := Path{Kind: p.kind, Why: p.why, Reoffer: p.reoffer}
	if st := p.main(); st != nil {
		path.Security = [2]string{st.ends[A].security, st.ends[B].security}
	}
	return path
}

// Hold is who holds the call, as was last agreed.
func (s *Session) Hold() Hold { return s.current.hold }

// Past gives what a side's leg takes along, for Party.Past of its next Session. To be
// asked for before Close.
func (s *Session) Past(side Side) Past {
	past := s.parties[side].Past
	if s.sent[side].known {
		past.Origin = s.sent[side].origin.String()
	}
	st := s.current.main()
	if st == nil || st.carriage != asRTP || !st.ends[side].view.live() {
		return past
	}
	switch st.ends[side].view.form {
	case plain:
		past.Spoke = SpokeClear
	case savp:
		past.Spoke = SpokeSealed
	default:
		past.Spoke = SpokeEither
	}
	return past
}

// Stats gives the streams that were relayed, the last 32 with those that ended, in
// the order of their opening. Direct media has none.
func (s *Session) Stats() []MediaStats {
	stats := make([]MediaStats, len(s.relays))
	for i, r := range s.relays {
		stats[i] = r.stats()
	}
	return stats
}

// Close ends all streams and gives the last statistics. It may be called again.
func (s *Session) Close() []MediaStats {
	s.closed = true
	for _, r := range s.relays {
		r.close()
	}
	s.forget()
	return s.Stats()
}
