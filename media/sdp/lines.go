package sdp

import (
	"iter"
	"slices"
	"strings"
)

// Lines are lines in their order, of the session or under an m-line.
type Lines []Line

// Attr gives the value of the first attribute of a name ("" for a property, as in
// a=rtcp-mux), and whether there is one. Names are compared as they are written
// (RFC 8866 §5.13).
func (l Lines) Attr(name string) (value string, ok bool) {
	for _, line := range l {
		if line.Type == 'a' {
			if n, v, _ := strings.Cut(line.Value, ":"); n == name {
				return v, true
			}
		}
	}
	return "", false
}

// Attrs gives the values of all attributes of a name, in their order.
func (l Lines) Attrs(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range l {
			if line.Type != 'a' {
				continue
			}
			if n, v, _ := strings.Cut(line.Value, ":"); n == name && !yield(v) {
				return
			}
		}
	}
}

// Has tells that an attribute is there.
func (l Lines) Has(name string) bool {
	_, ok := l.Attr(name)
	return ok
}

// Add puts an attribute last; without a value it is a property.
func (l *Lines) Add(name, value string) {
	if value != "" {
		name += ":" + value
	}
	*l = append(*l, Line{'a', name})
}

// Remove takes out the attributes that drop says so of.
func (l *Lines) Remove(drop func(name, value string) bool) {
	*l = slices.DeleteFunc(*l, func(line Line) bool {
		if line.Type != 'a' {
			return false
		}
		n, v, _ := strings.Cut(line.Value, ":")
		return drop(n, v)
	})
}

// RemoveType takes out all lines of a type.
func (l *Lines) RemoveType(typ byte) {
	*l = slices.DeleteFunc(*l, func(line Line) bool { return line.Type == typ })
}

// Get gives the value of the first line of a type.
func (l Lines) Get(typ byte) (value string, ok bool) {
	for _, line := range l {
		if line.Type == typ {
			return line.Value, true
		}
	}
	return "", false
}

// order is where the types of lines stand under v= or m= (RFC 8866 §9).
const order = "vomsiuepcbtrzka"

// Set replaces the value of the first line of a type, or puts one where RFC 8866 §9
// wants it.
func (l *Lines) Set(typ byte, value string) {
	for i := range *l {
		if (*l)[i].Type == typ {
			(*l)[i].Value = value
			return
		}
	}
	place := strings.IndexByte(order, typ)
	at := 0
	for at < len(*l) && strings.IndexByte(order, (*l)[at].Type) < place {
		at++
	}
	*l = slices.Insert(*l, at, Line{typ, value})
}

func (l Lines) count(typ byte) int {
	n := 0
	for _, line := range l {
		if line.Type == typ {
			n++
		}
	}
	return n
}

func (l Lines) size() int {
	n := 0
	for _, line := range l {
		n += len(line.Value) + 4
	}
	return n
}

// clone leaves room for what is usually added.
func (l Lines) clone() Lines { return append(make(Lines, 0, len(l)+8), l...) }

func (l Lines) appendTo(b []byte) []byte {
	for _, line := range l {
		b = append(append(append(b, line.Type, '='), line.Value...), "\r\n"...)
	}
	return b
}
