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
	b = AppendStatusLine(b, r.Status, r.Reason)
	tag := r.ToTag
	if r.Status <= 100 {
		tag = ""
	}
	b = appendEcho(b, m, tag, r.Source, r.Status < 300)
	for _, h := range r.Header {
		b = appendLine(b, h.Name, h.Value)
	}
	return AppendBody(b, r.ContentType, r.Body)
}

// appendEcho writes what goes back of a request, in the order in which it came.
func appendEcho(b []byte, m *Message, toTag string, source netip.AddrPort, recordRoute bool) []byte {
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
					b = m.Via.appendStamped(b, source)
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
			if toTag != "" && !m.To.Params.Has("tag") {
				b = append(append(b, ";tag="...), toTag...)
			}
			b = append(b, "\r\n"...)
		case HRecordRoute:
			if recordRoute {
				b = appendLine(b, canonical[f.ID], f.Value)
			}
		}
	}
	return b
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
