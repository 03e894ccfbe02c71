package message

import (
	"iter"
	"strings"
)

// Params are parameters as sent: ";name=value;flag". Names are compared in any case,
// white space around ; and = is allowed, values may be quoted.
type Params string

// Get gives a parameter's value, quotes taken off. A flag has the value "".
func (p Params) Get(name string) (value string, found bool) {
	for n, v := range p.raw() {
		if equalFold(n, name) {
			return unquote(v), true
		}
	}
	return "", false
}

// Has tells whether a parameter is there.
func (p Params) Has(name string) bool {
	for n := range p.raw() {
		if equalFold(n, name) {
			return true
		}
	}
	return false
}

// All gives each parameter in order, quotes taken off.
func (p Params) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for n, v := range p.raw() {
			if !yield(n, unquote(v)) {
				return
			}
		}
	}
}

// raw gives each parameter, values with their quotes.
func (p Params) raw() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		s := strings.TrimPrefix(trim(string(p)), ";")
		for more := s != ""; more; {
			var one string
			one, s, more = cut(s, ';')
			if one = trim(one); one == "" {
				continue
			}
			n, v := one, ""
			if i := strings.IndexByte(one, '='); i >= 0 {
				n, v = trim(one[:i]), trim(one[i+1:])
			}
			if !yield(n, v) {
				return
			}
		}
	}
}

// isParamValue: a quoted string, or bytes without the delimiters < > " and without
// white space (more than RFC 3261 §25.1 gen-value, as phones send more).
func isParamValue(s string) bool {
	if s != "" && s[0] == '"' {
		return quotedLen(s) == len(s)
	}
	return !strings.ContainsAny(s, "<>\" \t")
}

// check finds what is wrong with parameters: a name that is no token, a malformed
// value, a name twice (RFC 3261 §7.3.1), too many. "" means nothing.
func (p Params) check() string {
	var names [maxParams]string
	n := 0
	for name, value := range p.raw() {
		switch {
		case !isToken(name):
			return "malformed parameter name"
		case !isParamValue(value):
			return "malformed parameter value"
		case n == maxParams:
			return "too many parameters"
		}
		for _, other := range names[:n] {
			if equalFold(other, name) {
				return "parameter given twice"
			}
		}
		names[n] = name
		n++
	}
	return ""
}
