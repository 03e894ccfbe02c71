package per

import "fmt"

// Name is the name of value i, for the generated types; what has none is "unknown".
func Name(names []string, i int) string {
	if i >= 0 && i < len(names) {
		return names[i]
	}
	return "unknown"
}

// Enum reads an ENUMERATED of n values; an addition behind its extension marker
// counts on from n.
func (d *Decoder) Enum(n int, extensible bool) uint8 {
	if extensible && d.Bit() {
		v := n + d.Small()
		if v > 254 {
			d.Fail(ErrLimit, fmt.Sprintf("value %d of an enumeration", v))
			return 0
		}
		return uint8(v)
	}
	return uint8(d.Whole(uint64(n - 1)))
}

// Enum writes an ENUMERATED of n values.
func (e *Encoder) Enum(v uint8, n int, extensible bool) {
	if extensible {
		e.Bit(int(v) >= n)
		if int(v) >= n {
			e.Small(int(v) - n)
			return
		}
	}
	e.Whole(uint64(v), uint64(n-1))
}
