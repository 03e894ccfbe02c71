package relay

import (
	"net"
	"slices"

	"github.com/pion/stun/v3"

	"roost/media"
)

// secret is what a side has for ICE and DTLS; the lane's worker owns it.
type secret struct {
	username  string // whom a check must be for, and from
	integrity stun.MessageIntegrity
	records   func([]byte) // takes DTLS records; nil without DTLS
	ready     func()       // a pair was checked: a handshake of ours may begin
}

func (s *secret) withICE(i *media.ICE) {
	s.username, s.integrity = "", nil
	if i != nil {
		s.username = i.LocalUfrag + ":" + i.RemoteUfrag
		s.integrity = stun.NewShortTermIntegrity(i.LocalPwd)
	}
}

// stun answers connectivity checks as a lite agent (RFC 8445 §7.3) and takes the pair
// that the far end nominates. Whoever does not know the password gets no answer.
func (l *lane) stun(s *side, p *packet) (int, *address) {
	if s.lock == nil || s.integrity() == nil || p.control {
		s.stats.foreign++
		return drop, nil
	}
	request := &stun.Message{Raw: slices.Clone(p.b[:p.n])}
	if request.Decode() != nil || !s.lock.proves(request) {
		s.stats.foreign++
		return drop, nil
	}
	s.alive = p.now
	n := answer(p, request, s.integrity())
	if n == 0 {
		s.stats.foreign++
		return drop, nil
	}
	p.n = n
	if request.Contains(stun.AttrICEControlled) {
		return back | viaRTP, &p.from
	}
	defer s.lock.checked()
	switch {
	case request.Contains(stun.AttrUseCandidate):
		s.rtp.to, s.rtp.held, s.rtp.learned = p.from, true, !p.from.is(&s.rtp.said)
	case !s.rtp.held:
		s.rtp.to = p.from // the handshake may begin
	}
	return back | viaRTP, &p.from
}

func (s *secret) checked() {
	if s.ready != nil {
		s.ready()
	}
}

func (s *side) integrity() stun.MessageIntegrity { return s.lock.integrity }

// proves tells whether a message is a binding request of the far end's.
func (s *secret) proves(m *stun.Message) bool {
	if m.Type != stun.BindingRequest {
		return false
	}
	var name stun.Username
	if name.GetFrom(m) != nil || name.String() != s.username {
		return false
	}
	return stun.Fingerprint.Check(m) == nil && s.integrity.Check(m) == nil
}

// answer writes the response to a check into the packet. Both ends in the controlled
// role is a conflict (RFC 8445 §7.3.1.1): a lite agent is always controlled.
func answer(p *packet, request *stun.Message, integrity stun.MessageIntegrity) int {
	from := p.from.addrPort()
	setters := []stun.Setter{stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: net.IP(from.Addr().AsSlice()), Port: int(from.Port())}}
	if request.Contains(stun.AttrICEControlled) {
		setters = []stun.Setter{stun.NewTransactionIDSetter(request.TransactionID), stun.BindingError, stun.CodeRoleConflict}
	}
	response, err := stun.Build(append(setters, integrity, stun.Fingerprint)...)
	if err != nil || len(response.Raw) > len(p.b) {
		return 0
	}
	return copy(p.b, response.Raw)
}

// dtls hands a record to the handshake, if it is from where the far end is: the pair
// that ICE checked, the latched source, or a port of a host that was named.
func (l *lane) dtls(s *side, p *packet) (int, *address) {
	known := p.from.is(&s.rtp.to) && s.rtp.to.n != 0
	if s.lock == nil || s.lock.records == nil || p.control {
		s.stats.foreign++
		return drop, nil
	}
	if !known {
		named := p.from.sameHost(&s.named) || p.from.sameHost(&s.rtp.said)
		if s.rtp.held || !s.latch || !named || s.integrity() != nil || l.own != nil && l.own(&p.from) {
			s.stats.foreign++
			return drop, nil
		}
		s.rtp.to = p.from
	}
	s.lock.records(slices.Clone(p.b[:p.n]))
	return drop, nil
}
