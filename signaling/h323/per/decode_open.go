package per

import "fmt"

// Open is a value within an open type that is being read.
type Open struct {
	outer      []byte // the data around it, where the open type came in fragments
	end, after int    // of the data around it
	start      int
}

// Open begins to read a known value within an open type.
func (d *Decoder) Open() Open {
	n, more := d.length()
	if more {
		whole := d.fragments(d.take(n))
		o := Open{outer: d.data, end: d.end, after: d.pos}
		if d.err == nil {
			d.data, d.pos, d.end = whole, 0, len(whole)*8
		}
		return o
	}
	if n > (d.end-d.pos)/8 {
		d.Fail(ErrTruncated, fmt.Sprintf("%d octets of %d", (d.end-d.pos)/8, n))
		return Open{}
	}
	o := Open{end: d.end, start: d.pos, after: d.pos + n*8}
	d.end = o.after
	return o
}

// leave ends an open type. tail is what was left behind the value; empty says that
// there was no octet where X.691 wants one.
func (d *Decoder) leave(o Open) (tail []byte, empty bool) {
	if d.err != nil {
		return nil, false
	}
	if d.pos == o.start {
		empty = d.pos == d.end
		d.pos = min(d.pos+8, d.end)
	}
	d.align()
	if d.pos < d.end {
		tail = d.take((d.end - d.pos) / 8)
	}
	if o.outer != nil {
		d.data = o.outer
	}
	d.pos, d.end = o.after, o.end
	return tail, empty
}

// CloseAlternative ends a known alternative behind a CHOICE's extension marker.
func (d *Decoder) CloseAlternative(o Open, other **Alternative) {
	if tail, empty := d.leave(o); tail != nil || empty {
		*other = &Alternative{Raw: tail, Empty: empty}
	}
}

// UnknownAlternative reads an alternative that is not known.
func (d *Decoder) UnknownAlternative(index int) *Alternative {
	return &Alternative{Index: index, Raw: d.Octets()}
}

// Additions reads the extension bitmap of a SEQUENCE: bit i is set where addition
// i follows. The known ones are then read in order, each between Open and
// CloseAddition, and the others by Rest.
func (d *Decoder) Additions(x *Extension) uint64 {
	if d.Bit() {
		d.Fail(ErrLimit, fmt.Sprintf("more than %d extension additions", MaxAdditions))
		return 0
	}
	n := int(d.Bits(6)) + 1
	x.heard, x.count = true, uint8(n)
	sent := d.Bits(n)
	var present uint64
	for i := range n {
		if sent&(1<<(n-1-i)) != 0 {
			present |= 1 << i
		}
	}
	return present
}

// CloseAddition ends the known addition i.
func (d *Decoder) CloseAddition(o Open, x *Extension, i int) {
	if tail, empty := d.leave(o); tail != nil || empty {
		x.keep(Addition{Index: i, Raw: tail, Known: true, Empty: empty})
	}
}

// Rest reads the additions from known on and keeps them raw.
func (d *Decoder) Rest(x *Extension, present uint64, known int) {
	for i := known; i < int(x.count) && d.err == nil; i++ {
		if present&(1<<i) != 0 {
			x.keep(Addition{Index: i, Raw: d.Octets()})
		}
	}
}
