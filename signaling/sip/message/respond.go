package message

import (
	"net/netip"
	"strconv"
)

// Reply is a response to be built from a request.
type Reply struct {
	Status int
	Reason string
	// ToTag is added to To where it has no tag and Status is over 100.
	ToTag string
	// Source is where the request came from: for received and rport (RFC 3581).
	Source netip.AddrPort
	// Header are further lines, in order. Values must be free of CR and LF.
	Header []HeaderLine
	// ContentType goes with Body, where there is one.
	ContentType string
	Body        []byte
}

// AppendResponse writes the response to request m as bytes (RFC 3261 §8.2.6): every
// Via (the topmost with received and rport), From, To, Call-ID, CSeq and, in what is
// not a failure, Record-Route as they came; then r.Header and the body. What m lacks
// is left out.
func AppendResponse(b []byte, m *Message, r Reply) []byte {
	b = appendUint(append(b, "SIP/2.0 "...), uint64(r.Status))
	b = append(append(append(b, ' '), r.Reason...), "\r\n"...)
	top := true
	var written [numHeaders]bool // of a header given twice the first goes back
	for i := range m.Fields {
		f := &m.Fields[i]
		if once[f.ID] && written[f.ID] {
			continue
		}
		written[f.ID] = true
		switch f.ID {
		case HVia:
			b = append(b, "Via: "...)
			for v := range Split(f.Value) {
				if top && m.Via.Host != "" {
					b = m.Via.appendStamped(b, r.Source)
				} else {
					b = append(b, v...)
				}
				top = false
				b = append(b, ", "...)
			}
			b = append(b[:len(b)-2], "\r\n"...)
		case HFrom, HCallID, HCSeq:
			b = appendLine(b, canonical[f.ID], f.Value)
		case HTo:
			b = append(append(b, "To: "...), f.Value...)
			if r.ToTag != "" && r.Status > 100 && !m.To.Params.Has("tag") {
				b = append(append(b, ";tag="...), r.ToTag...)
			}
			b = append(b, "\r\n"...)
		case HRecordRoute:
			if r.Status < 300 {
				b = appendLine(b, canonical[f.ID], f.Value)
			}
		}
	}
	for _, h := range r.Header {
		b = appendLine(b, h.Name, h.Value)
	}
	if len(r.Body) > 0 {
		b = appendLine(b, "Content-Type", r.ContentType)
	}
	b = appendUint(append(b, "Content-Length: "...), uint64(len(r.Body)))
	return append(append(b, "\r\n\r\n"...), r.Body...)
}

func appendLine(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

func appendUint(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }

// Reply gives the response that tells the sender of a faulty request what is wrong.
func (f *Fault) Reply(toTag string, source netip.AddrPort) Reply {
	return Reply{Status: f.Status, Reason: f.Reason, ToTag: toTag, Source: source, Header: f.Header}
}
