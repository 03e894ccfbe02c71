package per

import "fmt"

// Open begins an open type; what it returns goes to Close.
func (e *Encoder) Open() int {
	e.align()
	e.buf = append(e.buf, 0)
	return len(e.buf)
}

// Close ends the open type that began at mark. tail is put behind the value; empty
// writes no octet at all where the value has no bits.
func (e *Encoder) Close(mark int, tail []byte, empty bool) {
	e.align()
	if len(e.buf) == mark && !empty {
		e.buf = append(e.buf, 0)
	}
	e.buf = append(e.buf, tail...)
	n := len(e.buf) - mark
	switch {
	case n < 0x80:
		e.buf[mark-1] = byte(n)
	case n < 1<<14:
		e.buf = append(e.buf, 0)
		copy(e.buf[mark+1:], e.buf[mark:])
		e.buf[mark-1] = byte(n>>8) | 0x80
		e.buf[mark] = byte(n)
	default:
		value := append([]byte(nil), e.buf[mark:]...)
		e.buf = e.buf[:mark-1]
		e.Octets(value)
	}
}

// CloseAlternative ends a known alternative behind a CHOICE's extension marker.
func (e *Encoder) CloseAlternative(mark int, other *Alternative) {
	if other == nil {
		e.Close(mark, nil, false)
		return
	}
	e.Close(mark, other.Raw, other.Empty)
}

// UnknownAlternative writes an alternative that is not known, with its extension bit.
func (e *Encoder) UnknownAlternative(other *Alternative) {
	if other == nil {
		e.Choose()
		return
	}
	e.Bit(true)
	e.Small(other.Index)
	e.Octets(other.Raw)
}

// Extended is the extension bit of a SEQUENCE of which the additions in present
// are set.
func (x *Extension) Extended(present uint64) bool {
	return x.heard || present != 0 || x.raw != nil
}

// Additions writes the extension bitmap of a SEQUENCE: present are the known
// additions that follow, known is how many we know. Each of them is then written
// in order between Open and CloseAddition, and the others by Rest.
func (e *Encoder) Additions(x *Extension, present uint64, known int) {
	n := known
	if x.heard {
		n = int(x.count)
	}
	for _, addition := range x.Additions() {
		if addition.Index < 0 || addition.Index >= MaxAdditions {
			e.Fail(ErrLimit, fmt.Sprintf("extension addition %d", addition.Index))
			return
		}
		if !addition.Known {
			present |= 1 << addition.Index
		}
	}
	for present>>n != 0 {
		n++
	}
	e.Bits(uint64(n-1), 7)
	for i := range n {
		e.Bit(present&(1<<i) != 0)
	}
}

// CloseAddition ends the known addition i.
func (e *Encoder) CloseAddition(mark int, x *Extension, i int) {
	for _, addition := range x.Additions() {
		if addition.Known && addition.Index == i {
			e.Close(mark, addition.Raw, addition.Empty)
			return
		}
	}
	e.Close(mark, nil, false)
}

// Rest writes the additions that are kept raw, from known on.
func (e *Encoder) Rest(x *Extension, known int) {
	for _, addition := range x.Additions() {
		if !addition.Known && addition.Index >= known {
			e.Octets(addition.Raw)
		}
	}
}
