package media

import "fmt"

// policy is a side's media security policy in this call: it never refuses an
// emergency call (GU6).
func (s *Session) policy(side Side) Security {
	p := s.parties[side].Security
	if p == Enforced && s.emergency() {
		return Preferred
	}
	return p
}

func (s *Session) emergency() bool { return s.parties[A].Emergency || s.parties[B].Emergency }

// overDTLS tells that a side's SRTP is keyed by a handshake.
func (s *Session) overDTLS(side Side, v *view) bool {
	return s.parties[side].Web || v != nil && v.form == dtls
}

// accept decides how an offered m-line goes on the offerer's own side by its
// policy: with SRTP or without, or not at all (ErrSecurity).
func (s *Session) accept(from Side, st *stream) error {
	e := &st.ends[from]
	v := e.view
	e.secure, e.form, e.way = false, v.form, way{}
	policy := s.policy(from)
	switch {
	case v.carriage != asRTP:
		if _, secure, _, _ := profile(v.proto); policy == Enforced && !secure {
			return fmt.Errorf("%w is enforced for side %s, and %s cannot be encrypted", ErrSecurity, from, v.proto)
		}
		return nil
	case v.form == dtls:
		if policy == Disabled && !s.parties[from].Web && !s.emergency() {
			return fmt.Errorf("%w is disabled for side %s, and it offers DTLS-SRTP alone", ErrSecurity, from)
		}
		e.secure = true
		return nil
	}
	if policy != Disabled || !v.plainToo() {
		e.way, e.secure = s.choose(v, policy == Enforced)
	}
	switch {
	case e.secure && policy == Disabled && !s.emergency():
		return fmt.Errorf("%w is disabled for side %s, and it offers SRTP alone", ErrSecurity, from)
	case e.secure:
		return nil
	case policy == Enforced && v.why != "":
		return fmt.Errorf("%w is enforced for side %s: %s", ErrSecurity, from, v.why)
	case policy == Enforced:
		return fmt.Errorf("%w is enforced for side %s, which offers no SRTP that is taken here", ErrSecurity, from)
	case v.plainToo():
		return nil
	case v.why != "":
		return fmt.Errorf("%w: side %s offers SRTP alone, and %s", ErrSecurity, from, v.why)
	default:
		return fmt.Errorf("%w: side %s offers SRTP alone, in no suite of media.suites", ErrSecurity, from)
	}
}

// between is what two parties could agree on directly.
func (s *Session) between(from Side, v *view) (secure, clear bool) {
	a, b := s.policy(from), s.policy(from.Other())
	secure = len(v.others) > 0 && a != Disabled && b != Disabled
	clear = v.plainToo() && a != Enforced && b != Enforced
	if a == Enforced || b == Enforced {
		_, secure = s.choose(v, true)
		secure = secure && a != Disabled && b != Disabled
	}
	return secure, clear
}

// directForm is how an offer is passed on directly to a side.
func (s *Session) directForm(from Side, st *stream) form {
	v := st.ends[from].view
	if v.carriage != asRTP {
		return plain
	}
	secure, clear := s.between(from, v)
	switch {
	case secure && clear:
		if agreed := st.ends[from.Other()]; agreed.view.live() {
			return s.standing(from.Other(), agreed)
		}
		return s.bestEffort(from.Other())
	case secure:
		return savp
	default:
		return plain
	}
}

// anchoredForm is how an offer of ours to a side is written.
func (s *Session) anchoredForm(to Side, st *stream, level retry) form {
	e := st.ends[to]
	switch {
	case st.carriage != asRTP:
		return plain
	case s.overDTLS(to, e.view):
		return dtls
	case e.view.live() && e.view.carriage == asRTP:
		return s.standing(to, e)
	}
	switch s.policy(to) {
	case Enforced:
		return savp
	case Preferred:
		switch level {
		case retrySAVP:
			return savp
		case retryPlain:
			return plain
		}
		return s.bestEffort(to)
	default:
		return plain
	}
}

// standing is the form of a later offer: as was agreed, so that nothing changes
// under a call that goes well.
func (s *Session) standing(to Side, e end) form {
	switch {
	case s.policy(to) == Enforced:
		return savp
	case !e.secure:
		return plain
	case e.form == osrtp:
		return osrtp
	default:
		return savp
	}
}

