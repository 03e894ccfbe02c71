package srtp

// windowBits is how far behind the highest index a packet may come (RFC 3711 §3.3.2
// wants at least 64).
const windowBits = 128

const maxIndex = 1<<48 - 1

// source is what is known of one SSRC: its highest index and which of the indices
// before it were seen. The zero source has seen nothing.
type source struct {
	ssrc   uint32
	begun  bool
	top    uint64
	window [windowBits / 64]uint64 // bit i: top-i was seen
}

// index estimates the 48-bit index of a sequence number (RFC 3711 §3.3.1, appendix A).
// What would lie before the first roll-over counter counts as after.
func (s *source) index(seq uint16) uint64 {
	if !s.begun {
		return uint64(seq)
	}
	roc, last := s.top>>16, uint16(s.top)
	switch {
	case last < 1<<15 && int(seq)-int(last) > 1<<15 && roc > 0:
		roc--
	case last >= 1<<15 && int(last)-1<<15 > int(seq):
		roc++
	}
	return roc<<16 | uint64(seq)
}

// fresh tells whether an index was not seen, as far as the window can tell.
func (s *source) fresh(index uint64) bool {
	if !s.begun || index > s.top {
		return true
	}
	behind := s.top - index
	return behind < windowBits && s.window[behind/64]>>(behind%64)&1 == 0
}

// saw marks an index as seen.
func (s *source) saw(index uint64) {
	if s.begun && index <= s.top {
		behind := s.top - index
		s.window[behind/64] |= 1 << (behind % 64)
		return
	}
	ahead := index - s.top
	switch {
	case !s.begun || ahead >= windowBits:
		s.window = [windowBits / 64]uint64{}
	case ahead >= 64:
		s.window = [windowBits / 64]uint64{0, s.window[0] << (ahead - 64)}
	default:
		s.window = [windowBits / 64]uint64{s.window[0] << ahead, s.window[1]<<ahead | s.window[0]>>(64-ahead)}
	}
	s.window[0] |= 1
	s.top, s.begun = index, true
}

// sources are the SSRCs of one key; few, so they are looked through.
type sources []source

func (l sources) find(ssrc uint32) *source {
	for i := range l {
		if l[i].ssrc == ssrc {
			return &l[i]
		}
	}
	return nil
}
