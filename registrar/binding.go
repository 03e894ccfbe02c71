package registrar

import (
	"net/netip"
	"time"
)

// binding is a Registration as it is stored: 112 bytes, and its own strings one
// after the other in text. Times are nanoseconds since the registrar's origin.
type binding struct {
	text    string
	expires int64
	since   int64
	branch  uint64
	flow    FlowID
	nonce   uint64

	cseq       uint32
	granted    uint32
	regID      uint32
	nonceCount uint32

	hash               uint32 // of the number, for the index
	next               uint32 // slot of the same number's next binding
	flowNext, flowPrev uint32 // slots of the same flow's, within the shard

	contactLen, callIDLen, pathLen uint16
	// agent and home are ids in the names, or 0: in text.
	agent, home uint16
	port        uint16
	q           uint16

	instanceLen, numberLen, agentLen, homeLen, addrLen uint8

	protocol  Protocol // 0: the slot is free
	transport Transport
	guest     bool
}

// strings of a binding, in the order of text.
type words struct {
	contact, callID, path, instance, number, agent, home, addr string
}

func (b *binding) words(n *names, homes *names) (w words) {
	s := b.text
	take := func(n int) (head string) {
		head, s = s[:n], s[n:]
		return head
	}
	w.contact = take(int(b.contactLen))
	w.callID = take(int(b.callIDLen))
	w.path = take(int(b.pathLen))
	w.instance = take(int(b.instanceLen))
	w.number = take(int(b.numberLen))
	w.agent = take(int(b.agentLen))
	w.home = take(int(b.homeLen))
	w.addr = s
	if b.agent != 0 {
		w.agent = n.text(b.agent)
	}
	if b.home != 0 {
		w.home = homes.text(b.home)
	}
	return w
}

func (b *binding) contact() string { return b.text[:b.contactLen] }

func (b *binding) callID() string {
	return b.text[b.contactLen : b.contactLen+b.callIDLen]
}

func (b *binding) instance() string {
	at := int(b.contactLen) + int(b.callIDLen) + int(b.pathLen)
	return b.text[at : at+int(b.instanceLen)]
}

func (b *binding) number() string {
	at := int(b.contactLen) + int(b.callIDLen) + int(b.pathLen) + int(b.instanceLen)
	return b.text[at : at+int(b.numberLen)]
}

// addr is the source address in its shortest form: 4 or 16 bytes, and the zone.
func (b *binding) source(addr string) netip.AddrPort {
	return netip.AddrPortFrom(unpackAddr(addr), b.port)
}

// maxAddr is the longest packed address: 16 bytes and a zone.
const maxAddr = 16 + 32

func packAddr(dst []byte, a netip.Addr) []byte {
	switch {
	case a.Is4():
		b := a.As4()
		return append(dst, b[:]...)
	case a.Is6():
		b := a.As16()
		dst = append(dst, b[:]...)
		zone := a.Zone()
		return append(dst, zone[:min(len(zone), maxAddr-16)]...)
	}
	return dst
}

func unpackAddr(s string) netip.Addr {
	switch {
	case len(s) == 4:
		return netip.AddrFrom4([4]byte([]byte(s)))
	case len(s) >= 16:
		return netip.AddrFrom16([16]byte([]byte(s[:16]))).WithZone(s[16:])
	}
	return netip.Addr{}
}

func (s *shard) registration(b *binding) Registration {
	w := b.words(&s.of.agents, &s.of.homes)
	expires := s.of.origin.Add(time.Duration(b.expires))
	return Registration{
		Number:     Number(w.number),
		Protocol:   b.protocol,
		Transport:  b.transport,
		Contact:    w.contact,
		Source:     b.source(w.addr),
		Flow:       b.flow,
		Instance:   w.instance,
		RegID:      b.regID,
		CallID:     w.callID,
		CSeq:       b.cseq,
		Branch:     b.branch,
		Nonce:      b.nonce,
		NonceCount: b.nonceCount,
		UserAgent:  w.agent,
		Path:       w.path,
		Q:          b.q,
		Granted:    b.granted,
		Since:      s.of.origin.Add(time.Duration(b.since)),
		Registered: expires.Add(-time.Duration(b.granted) * time.Second),
		Expires:    expires,
		Guest:      b.guest,
		Home:       w.home,
	}
}
