package srtp

import "encoding/binary"

// headerLength gives the length of the RTP header (RFC 3550 §5.1, §5.3.1) with
// contributing sources and extension, or 0 where b is no RTP.
func headerLength(b []byte) int {
	if len(b) < 12 || b[0]>>6 != 2 {
		return 0
	}
	n := 12 + 4*int(b[0]&15)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return 0
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	if len(b) < n {
		return 0
	}
	return n
}

// RTP turns the RTP packet b[:n] into SRTP in place and gives its new length. b must
// have room for Overhead octets more. Errors: ErrShort, ErrNoRoom, ErrIndexUsed,
// ErrSources, ErrExhausted; the packet is unchanged then.
func (p *Protector) RTP(b []byte, n int) (int, error) {
	h := headerLength(b[:n])
	if h == 0 {
		return 0, ErrShort
	}
	if len(b) < n+p.t.tag+len(p.t.mki) {
		return 0, ErrNoRoom
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	s := p.sources.find(ssrc)
	if s == nil {
		if len(p.sources) >= MaxSources {
			return 0, ErrSources
		}
		p.sources = append(p.sources, source{ssrc: ssrc})
		s = &p.sources[len(p.sources)-1]
	}
	index := s.index(binary.BigEndian.Uint16(b[2:]))
	switch {
	case index > maxIndex:
		return 0, ErrExhausted
	case !s.fresh(index):
		return 0, ErrIndexUsed
	}
	s.saw(index)
	return p.t.seal(b, h, n, ssrc, index), nil
}

// RTP authenticates the SRTP packet b, decrypts it in place and gives its new length.
// Errors: ErrShort, ErrForged, ErrReplayed, ErrSources; the payload is undefined then.
func (u *Unprotector) RTP(b []byte) (int, error) {
	h := headerLength(b)
	if h == 0 || len(b) < h+u.t.tag+len(u.t.mki) {
		return 0, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	s := u.sources.find(ssrc)
	if s == nil {
		return u.firstRTP(b, h, ssrc)
	}
	index := s.index(binary.BigEndian.Uint16(b[2:]))
	switch {
	case index > maxIndex:
		return 0, ErrForged
	case !s.fresh(index):
		return 0, ErrReplayed
	}
	n, ok := u.t.open(b, h, ssrc, index)
	if !ok {
		return 0, ErrForged
	}
	s.saw(index)
	return n, nil
}

// firstRTP is a packet of an SSRC that has not authenticated yet. Its roll-over
// counter is 0, or 1 where the sender began shortly before the first roll-over and
// its first packets were lost or came before we had the key.
func (u *Unprotector) firstRTP(b []byte, h int, ssrc uint32) (int, error) {
	if len(u.sources) >= MaxSources {
		return 0, ErrSources
	}
	seq := uint64(binary.BigEndian.Uint16(b[2:]))
	index := seq
	var spare []byte
	if seq < 1<<15 {
		spare = append(u.spare[:0], b...)
		u.spare = spare
	}
	n, ok := u.t.open(b, h, ssrc, index)
	if !ok && spare != nil {
		copy(b, spare)
		index |= 1 << 16
		n, ok = u.t.open(b, h, ssrc, index)
	}
	if !ok {
		return 0, ErrForged
	}
	u.sources = append(u.sources, source{ssrc: ssrc})
	u.sources[len(u.sources)-1].saw(index)
	u.spare = nil
	return n, nil
}

// Last gives the highest sequence number that was protected for an SSRC; ok is false
// where none was.
func (p *Protector) Last(ssrc uint32) (seq uint16, ok bool) {
	s := p.sources.find(ssrc)
	if s == nil || !s.begun {
		return 0, false
	}
	return uint16(s.top), true
}
