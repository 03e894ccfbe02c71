package flow

import (
	"testing"

	"roost/signaling/sip/message"
)

// FuzzFramerAgreesWithParse: where a message ends, two readers of it must not differ,
// or a stranger could hide one message in another. What the framer cuts is either
// refused by message.Parse, or has there exactly the body that the framer saw.
func FuzzFramerAgreesWithParse(f *testing.F) {
	const head = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nMax-Forwards: 1\r\n" +
		"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
	for _, tail := range []string{
		"l: 3\r\n\r\nabc", "Content-Length:\r\n 3\r\n\r\nabc", "Content-Length\t: 03\r\n\r\nabcOPTIONS",
		"l: 3\r\nContent-Length: 0\r\n\r\nabc", "X: y\n l: 0\r\nl: 3\r\n\r\nabc", "X: y\r\n l: 0\r\nl: 3\r\n\r\nabc",
		"\x00l: 0\r\nl: 3\r\n\r\nabc", " l: 0\r\nl: 3\r\n\r\nabc",
	} {
		f.Add([]byte(head), []byte(tail))
	}
	f.Fuzz(func(t *testing.T, head, tail []byte) {
		b := append(append([]byte(nil), head...), tail...)
		if len(b) > 0 && b[0] == '\r' {
			return // the reader takes keep-alives off before it looks for a message
		}
		fr := framer{header: 4 << 10, body: 4 << 10}
		size, err := fr.next(b)
		if size == 0 || err != nil {
			return
		}
		var m message.Message
		if fault := m.Parse(b[:size], message.DefaultLimits(), true); fault != nil {
			return
		}
		length, err := contentLength(b[:size-len(m.Body)])
		if err != nil || length != len(m.Body) {
			t.Fatalf("the framer reads %d (%v), Parse %d of\n%q", length, err, len(m.Body), b[:size])
		}
	})
}
