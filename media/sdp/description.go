package sdp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The bounds of a description; past them it is refused.
const (
	MaxBody    = 32 << 10 // octets
	MaxLine    = 4 << 10  // octets
	MaxLines   = 1024     // in all
	MaxMedia   = 16       // m-lines
	MaxFormats = 64       // formats of an m-line
)

// ErrMalformed is what all errors of this package wrap.
var ErrMalformed = errors.New("malformed session description")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Line is one line: "a=sendrecv" has Type 'a' and Value "sendrecv".
type Line struct {
	Type  byte
	Value string
}

// Description is a session description.
type Description struct {
	// Session is all lines before the first m-line, in their order.
	Session Lines
	Media   []*Media
}

// Media is an m-line and the lines under it.
type Media struct {
	// Kind is "audio", "video", "image", "application"…
	Kind string
	// Port is 0 where the m-line is rejected.
	Port uint16
	// Proto as it was written: "RTP/AVP".
	Proto   string
	Formats []string
	Lines
}

// Parse reads a body. Its errors wrap ErrMalformed and name the line.
func Parse(body []byte) (*Description, error) {
	if len(body) > MaxBody {
		return nil, malformed("%d octets, at most %d are read", len(body), MaxBody)
	}
	text := strings.TrimRight(string(body), "\r\n")
	if text == "" {
		return nil, malformed("the body is empty")
	}
	n := strings.Count(text, "\n") + 1
	if n > MaxLines {
		return nil, malformed("%d lines, at most %d are read", n, MaxLines)
	}
	p := parser{d: &Description{}, all: make(Lines, 0, n)}
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		if err := p.line(strings.TrimSuffix(line, "\r")); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	// o= is what every later description is compared by.
	if _, err := p.d.Origin(); err != nil {
		return nil, err
	}
	return p.d, nil
}

// parser fills a description. The lines of all its parts lie behind each other in
// all, whose capacity is enough.
type parser struct {
	d   *Description
	all Lines
}

func (p *parser) line(text string) error {
	d := p.d
	if len(text) > MaxLine {
		return malformed("%d octets in a line, at most %d are read", len(text), MaxLine)
	}
	if len(text) < 2 || text[1] != '=' || text[0] < 'a' || text[0] > 'z' {
		return malformed("%q is not of the form x=value", clip(text))
	}
	for i := range len(text) {
		if text[i] < ' ' && text[i] != '\t' || text[i] == 0x7f {
			return malformed("control octet 0x%02x", text[i])
		}
	}
	l := Line{Type: text[0], Value: text[2:]}
	if len(d.Media) == 0 && len(d.Session) == 0 && (l.Type != 'v' || l.Value != "0") {
		return malformed("%q where v=0 must stand", clip(text))
	}
	if l.Type == 'm' {
		return d.media(l.Value)
	}
	lines := &d.Session
	if n := len(d.Media); n > 0 {
		lines = &d.Media[n-1].Lines
		if l.Type == 'v' || l.Type == 'o' || l.Type == 's' || l.Type == 't' {
			return malformed("%c= under an m-line", l.Type)
		}
	}
	if (l.Type == 'c' || l.Type == 'o' || l.Type == 'v') && lines.count(l.Type) > 0 {
		return malformed("a second %c=", l.Type)
	}
	p.all = append(p.all, l)
	from := len(p.all) - len(*lines) - 1
	*lines = p.all[from:len(p.all):len(p.all)]
	return nil
}

func (d *Description) media(value string) error {
	if len(d.Media) == MaxMedia {
		return malformed("more than %d m-lines", MaxMedia)
	}
	fields := strings.Fields(value)
	if len(fields) < 4 {
		return malformed("m=%s lacks a port, protocol or format", clip(value))
	}
	if len(fields)-3 > MaxFormats {
		return malformed("%d formats in an m-line, at most %d are read", len(fields)-3, MaxFormats)
	}
	number, count, several := strings.Cut(fields[1], "/")
	if several && count != "1" {
		return malformed("m=%s asks for several ports", clip(value))
	}
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return malformed("port %q is not 0 to 65535", clip(number))
	}
	d.Media = append(d.Media, &Media{Kind: fields[0], Port: uint16(port), Proto: fields[2], Formats: fields[3:]})
	return nil
}

// Bytes writes the description, with CRLF.
func (d *Description) Bytes() []byte {
	size := d.Session.size()
	for _, m := range d.Media {
		size += m.size() + len(m.Kind) + len(m.Proto) + 16 + 6*len(m.Formats)
	}
	b := d.Session.appendTo(make([]byte, 0, size))
	for _, m := range d.Media {
		b = append(append(append(b, "m="...), m.Kind...), ' ')
		b = append(strconv.AppendUint(b, uint64(m.Port), 10), ' ')
		b = append(b, m.Proto...)
		for _, f := range m.Formats {
			b = append(append(b, ' '), f...)
		}
		b = m.appendTo(append(b, "\r\n"...))
	}
	return b
}

// Clone gives a copy whose lines can be changed.
func (d *Description) Clone() *Description {
	c := &Description{Session: d.Session.clone(), Media: make([]*Media, len(d.Media))}
	for i, m := range d.Media {
		c.Media[i] = m.Clone()
	}
	return c
}

// Clone gives a copy whose lines can be changed.
func (m *Media) Clone() *Media {
	c := *m
	c.Lines = m.clone()
	return &c
}

// clip shortens what is quoted in an error. Keys are never quoted.
func clip(s string) string {
	s, _, _ = strings.Cut(s, "inline")
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
