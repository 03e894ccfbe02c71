package message

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestAppendResponse_RFC3261_8_2_6(t *testing.T) {
	m, f := parse(t, register("Via: ", "Via: SIP/2.0/UDP 10.9.9.9 ; received=1.2.3.4;rport ;branch=z9hG4bK2,\r\n  "), false)
	if f != nil {
		t.Fatal(f)
	}
	got := string(AppendResponse(nil, m, Reply{
		Status: 200, Reason: "OK", ToTag: "srv1", Source: testSource,
		Header:      []HeaderLine{{"Expires", "60"}},
		ContentType: "text/plain", Body: []byte("hello"),
	}))
	want := strings.Join([]string{
		"SIP/2.0 200 OK",
		"Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK2;received=192.0.2.99;rport=4711, SIP/2.0/UDP 10.1.2.3:5062;branch=z9hG4bK77asjd;rport",
		`From: "Ada \"A\" Ashe" <sip:201@example.test>;tag=a73kszlfl`,
		"To: <sip:201@example.test>;tag=srv1",
		"Call-ID: 1j9FpLxk3uxtm8tn@10.1.2.3",
		"CSeq: 7 REGISTER",
		"Expires: 60", "Content-Type: text/plain", "Content-Length: 5", "", "hello",
	}, "\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAppendResponse_ReceivedWhereSentByIsAnotherHost(t *testing.T) {
	for via, want := range map[string]string{
		"SIP/2.0/UDP 192.0.2.99:4711;branch=z9hG4bKa": "SIP/2.0/UDP 192.0.2.99:4711;branch=z9hG4bKa\r\n",
		"SIP/2.0/UDP phone.test;branch=z9hG4bKa":      "SIP/2.0/UDP phone.test;branch=z9hG4bKa;received=192.0.2.99\r\n",
		"SIP/2.0/TCP [2001:db8::1]:5;branch=z9hG4bKa": "SIP/2.0/TCP [2001:db8::1]:5;branch=z9hG4bKa;received=192.0.2.99\r\n",
	} {
		m, f := parse(t, register("SIP/2.0/UDP 10.1.2.3:5062;branch=z9hG4bK77asjd;rport", via), false)
		if f != nil {
			t.Fatal(f)
		}
		got := string(AppendResponse(nil, m, Reply{Status: 404, Reason: "Not Found", Source: testSource}))
		if !strings.Contains(got, "Via: "+want) {
			t.Errorf("%s: got\n%s", via, got)
		}
	}
}

// A tag is not added to a To that has one, nor to a 100 (RFC 3261 §8.2.6.2).
func TestAppendResponse_ToTag(t *testing.T) {
	m, _ := parse(t, register("To: <sip:201@example.test>", "To: <sip:201@example.test>;tag=x"), false)
	if got := string(AppendResponse(nil, m, Reply{Status: 200, Reason: "OK", ToTag: "y"})); strings.Contains(got, "tag=y") {
		t.Error(got)
	}
	m, _ = parse(t, register(), false)
	if got := string(AppendResponse(nil, m, Reply{Status: 100, Reason: "Trying", ToTag: "y"})); strings.Contains(got, "tag=y") {
		t.Error(got)
	}
}

// What the sender put into a header cannot add lines to the answer.
func TestAppendResponse_NothingIsInjected(t *testing.T) {
	for _, dirt := range []string{"\n", "\r", "\rX-Evil: 1", "\nX-Evil: 1"} {
		m, f := parse(t, register("Call-ID: ", "Call-ID: "+dirt), false)
		if f == nil {
			t.Fatalf("%q is taken", dirt)
		}
		answer := AppendResponse(nil, m, f.Reply("t", netip.AddrPort{}))
		if body := strings.ReplaceAll(string(answer), "\r\n", ""); strings.ContainsAny(body, "\r\n") {
			t.Errorf("%q comes back: %q", dirt, answer)
		}
	}
}

// Header smuggling: what comes out at the other side has one meaning (notes/security.md).
func TestSIP_NothingIsLostOrDamaged(t *testing.T) {
	raw := register(
		"Via: ", "Via : SIP / 2.0 / TCP 10.9.9.9:5060 , ", "branch=", "BRANCH=", ";tag=", " ; TAG = ",
		"User-Agent", "x: 1800;refresher=uac\r\nk: gruu\r\nUser-Agent", "reg-id=1", "reg-id=1;x=\"a;b,c\"",
	)
	m, f := parse(t, raw, false)
	if f != nil {
		t.Fatal(f)
	}
	msg, err := m.SIP()
	if err != nil {
		t.Fatal(err)
	}
	req, ok := msg.(*sip.Request)
	if !ok || len(req.GetHeaders("Via")) != 2 || req.Via().Host != "10.9.9.9" || req.Via().Transport != "TCP" {
		t.Fatalf("Vias of\n%s", msg)
	}
	second, ok := req.GetHeaders("via")[1].(*sip.ViaHeader)
	if !ok {
		t.Fatal("second Via is not typed")
	}
	if branch, _ := second.Params.Get("branch"); branch != "z9hG4bK77asjd" {
		t.Errorf("branch %q", branch)
	}
	if tag, _ := req.From().Params.Get("tag"); tag != "a73kszlfl" {
		t.Errorf("tag %q", tag)
	}
	if h := req.GetHeader("Session-Expires"); h == nil || h.Value() != "1800;refresher=uac" {
		t.Errorf("Session-Expires %v", h)
	}
	contact, _ := m.Get(HContact)
	if h := req.GetHeader("Contact"); h == nil || h.Value() != contact {
		t.Errorf("Contact %v, want %s", h, contact)
	}
	if n := len(req.GetHeaders("Supported")); n != 2 {
		t.Errorf("%d Supported headers, want 2", n)
	}
}

func BenchmarkParseRegister(b *testing.B) {
	raw := register()
	rules := Rules{Methods: []string{"REGISTER"}, Extensions: []string{"path"}}
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if f := m.Parse(raw, DefaultLimits(), false); f != nil {
			b.Fatal(f)
		}
		if f := m.Check(rules); f != nil {
			b.Fatal(f)
		}
	}
}

func BenchmarkParseRegisterAndContacts(b *testing.B) {
	raw := register()
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if f := m.Parse(raw, DefaultLimits(), false); f != nil {
			b.Fatal(f)
		}
		if _, _, f := m.Contacts(1); f != nil {
			b.Fatal(f)
		}
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	var m Message
	if f := m.Parse(register(), DefaultLimits(), false); f != nil {
		b.Fatal(f)
	}
	r := Reply{Status: 200, Reason: "OK", ToTag: "srv1", Source: testSource, Header: []HeaderLine{{"Expires", "60"}}}
	buf := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendResponse(buf[:0], &m, r)
	}
}

// BenchmarkSipgoParseRegister is what sipgo's own parser takes, for comparison.
func BenchmarkSipgoParseRegister(b *testing.B) {
	raw := register()
	p := sip.NewParser()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.ParseSIP(raw); err != nil {
			b.Fatal(err)
		}
	}
}
