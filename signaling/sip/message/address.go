package message

import (
	"errors"
	"strings"
)

// Address is a name-addr or addr-spec with the header's parameters (From, To,
// Contact, Route, Refer-To …).
type Address struct {
	// Display is the name, quotes taken off.
	Display string
	// Text is the URI as sent, URI the same taken apart.
	Text string
	URI  URI
	// Params are the header's parameters, not the URI's.
	Params Params
	// Brackets tells whether the URI stood in < >.
	Brackets bool
}

// What can be wrong with an address.
var (
	errAddressQuote   = errors.New("quote not closed")
	errAddressBracket = errors.New("angle bracket not closed")
	errAddressName    = errors.New("malformed display name")
	errAddressParams  = errors.New("malformed parameters")
	errAddressBare    = errors.New("URI with a comma, question mark or space must stand in <>")
	errAddressMany    = errors.New("more than one value")
)

// Tag gives the tag parameter, "" where there is none.
func (a Address) Tag() string {
	t, _ := a.Params.Get("tag")
	return t
}

// ParseAddress reads one address (RFC 3261 §20.10). In an address without brackets
// all parameters are the header's; a comma or question mark in it is refused.
func ParseAddress(s string) (Address, error) {
	var a Address
	s = trim(s)
	open, err := bracket(s)
	if err != nil {
		return a, err
	}
	if open < 0 {
		return a, a.bare(s)
	}
	a.Brackets = true
	if name := trim(s[:open]); name != "" {
		if a.Display, err = displayName(name); err != nil {
			return a, err
		}
	}
	end := strings.IndexByte(s[open:], '>')
	if end < 0 {
		return a, errAddressBracket
	}
	a.Text = s[open+1 : open+end]
	if err := a.tail(trim(s[open+end+1:])); err != nil {
		return a, err
	}
	a.URI, err = ParseURI(a.Text)
	return a, err
}

// bracket finds the < that is not in a quoted name; -1 where there is none.
func bracket(s string) (int, error) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<':
			return i, nil
		case '"':
			n := quotedLen(s[i:])
			if n < 0 {
				return 0, errAddressQuote
			}
			i += n - 1
		}
	}
	return -1, nil
}

// quotedLen gives the length of the quoted string that s begins with, or -1.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// displayName reads a quoted string or words. Words that are no tokens (bytes over
// 127, an apostrophe …) are taken, as phones send them; separators are not.
func displayName(s string) (string, error) {
	if s[0] == '"' {
		if quotedLen(s) != len(s) {
			return "", errAddressName
		}
		return unquote(s), nil
	}
	if strings.ContainsAny(s, "\",;:@\\<>") {
		return "", errAddressName
	}
	return s, nil
}

func (a *Address) bare(s string) error {
	if !single(s) {
		return errAddressMany
	}
	if semi := strings.IndexByte(s, ';'); semi >= 0 {
		if err := a.tail(s[semi:]); err != nil {
			return err
		}
		s = trim(s[:semi])
	}
	if strings.ContainsAny(s, "? \t") {
		return errAddressBare
	}
	a.Text = s
	var err error
	a.URI, err = ParseURI(s)
	return err
}

// tail takes what follows the URI: nothing, or parameters.
func (a *Address) tail(s string) error {
	switch {
	case s == "":
		return nil
	case !single(s):
		return errAddressMany
	case s[0] != ';' || Params(s).check() != "":
		return errAddressParams
	}
	a.Params = Params(s)
	return nil
}
