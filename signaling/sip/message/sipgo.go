package message

import (
	"errors"
	"fmt"

	"github.com/emiago/sipgo/sip"
)

var errParts = errors.New("value is missing")

// parser reads normalised text only. Headers that it would damage (quoted parameters,
// names in capitals) are left to sipgo as text: Contact, Route, Record-Route,
// Refer-To, Referred-By; our own ParseAddress reads them.
var parser = sip.NewParser(sip.WithHeadersParsers(func() sip.HeadersParser {
	all := sip.DefaultHeadersParser()
	few := sip.HeadersParser{}
	for _, name := range [...]string{
		"via", "from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type",
	} {
		few[name] = all[name]
	}
	return few
}()))

// SIP gives the message as sipgo's *sip.Request or *sip.Response, for its transaction
// objects: Via values one a header, long header names, parameters without white space
// and the known ones in lower case, so that what sipgo reads is what was sent. Parse
// must have given no Fault. Transport and source are the caller's to set.
func (m *Message) SIP() (sip.Message, error) {
	msg, err := parser.ParseSIP(m.AppendNormal(nil))
	if err != nil {
		return nil, fmt.Errorf("hand-over to sipgo: %w", err)
	}
	if msg.Via() == nil || msg.From() == nil || msg.To() == nil || msg.CSeq() == nil || msg.CallID() == nil {
		return nil, fmt.Errorf("hand-over to sipgo: %w", errParts)
	}
	return msg, nil
}

// AppendNormal writes the message in its plainest form (see SIP): a message that
// passed Parse passes it again in this form with the same meaning.
func (m *Message) AppendNormal(b []byte) []byte {
	if m.Request {
		b = append(append(b, m.Method...), ' ')
		b = append(append(b, m.URI...), " SIP/2.0\r\n"...)
	} else {
		b = appendUint(append(b, "SIP/2.0 "...), uint64(m.Status))
		b = append(append(append(b, ' '), m.Reason...), "\r\n"...)
	}
	for i := range m.Fields {
		b = m.appendField(b, &m.Fields[i])
	}
	b = appendUint(append(b, "Content-Length: "...), uint64(len(m.Body)))
	return append(append(b, "\r\n\r\n"...), m.Body...)
}

func (m *Message) appendField(b []byte, f *Field) []byte {
	switch f.ID {
	case HVia:
		for v := range Split(f.Value) {
			if via, err := ParseVia(v); err == nil {
				b = append(via.appendNormal(append(b, "Via: "...)), "\r\n"...)
			}
		}
		return b
	case HFrom:
		return append(m.From.appendNormal(append(b, "From: "...)), "\r\n"...)
	case HTo:
		return append(m.To.appendNormal(append(b, "To: "...)), "\r\n"...)
	case HCSeq:
		b = appendUint(append(b, "CSeq: "...), uint64(m.CSeq))
		return append(append(append(b, ' '), m.CSeqMethod...), "\r\n"...)
	case HContentLength:
		return b
	case HMaxForwards:
		return append(appendUint(append(b, "Max-Forwards: "...), uint64(max(m.MaxForwards, 0))), "\r\n"...)
	case Other:
		return appendLine(b, f.Name, f.Value)
	default:
		return appendLine(b, canonical[f.ID], f.Value)
	}
}

func (v Via) appendNormal(b []byte) []byte {
	b = append(b, "SIP/2.0/"...)
	b = append(append(b, v.Transport...), ' ')
	b = appendHostPort(b, v.Host, v.Port)
	return v.Params.appendNormal(b)
}

// appendNormal writes an address with its display name quoted and its URI in brackets.
func (a Address) appendNormal(b []byte) []byte {
	if a.Display != "" {
		b = append(b, '"')
		for i := 0; i < len(a.Display); i++ {
			c := a.Display[i]
			if c == '"' || c == '\\' || c < ' ' || c == 0x7f {
				b = append(b, '\\')
			}
			b = append(b, c)
		}
		b = append(b, '"', ' ')
	}
	b = append(append(append(b, '<'), a.Text...), '>')
	return a.Params.appendNormal(b)
}

// known are the parameters that sipgo looks for by their lower-case names.
var known = [...]string{"tag", "branch", "rport", "received", "maddr", "ttl"}

func (p Params) appendNormal(b []byte) []byte {
	for name, value := range p.raw() {
		for _, k := range known {
			if equalFold(k, name) {
				name = k
			}
		}
		b = append(append(b, ';'), name...)
		if value != "" {
			b = append(append(b, '='), value...)
		}
	}
	return b
}
