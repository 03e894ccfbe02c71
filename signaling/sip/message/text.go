package message

import (
	"iter"
	"strings"
)

func equalFold(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trim(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// tokenBytes marks the bytes of RFC 3261 §25.1 token.
var tokenBytes = func() (t [256]bool) {
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for _, c := range "-.!%*_+`'~" {
		t[c] = true
	}
	return t
}()

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}

// cut splits s at the first sep outside quoted strings and angle brackets. Most
// values have no sep at all, or nothing before it that could hide it.
func cut(s string, sep byte) (before, after string, more bool) {
	first := strings.IndexByte(s, sep)
	if first < 0 {
		return s, "", false
	}
	if strings.IndexByte(s[:first], '"') < 0 && strings.IndexByte(s[:first], '<') < 0 {
		return s[:first], s[first+1:], true
	}
	return cutSlowly(s, sep)
}

// cutSlowly is cut for every case.
func cutSlowly(s string, sep byte) (before, after string, more bool) {
	quoted, angle := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !angle:
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == sep && !angle:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// Split gives the values of a comma-joined header, trimmed; commas inside quotes and
// angle brackets do not separate. Empty values are left out (RFC 3261 §7.3.1).
func Split(value string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for more := value != ""; more; {
			var one string
			one, value, more = cut(value, ',')
			if one = trim(one); one != "" && !yield(one) {
				return
			}
		}
	}
}

// single tells whether a value is one, not several joined with commas.
func single(value string) bool {
	_, _, more := cut(value, ',')
	return !more
}

// unquote takes quotes and quoted-pairs off a quoted string; anything else stays.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// hasControl finds bytes that no header line may have: all controls but TAB. A control
// other than CR and LF may stand in a quoted string behind a backslash (RFC 3261 §25.1
// quoted-pair).
func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return hasBareControl(s)
		}
	}
	return false
}

func hasBareControl(s string) bool {
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\r' || c == '\n':
			return true
		case quoted && c == '\\' && i+1 < len(s) && s[i+1] != '\r' && s[i+1] != '\n':
			i++
		case c == '"':
			quoted = !quoted
		case c < ' ' && c != '\t' || c == 0x7f:
			return true
		}
	}
	return false
}

// number reads 1 to 10 decimal digits, at most max.
func number(s string, max uint64) (uint64, bool) {
	for len(s) > 1 && s[0] == '0' {
		s = s[1:]
	}
	if s == "" || len(s) > 10 {
		return 0, false
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, n <= max
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// unescape takes %HH apart; ok is false where a % stands alone.
func unescape(s string) (out string, ok bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return s, false
		}
		hi, ok1 := unhex(s[i+1])
		lo, ok2 := unhex(s[i+2])
		if !ok1 || !ok2 {
			return s, false
		}
		b = append(b, hi<<4|lo)
		i += 2
	}
	return string(b), true
}