// bestEffort is how a side showed earlier that it has it, or how its profile wants it,
// but never SRTP alone in an emergency.
func (s *Session) bestEffort(to Side) form {
	switch past := s.parties[to].Past.Spoke; {
	case past == SpokeSealed && !s.emergency():
		return savp
	case past == SpokeClear && s.parties[to].BestEffort == SAVP:
		return plain
	}
	switch s.parties[to].BestEffort {
	case CapNeg:
		return capneg
	case TwoLines:
		return two
	case SAVP:
		if !s.emergency() {
			return savp
		}
	}
	return osrtp
}

// anchor says why the media of an offer must be anchored (VP1); "" where it may go
// directly. p holds what is known of the other side.
func (s *Session) anchor(p *plan, from Side) string {
	a, b := s.parties[A], s.parties[B]
	switch {
	case s.anchored != "":
		return s.anchored
	case p.kind == Relayed:
		return p.why
	case p.reoffer != "":
		return p.reoffer
	case !s.cfg.Direct:
		return "direct media is off"
	case !a.Direct:
		return "direct media is off for side a"
	case !b.Direct:
		return "direct media is off for side b"
	case a.Protocol != b.Protocol:
		return "the protocols differ"
	case a.Transport != b.Transport && a.Transport != AnyTransport && b.Transport != AnyTransport:
		return "the transport security of the signalling differs"
	case a.Web || b.Web:
		return "a web client"
	case a.NAT:
		return "side a is behind NAT"
	case b.NAT:
		return "side b is behind NAT"
	}
	for _, st := range p.streams {
		if !st.live {
			continue
		}
		if why := s.anchorStream(st, from); why != "" {
			return why
		}
	}
	return ""
}

func (s *Session) anchorStream(st *stream, from Side) string {
	e := &st.ends[from]
	for _, side := range []Side{A, B} {
		if why := s.apart(side, st.ends[side].view); why != "" {
			return why
		}
	}
	if from4, other4, known := s.families(st, from); known && from4 != other4 {
		return "one side has IPv4, the other IPv6"
	}
	if st.carriage != asRTP {
		return ""
	}
	if e.view.form == dtls {
		return "DTLS-SRTP on one side"
	}
	if e.alternative != nil && e.alternative.rtp() != e.view.rtp() {
		return "best effort in two m-lines with ports of their own"
	}
	secure, clear := s.between(from, e.view)
	other := st.ends[from.Other()].view
	switch {
	case !secure && !clear:
		return "the media security of the sides differs"
	case !clear && !other.live() && s.parties[from.Other()].Past.Spoke == SpokeClear:
		return "side " + from.Other().String() + " had RTP, and would be offered SRTP alone"
	case !secure && !other.live() && s.parties[from.Other()].Past.Spoke == SpokeSealed:
		return "side " + from.Other().String() + " had SRTP alone, and would be offered RTP"
	case !clear && s.emergency():
		// Directly the far side would have to do SRTP, or refuse.
		return "an emergency call with SRTP alone"
	}
	return ""
}

// apart says that a phone's media is not where its signalling is.
func (s *Session) apart(side Side, v *view) string {
	p := s.parties[side]
	source := p.Source.Unmap()
	if p.Kind != Phone || !source.IsValid() || !v.live() || !v.addr.IsValid() || v.hold || v.addr == source {
		return ""
	}
	return fmt.Sprintf("side %s is behind NAT: it signals from %s, and wants media at %s", side, source, v.addr)
}

// families tells whether each side has IPv4; known is false where the other side's
// family cannot be known yet.
func (s *Session) families(st *stream, from Side) (from4, other4, known bool) {
	v, w := st.ends[from].view, st.ends[from.Other()].view
	if v.hold || !v.addr.IsValid() {
		return false, false, false
	}
	other := s.parties[from.Other()]
	switch {
	case w.live() && w.addr.IsValid() && !w.hold:
		return v.addr.Is4(), w.addr.Is4(), true
	case other.Kind == Phone && other.Source.IsValid():
		return v.addr.Is4(), other.Source.Unmap().Is4(), true
	default:
		return v.addr.Is4(), false, false
	}
}
