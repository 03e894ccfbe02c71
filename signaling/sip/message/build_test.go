package message

import (
	"net/netip"
	"testing"
)

func TestBuild_RequestIsReadAsItWasMeant(t *testing.T) {
	b := AppendRequestLine(nil, "INVITE", "sip:202@example.test")
	b = AppendHeader(b, "Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx")
	b = AppendNumber(b, "Max-Forwards", 70)
	b = AppendHeader(b, "From", string(AppendQuoted([]byte(""), "a \"b\" \\ c\r\nEvil: 1\x00"))+" <sip:"+string(AppendUser(nil, "2 0;1@x"))+"@example.test>;tag=1")
	b = AppendHeader(b, "To", "<sip:202@example.test>")
	b = AppendHeader(b, "Call-ID", "1")
	b = AppendHeader(b, "CSeq", "1 INVITE")
	b = AppendHeader(b, "Subject", Clean("a\r\nb\tc"))
	b = AppendBody(b, "text/plain", []byte("hello"))
	var m Message
	if f := m.Parse(b, Limits{}, true); f != nil {
		t.Fatalf("%v\n%s", f, b)
	}
	if n, _ := m.From.URI.Number(); m.From.Display != `a "b" \ cEvil: 1` || n != "2 0;1@x" || m.Body != "hello" || m.MaxForwards != 70 {
		t.Errorf("%q %q %q %d", m.From.Display, n, m.Body, m.MaxForwards)
	}
	if v, _ := m.Get(HSubject); v != "a  b c" {
		t.Errorf("Subject %q", v)
	}
	kept := m.Clone()
	if f := m.Parse([]byte("SIP/2.0 200 OK\r\n\r\n"), Limits{}, true); f == nil {
		t.Fatal("no fault")
	}
	if v, _ := kept.Get(HContentType); v != "text/plain" || kept.CallID != "1" {
		t.Errorf("the clone changed: %q %q", v, kept.CallID)
	}
}

func TestRFC3261_8_2_6_2_EchoAndRecordRoute(t *testing.T) {
	var m Message
	raw := "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport, SIP/2.0/TCP i;branch=z9hG4bK2\r\n" +
		"Max-Forwards: 1\r\nRecord-Route: <sip:p;lr>\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
	if f := m.Parse([]byte(raw), Limits{}, true); f != nil {
		t.Fatal(f)
	}
	want := "Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.9;rport=5, SIP/2.0/TCP i;branch=z9hG4bK2\r\n" +
		"From: <sip:x@y>;tag=1\r\nTo: <sip:a@b>;tag=t\r\nCall-ID: c\r\nCSeq: 2 BYE\r\n"
	if got := string(AppendEcho(nil, &m, "t", netip.MustParseAddrPort("192.0.2.9:5"))); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	if got := string(AppendRecordRoute(nil, &m)); got != "Record-Route: <sip:p;lr>\r\n" {
		t.Errorf("%q", got)
	}
	if got := string(AppendStatusLine(nil, 200, "OK")); got != "SIP/2.0 200 OK\r\n" {
		t.Errorf("%q", got)
	}
}
