package per

import (
	"errors"
	"fmt"
	"strings"
)

// The reasons for which octets are no message, or a value cannot be written.
var (
	// ErrTruncated: the octets end before the value does.
	ErrTruncated = errors.New("the octets end before the value does")
	// ErrTrailing: octets are left behind the value.
	ErrTrailing = errors.New("octets are left behind the value")
	// ErrLimit: the value is larger than this package takes.
	ErrLimit = errors.New("larger than is accepted")
	// ErrRange: a number, a length or a character is outside of its constraint.
	ErrRange = errors.New("outside of its constraint")
	// ErrChoice: no alternative of a CHOICE is chosen, or there is no such alternative.
	ErrChoice = errors.New("no such alternative")
)

// Error is an encoding or decoding error with its place.
type Error struct {
	Bit    int      // the bit of the message at which it was noticed
	Path   []string // the types around it, the innermost first
	Detail string   // what was found
	Reason error    // one of the Err values
}

// Error names the place from the outside to the inside.
func (e *Error) Error() string {
	var text strings.Builder
	for i := len(e.Path) - 1; i >= 0; i-- {
		text.WriteString(e.Path[i])
		if i > 0 {
			text.WriteString(" > ")
		} else {
			text.WriteString(": ")
		}
	}
	if e.Detail != "" {
		text.WriteString(e.Detail)
		text.WriteString(": ")
	}
	fmt.Fprintf(&text, "%v (octet %d, bit %d)", e.Reason, e.Bit/8, e.Bit%8)
	return text.String()
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Reason }

// within notes a type around the place of the error; the outer levels of a deep
// nesting are left out.
func (e *Error) within(name string) {
	if len(e.Path) < 12 {
		e.Path = append(e.Path, name)
	}
}
