package sip

import (
	"strings"
	"testing"
	"time"

	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// FuzzDispatch throws raw bytes at the whole endpoint: no panic, an answer that
// is a well-formed response, no amplification, and nothing kept for a stranger.
func FuzzDispatch(f *testing.F) {
	p := newPhone("201")
	for _, method := range []string{"REGISTER", "OPTIONS", "SUBSCRIBE", "INVITE", "CANCEL", "ACK", "BYE", "NOTIFY", "MESSAGE", "FOO"} {
		f.Add([]byte(p.write(ask{method: method, headers: []string{p.contact(), "Event: reg", "Expires: 60"}})), false)
	}
	for _, headers := range [][]string{
		{"Contact: *", "Expires: 0"},
		{p.contact(";expires=0;cisco-keep-alive")},
		{p.contact(`;+sip.instance="<urn:uuid:1>";reg-id=1`), "Supported: outbound", "Path: <sip:a;ob>"},
		{p.contact(), `Authorization: Digest username="201", realm="example.test", nonce="AAAA", uri="sip:example.test", response="0", qop=auth, nc=00000001, cnonce="a"`},
	} {
		f.Add([]byte(p.write(ask{headers: headers})), true)
	}
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nCSeq: 1 NOTIFY\r\n\r\n"), false)
	f.Add([]byte("\r\n\r\n"), true)
	s := newSite(f)
	s.Endpoint.o.Office = deciding{s.desk, Decision{}}
	f.Fuzz(func(t *testing.T, raw []byte, stream bool) {
		in := &flow.Inbound{Flow: 1, Transport: flow.UDP, Local: here, Remote: there, At: time.Now(), Bytes: raw}
		if stream {
			in.Transport = flow.TCP
		}
		s.Handle(in)
		if n := s.value(cPanics); n != 0 {
			t.Fatalf("panicked:\n%s", s.log)
		}
		if st := s.Standing(); st.Transactions+st.Clients+st.Subscriptions != 0 {
			t.Fatalf("a stranger left %+v", st)
		}
		if len(in.Answer) == 0 {
			return
		}
		if !stream && 2*len(in.Answer) > 3*len(raw) {
			t.Fatalf("%d bytes for %d", len(in.Answer), len(raw))
		}
		answer := string(in.Answer)
		if !strings.HasPrefix(answer, "SIP/2.0 ") || !strings.HasSuffix(answer, "\r\n\r\n") {
			t.Fatalf("no response:\n%s", answer)
		}
		var m message.Message
		m.Parse(in.Answer, message.Limits{}, true)
		if m.Request || m.Status < 200 || m.Status > 699 {
			t.Fatalf("status %d:\n%s", m.Status, answer)
		}
	})
}
