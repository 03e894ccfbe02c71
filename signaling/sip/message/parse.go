package message

import (
	"strings"
)

// Parse reads one message. stream tells that it came over TCP or TLS, where
// Content-Length must be exact; over UDP what follows the body is left out.
//
// The Fault is nil for a well-formed message. Otherwise it is the first thing that is
// wrong; with Status 0 nothing may be answered. m holds what could be read.
func (m *Message) Parse(raw []byte, limits Limits, stream bool) *Fault {
	limits = limits.orDefault()
	m.reset()
	r := reader{m: m, limits: limits, stream: stream}
	if len(raw) > limits.Size {
		raw = raw[:limits.Size]
		r.fail(&Fault{Status: 513, Reason: "Message Too Large", Close: stream})
	}
	m.text = string(raw)
	r.rest = m.text
	for strings.HasPrefix(r.rest, "\r\n") { // RFC 3261 §7.5
		r.rest = r.rest[2:]
	}
	r.startLine()
	r.fields()
	r.transaction()
	if r.fault == nil {
		r.contacts()
	}
	r.body()
	if r.fault != nil && !m.Answerable() {
		r.fault.Status = 0
	}
	return r.fault
}

// Answerable tells whether a response may be sent to m and can be addressed: it is a
// request, not an ACK, with a Via, and a CSeq or Call-ID to know it by.
func (m *Message) Answerable() bool {
	return m.Request && m.Method != "ACK" && m.Via.Host != "" && (m.CallID != "" || m.CSeqMethod != "")
}

func (m *Message) reset() {
	fields := m.Fields[:0]
	clear(m.Fields)
	*m = Message{Fields: fields, MaxForwards: -1}
}

// reader is one run of Parse.
type reader struct {
	m      *Message
	limits Limits
	stream bool
	rest   string
	fault  *Fault
}

// fail keeps the first fault.
func (r *reader) fail(f *Fault) {
	if r.fault == nil {
		r.fault = f
	}
}

// line takes the next line off. end is true for the empty line; ok is false where no
// CRLF follows.
func (r *reader) line() (line string, ok bool) {
	i := strings.Index(r.rest, "\r\n")
	if i < 0 {
		return "", false
	}
	line, r.rest = r.rest[:i], r.rest[i+2:]
	return line, true
}

func (r *reader) startLine() {
	line, ok := r.line()
	if !ok {
		r.rest = ""
		r.fail(bad("No Start Line"))
		return
	}
	if hasControl(line) || strings.IndexByte(line, '\t') >= 0 {
		line = clean(line)
		r.fail(bad("Control Byte In The Start Line"))
	}
	if len(line) >= 4 && equalFold(line[:4], "SIP/") {
		r.statusLine(line)
		return
	}
	r.requestLine(line)
}

func (r *reader) requestLine(line string) {
	m := r.m
	m.Request = true
	first, last := strings.IndexByte(line, ' '), strings.LastIndexByte(line, ' ')
	if first < 0 {
		r.fail(bad("Malformed Request-Line"))
		return
	}
	m.Method = line[:first]
	if !isToken(m.Method) {
		r.fail(bad("Malformed Method"))
	}
	if last == first {
		r.fail(bad("Malformed Request-Line"))
		return
	}
	m.URI, m.Version = line[first+1:last], line[last+1:]
	switch {
	case equalFold(m.Version, "SIP/2.0"):
	case len(m.Version) > 4 && equalFold(m.Version[:4], "SIP/"):
		r.fail(&Fault{Status: 505, Reason: "Version Not Supported"})
	default:
		r.fail(bad("Malformed Request-Line"))
	}
	if len(m.URI) > r.limits.URI {
		r.fail(&Fault{Status: 414, Reason: "Request-URI Too Long"})
		return
	}
	var err error
	if m.Target, err = ParseURI(m.URI); err != nil {
		r.fail(bad("Malformed Request-URI: " + err.Error()))
	} else if m.Target.Headers != "" {
		r.fail(bad("Headers In The Request-URI")) // RFC 3261 §19.1.1, table 1
	}
}

func (r *reader) statusLine(line string) {
	m := r.m
	version, rest, _ := strings.Cut(line, " ")
	code, reason, spaced := strings.Cut(rest, " ")
	n, ok := number(code, 699)
	m.Version, m.Status, m.Reason = version, int(n), reason
	if !equalFold(version, "SIP/2.0") || !ok || len(code) != 3 || n < 100 || !spaced {
		r.fail(bad("Malformed Status-Line"))
	}
}

// fields reads the header up to the empty line.
func (r *reader) fields() {

	for {
		line, ok := r.line()
		if !ok {
			r.fail(bad("No Empty Line After The Header"))
			r.rest = ""
			return
		}
		if line == "" {
			return
		}
		if r.rest != "" && isBlank(r.rest[0]) {
			line = r.unfold(line)
		}
		if len(r.m.Fields) == r.limits.Fields {
			r.fail(bad("Too Many Header Fields"))
			continue
		}
		r.field(line)
	}
}

// unfold joins a header's continuation lines (RFC 3261 §7.3.1), each fold becoming
// one space.
func (r *reader) unfold(line string) string {
	var b strings.Builder
	b.WriteString(trim(line))
	for r.rest != "" && isBlank(r.rest[0]) {
		next, ok := r.line()
		if !ok {
			break
		}
		b.WriteByte(' ')
		b.WriteString(trim(next))
	}
	return b.String()
}

func (r *reader) field(line string) {
	m := r.m
	if len(line) > r.limits.Line {
		r.fail(bad("Header Field Too Long"))
		return
	}
	if hasControl(line) {
		line = clean(line)
		r.fail(bad("Control Byte, Bare CR Or Bare LF In The Header"))
	}
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		r.fail(bad("Header Line Without A Colon"))
		return
	}
	// White space before the colon is allowed (RFC 3261 §25.1 HCOLON); what else is
	// no token byte is not.
	name := line[:colon]
	for name != "" && isBlank(name[len(name)-1]) {
		name = name[:len(name)-1]
	}
	if !isToken(name) {
		r.fail(bad("Malformed Header Name"))
		return
	}
	f := Field{ID: Identify(name), Name: name, Value: trim(line[colon+1:])}
	m.Fields = append(m.Fields, f)
	if m.seen[f.ID] < 255 {
		m.seen[f.ID]++
	}
	if m.seen[f.ID] == 2 && once[f.ID] {
		r.fail(&Fault{
			Status: 400, Reason: canonical[f.ID] + " Header Given Twice",
			Close: r.stream && f.ID == HContentLength,
		})
	}
}

// clean makes a line safe to send back: controls become spaces.
func clean(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
		}
	}
	return string(b)
}
