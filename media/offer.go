package media

import (
	"errors"
	"fmt"

	"roost/media/sdp"
)

// offer makes an offer pending. With an error the session is as it was.
func (s *Session) offer(from Side, body []byte, level retry) ([]byte, error) {
	doc, err := sdp.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	views, err := s.look(from, doc)
	if err != nil {
		return nil, err
	}
	next := s.current.clone()
	first := len(next.streams) == 0
	if err := next.assign(from, views); err != nil {
		return nil, err
	}
	if first && next.main() == nil {
		return nil, fmt.Errorf("%w: the offer has no m-line with a port", ErrNoMedia)
	}
	p := &pending{from: from, body: body, doc: doc, next: next, level: level}
	if err := s.plan(p); err != nil {
		for _, r := range p.opened {
			r.close()
		}
		s.forget()
		return nil, err
	}
	s.pending = p
	return s.finish(from.Other(), s.writeOffer(p), next), nil
}

// plan decides what becomes of each stream of an offer, and opens and keys what is
// needed for it.
func (s *Session) plan(p *pending) error {
	next, from := p.next, p.from
	any := next.main() != nil
	next.reoffer, next.why, next.kind = "", s.anchor(next, from), Direct
	if next.why != "" {
		next.kind = Relayed
		if err := s.identify(); err != nil {
			return err
		}
	}
	var refused error
	for n, st := range next.streams {
		if st.live {
			if err := s.planStream(p, st); errors.Is(err, ErrSecurity) || errors.Is(err, ErrNoMedia) {
				st.live = false
				if refused == nil || st.media == "audio" {
					refused = fmt.Errorf("m-line %d (%s): %w", st.ends[from].slot+1, st.media, err)
				}
			} else if err != nil {
				return err
			}
		}
		if !st.live {
			st.relayed = nil
			st.ends[from].secure, st.ends[from.Other()].secure = false, false
		}
		next.place(from.Other(), n)
	}
	// A call whose voice was refused is refused, also where its video would go.
	if main := next.main(); refused != nil && (main == nil || main.media != "audio" && hadAudio(next, from)) {
		return refused
	}
	if any && next.main() == nil {
		return fmt.Errorf("%w: nothing of what is offered can be carried", ErrNoMedia)
	}
	return nil
}

func hadAudio(p *plan, from Side) bool {
	for _, st := range p.streams {
		if st.media == "audio" && st.ends[from].view.live() {
			return true
		}
	}
	return false
}

// planStream decides one stream. ErrSecurity and ErrNoMedia are for this stream
// alone.
func (s *Session) planStream(p *pending, st *stream) error {
	from, to := p.from, p.from.Other()
	if err := s.accept(from, st); err != nil {
		// Directly two parties may agree on a suite that we do not have.
		secure, clear := s.between(from, st.ends[from].view)
		if p.next.kind != Direct || st.carriage != asRTP || !secure && !clear {
			return err
		}
	}
	if _, secure, _, _ := profile(st.ends[from].view.proto); st.carriage != asRTP && !secure && s.policy(to) == Enforced {
		return fmt.Errorf("%w is enforced for side %s, and %s cannot be encrypted", ErrSecurity, to, st.ends[from].view.proto)
	}
	if p.next.kind == Direct {
		st.relayed = nil
		st.ends[to].form = s.directForm(from, st)
		return nil
	}
	if st.carriage == asOther {
		return fmt.Errorf("%w: %s is not relayed", ErrNoMedia, st.ends[from].view.proto)
	}
	if s.parties[to].Web && st.carriage != asRTP {
		return fmt.Errorf("%w: a web client has no %s", ErrNoMedia, st.ends[from].view.proto)
	}
	if err := s.openFor(p, st); err != nil {
		return err
	}
	if err := s.keyOfferer(st, from); err != nil {
		return err
	}
	return s.keyOffered(st, to, p.level)
}

// keyOfferer settles how we speak to the side that offers.
func (s *Session) keyOfferer(st *stream, from Side) error {
	e := &st.ends[from]
	standing := e.protect
	e.protect, e.unprotect, e.security = nil, nil, ""
	e.mux = e.view.mux
	switch {
	case !e.secure:
		return nil
	case e.form == dtls:
		e.security = "DTLS"
		e.role()
		if !e.view.ice {
			e.ufrag, e.pwd = "", ""
			return nil
		}
		return s.credentials(e, e.ufrag == "" || st.relayed.restarted(e.view))
	}
	key, err := s.answerKey(e.way, standing)
	if err != nil {
		return err
	}
	e.protect, e.unprotect, e.security = key, e.way.key, e.way.key.name()
	return nil
}

// role settles who begins the DTLS handshake with a party that offered or answered.
// Where it leaves the role to us, the one that stands goes on; at first we wait.
func (e *end) role() {
	switch e.view.setup {
	case "active":
		e.client = false
	case "passive":
		e.client = true
	}
}

// keyOffered settles what the other side is offered.
func (s *Session) keyOffered(st *stream, to Side, level retry) error {
	e := &st.ends[to]
	standing := e.protect
	e.form = s.anchoredForm(to, st, level)
	e.keys = nil
	var err error
	switch e.form {
	case plain:
		e.mux = e.mux && st.carriage == asRTP
	case dtls:
		e.mux = true
		err = s.credentials(e, e.ufrag == "")
	default:
		e.keys, err = s.offerKeys(standing)
	}
	if e.view == nil {
		e.mux = e.form == dtls || st.carriage == asRTP && st.ends[to.Other()].view.mux
	}
	return err
}
