package message

import "net/netip"

// AppendRequestLine begins a request. What is appended here and below must be free
// of CR and LF; Clean makes it so.
func AppendRequestLine(b []byte, method, uri string) []byte {
	b = append(append(b, method...), ' ')
	return append(append(b, uri...), " SIP/2.0\r\n"...)
}

// AppendStatusLine begins a response.
func AppendStatusLine(b []byte, status int, reason string) []byte {
	b = appendUint(append(b, "SIP/2.0 "...), uint64(status))
	return append(append(append(b, ' '), reason...), "\r\n"...)
}

// AppendHeader writes one header line.
func AppendHeader(b []byte, name, value string) []byte { return appendLine(b, name, value) }

// AppendNumber writes one header line with a number for value.
func AppendNumber(b []byte, name string, n uint64) []byte {
	b = appendUint(append(append(b, name...), ": "...), n)
	return append(b, "\r\n"...)
}

// AppendBody ends a message: Content-Type where there is a body, Content-Length, the
// empty line, the body.
func AppendBody(b []byte, contentType string, body []byte) []byte {
	if len(body) > 0 {
		b = appendLine(b, "Content-Type", contentType)
	}
	b = appendUint(append(b, "Content-Length: "...), uint64(len(body)))
	return append(append(b, "\r\n\r\n"...), body...)
}

// AppendEcho writes what a response repeats of its request (RFC 3261 §8.2.6.2):
// every Via (the topmost with received and rport), From, To with toTag where it has
// none, Call-ID and CSeq.
func AppendEcho(b []byte, m *Message, toTag string, source netip.AddrPort) []byte {
	return appendEcho(b, m, toTag, source, false)
}

// AppendRecordRoute writes the Record-Route lines of a request as they came, for
// the responses that make a dialog (RFC 3261 §12.1.1).
func AppendRecordRoute(b []byte, m *Message) []byte {
	for v := range m.Values(HRecordRoute) {
		b = appendLine(b, canonical[HRecordRoute], v)
	}
	return b
}

// AppendQuoted writes a quoted string: quotes and backslashes escaped, controls left
// out.
func AppendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// userBytes are the bytes that stand in the user part of a URI unescaped (RFC 3261
// §25.1 user; the semicolon not, as user parameters begin with it).
const userBytes = "-_.!~*'()&=+$,?/"

// AppendUser writes the user part of a URI, escaping what does not belong there.
func AppendUser(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || indexByte(userBytes, c) {
			b = append(b, c)
			continue
		}
		b = append(b, '%', hex[c>>4], hex[c&15])
	}
	return b
}

func indexByte(s string, c byte) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == c {
			return true
		}
	}
	return false
}

// Clean makes a text safe for a header line: controls become spaces.
func Clean(s string) string {
	if hasControl(s) || indexByte(s, '\t') {
		return clean(s)
	}
	return s
}

// Clone gives a copy that outlives the next Parse of m.
func (m *Message) Clone() *Message {
	c := *m
	c.Fields = append([]Field(nil), m.Fields...)
	return &c
}

// Unescape takes %HH apart; ok is false where a % stands alone.
func Unescape(s string) (text string, ok bool) { return unescape(s) }
