package message

import (
	"net/netip"
	"strings"
	"testing"
)

var testSource = netip.MustParseAddrPort("192.0.2.99:4711")

// register is a REGISTER as phones send it; edit replaces pairs of strings in it.
func register(edit ...string) []byte {
	text := strings.Join([]string{
		"REGISTER sip:example.test SIP/2.0",
		"Via: SIP/2.0/UDP 10.1.2.3:5062;branch=z9hG4bK77asjd;rport",
		"Max-Forwards: 70",
		`From: "Ada \"A\" Ashe" <sip:201@example.test>;tag=a73kszlfl`,
		"To: <sip:201@example.test>",
		"Call-ID: 1j9FpLxk3uxtm8tn@10.1.2.3",
		"CSeq: 7 REGISTER",
		`Contact: <sip:201@10.1.2.3:5062;line=x1>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1;expires=300`,
		`Authorization: Digest username="201", realm="example.test", nonce="abc", uri="sip:example.test", response="00"`,
		"Supported: path, outbound",
		"User-Agent: phone/1.0",
		"Content-Length: 0", "", "",
	}, "\r\n")
	return []byte(strings.NewReplacer(edit...).Replace(text))
}

func parse(t testing.TB, raw []byte, stream bool) (*Message, *Fault) {
	t.Helper()
	m := new(Message)
	return m, m.Parse(raw, DefaultLimits(), stream)
}

func TestParse_Register(t *testing.T) {
	m, f := parse(t, register(), true)
	if f != nil {
		t.Fatal(f)
	}
	if !m.Request || m.Method != "REGISTER" || m.Target.Host != "example.test" || m.CSeq != 7 || m.MaxForwards != 70 {
		t.Fatalf("%+v", m)
	}
	if m.From.Display != `Ada "A" Ashe` || m.From.Tag() != "a73kszlfl" || m.Via.Branch() != "z9hG4bK77asjd" {
		t.Fatalf("From %+v, Via %+v", m.From, m.Via)
	}
	if aor, ok := m.To.URI.AOR(); !ok || aor != "sip:201@example.test" {
		t.Fatalf("AOR %q", aor)
	}
	if !m.Token(HSupported, "OUTBOUND") || m.Token(HSupported, "gruu") {
		t.Fatal("Supported is not read as a list of tokens")
	}
}

func TestParse_RefusesWhatSipgoLetsThrough(t *testing.T) {
	for _, c := range []struct {
		name   string
		edit   []string
		stream bool
		status int
		phrase string
	}{
		{"two Content-Length, equal", []string{"Content-Length: 0", "Content-Length: 0\r\nl: 0"}, true, 400, "Content-Length Header Given Twice"},
		{"two Content-Length, different", []string{"Content-Length: 0", "Content-Length: 0\r\nContent-Length: 5"}, false, 400, "Content-Length Header Given Twice"},
		{"Content-Length list", []string{"Content-Length: 0", "Content-Length: 0, 0"}, true, 400, "Malformed Content-Length"},
		{"Content-Length with sign", []string{"Content-Length: 0", "Content-Length: +0"}, true, 400, "Malformed Content-Length"},
		{"Content-Length over 2^64", []string{"Content-Length: 0", "Content-Length: 18446744073709551616"}, true, 400, "Malformed Content-Length"},
		{"no Content-Length on a stream", []string{"Content-Length: 0\r\n", ""}, true, 400, "Missing Content-Length"},
		{"body announced over the limit", []string{"Content-Length: 0", "Content-Length: 40000"}, true, 413, "Too Large"},
		{"To twice, once compact", []string{"To: ", "t: <sip:202@example.test>\r\nTo: "}, false, 400, "To Header Given Twice"},
		{"two values in From", []string{"tag=a73kszlfl", "tag=a73kszlfl, <sip:202@example.test>"}, false, 400, "From"},
		{"tag twice", []string{"tag=a73kszlfl", "tag=a73kszlfl;TAG=b"}, false, 400, "From"},
		{"no Call-ID", []string{"Call-ID: ", "X-ID: "}, false, 400, "Missing Call-ID"},
		{"no From", []string{"From: ", "X-F: "}, false, 400, "Missing From"},
		{"no To", []string{"To: ", "X-T: "}, false, 400, "Missing To"},
		{"no CSeq", []string{"CSeq: ", "X-C: "}, false, 400, "Missing CSeq"},
		{"no Max-Forwards", []string{"Max-Forwards: ", "X-M: "}, false, 400, "Missing Max-Forwards"},
		{"Max-Forwards 256", []string{"Max-Forwards: 70", "Max-Forwards: 256"}, false, 400, "Max-Forwards"},
		{"CSeq 2^31", []string{"CSeq: 7", "CSeq: 2147483648"}, false, 400, "CSeq Number"},
		{"CSeq of another method", []string{"7 REGISTER", "7 INVITE"}, false, 400, "CSeq Method"},
		{"CSeq method in lower case", []string{"7 REGISTER", "7 register"}, false, 400, "CSeq Method"},
		{"control byte before the colon", []string{"User-Agent:", "User-Agent\x01:"}, false, 400, "Control Byte"},
		{"space inside a name", []string{"User-Agent:", "User Agent:"}, false, 400, "Header Name"},
		{"no name", []string{"User-Agent:", ":"}, false, 400, "Header Name"},
		{"line without colon", []string{"User-Agent: phone/1.0", "nonsense"}, false, 400, "Without A Colon"},
		{"bare LF", []string{"phone/1.0", "phone\nTo: <sip:x@y>"}, false, 400, "Bare LF"},
		{"bare CR", []string{"phone/1.0", "phone\rTo: <sip:x@y>"}, false, 400, "Bare CR"},
		{"NUL", []string{"phone/1.0", "phone\x00"}, false, 400, "Control"},
		{"header line too long", []string{"phone/1.0", strings.Repeat("x", 9000)}, false, 400, "Too Long"},
		{"too many header fields", []string{"User-Agent: phone/1.0", strings.Repeat("X-Y: z\r\n", 130) + "Y: z"}, false, 400, "Too Many Header Fields"},
		{"too many parameters", []string{"rport", "rport" + manyParams(40)}, false, 400, "Via"},
		{"Request-URI too long", []string{"sip:example.test SIP", "sip:" + strings.Repeat("x", 2100) + " SIP"}, false, 414, "Too Long"},
		{"SIP/3.0", []string{"SIP/2.0\r\nVia", "SIP/3.0\r\nVia"}, false, 505, "Version"},
		{"HTTP", []string{"SIP/2.0\r\nVia", "HTTP/1.1\r\nVia"}, false, 400, "Request-Line"},
		{"star with another contact", []string{"Contact: ", "Contact: bogus\r\nContact: "}, false, 400, "Contact"},
		{"IPv6 without end", []string{"10.1.2.3:5062;branch", "[::1;branch"}, false, 0, "Via"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, f := parse(t, register(c.edit...), c.stream)
			if f == nil || f.Status != c.status || !strings.Contains(f.Reason, c.phrase) {
				t.Fatalf("%v, want %d with %q", f, c.status, c.phrase)
			}
			if m.Answerable() == (c.status == 0) {
				t.Fatal("status and Answerable disagree")
			}
		})
	}
}

func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(";p")
		b.WriteByte(byte('a' + i%26))
		b.WriteByte(byte('a' + i/26))
	}
	return b.String()
}

// A stream is closed where its next message can no longer be told from this one's body.
func TestParse_ClosesStreamOnDoubtfulLength(t *testing.T) {
	for _, edit := range []string{"Content-Length: 0\r\nl: 5", "Content-Length: x", "X: y", "Content-Length: 99999999"} {
		if _, f := parse(t, register("Content-Length: 0", edit), true); f == nil || !f.Close {
			t.Errorf("%q: %v, want a Fault that closes", edit, f)
		}
	}
	if _, f := parse(t, register("CSeq: 7", "CSeq: x"), true); f == nil || f.Close {
		t.Error("a wrong CSeq does not spoil a stream")
	}
}

func TestParse_WhatIsOddButAllowed(t *testing.T) {
	for name, edit := range map[string][]string{
		"compact forms":           {"Via:", "v:", "From:", "f:", "To:", "t:", "Call-ID:", "i:", "Contact:", "m:", "Supported:", "k:", "Content-Length:", "l:"},
		"space before the colon":  {"Via:", "VIA \t:", "To:", "tO :"},
		"folded":                  {"Contact: ", "Contact:\r\n  ", ";reg-id=1", "\r\n\t;reg-id=1"},
		"parameters in capitals":  {";branch=", ";BRANCH=", ";tag=", " ; Tag = "},
		"comma in a quoted name":  {`Ada \"A\" Ashe`, "Ashe, Ada"},
		"two Vias in one line":    {";rport", ";rport, SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bKx"},
		"lower-case protocol":     {"Via: SIP/2.0/UDP", "Via: sip / 2.0 / udp "},
		"leading empty lines":     {"REGISTER sip:", "\r\n\r\nREGISTER sip:"},
		"unknown header":          {"User-Agent:", "X-Whatever!:"},
		"IPv6":                    {"10.1.2.3:5062;branch", "[2001:db8::9]:5062;branch"},
		"UTF-8":                   {"Ada", "Ådå"},
		"unquoted UTF-8 name":     {`"Ada \"A\" Ashe"`, "Ådå Ashe"},
		"Content-Length 0000":     {"Content-Length: 0", "Content-Length: 0000"},
		"no Content-Length (UDP)": {"Content-Length: 0\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m, f := parse(t, register(edit...), false)
			if f != nil {
				t.Fatal(f)
			}
			if m.Via.Branch() != "z9hG4bK77asjd" || m.From.Tag() != "a73kszlfl" {
				t.Fatalf("branch %q, tag %q", m.Via.Branch(), m.From.Tag())
			}
			c, _, f := m.Contacts(1)
			if f != nil || len(c) != 1 || c[0].RegID != 1 || c[0].Expires != 300 {
				t.Fatalf("contacts %+v %v", c, f)
			}
		})
	}
}

func TestParse_LargerThanTheLimitIs513(t *testing.T) {
	limits := DefaultLimits()
	limits.Size = 600
	raw := register("User-Agent: phone/1.0", "User-Agent: "+strings.Repeat("x", 500))
	m := new(Message)
	if f := m.Parse(raw, limits, true); f == nil || f.Status != 513 || !f.Close {
		t.Fatalf("%v, want 513 that closes", f)
	}
}

func TestCheck_RFC3261_8_2(t *testing.T) {
	rules := Rules{
		Methods: []string{"REGISTER", "OPTIONS", "INVITE", "ACK", "CANCEL"}, Extensions: []string{"path", "outbound"},
	}
	to := func(method string) []string { return []string{"REGISTER", method} }
	for _, c := range []struct {
		name   string
		edit   []string
		rules  Rules
		status int
		header HeaderLine
	}{
		{"good", nil, rules, 200, HeaderLine{}},
		{"BYE is known, not handled", to("BYE"), rules, 405, HeaderLine{"Allow", "REGISTER, OPTIONS, INVITE, ACK, CANCEL"}},
		{"unknown method", to("FROB"), rules, 501, HeaderLine{}},
		{"http URI", []string{"sip:example.test SIP", "http://example.test SIP"}, rules, 416, HeaderLine{}},
		{"tel URI", []string{"REGISTER sip:example.test SIP", "OPTIONS tel:+4420 SIP", "7 REGISTER", "7 OPTIONS"}, rules, 200, HeaderLine{}},
		{"Require unknown", []string{"Supported: path", "Require: path, 100rel, foo"}, rules, 420, HeaderLine{"Unsupported", "100rel, foo"}},
		{"Require in CANCEL is ignored", append(to("CANCEL"), "Supported:", "Require: foo,"), rules, 200, HeaderLine{}},
		{"demand met by Supported", nil, Rules{Demands: []string{"outbound"}}, 200, HeaderLine{}},
		{"demand not met", nil, Rules{Demands: []string{"gruu"}}, 421, HeaderLine{"Require", "gruu"}},
		{"Max-Forwards 0 in INVITE", append(to("INVITE"), "Max-Forwards: 70", "Max-Forwards: 0"), rules, 483, HeaderLine{}},
		{"Max-Forwards 0 in REGISTER", []string{"Max-Forwards: 70", "Max-Forwards: 0"}, rules, 200, HeaderLine{}},
		{"Max-Forwards 0 in OPTIONS", append(to("OPTIONS"), "Max-Forwards: 70", "Max-Forwards: 0"), rules, 200, HeaderLine{}},
		{"ACK is never answered", append(to("ACK"), "sip:example.test SIP", "x:y SIP"), rules, 0, HeaderLine{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, f := parse(t, register(c.edit...), false)
			if f != nil {
				t.Fatal(f)
			}
			f = m.Check(c.rules)
			if c.status == 200 {
				if f != nil {
					t.Fatal(f)
				}
				return
			}
			if f == nil || f.Status != c.status {
				t.Fatalf("%v, want %d", f, c.status)
			}
			if c.header.Name != "" && (len(f.Header) != 1 || f.Header[0] != c.header) {
				t.Fatalf("header %q, want %q", f.Header, c.header)
			}
		})
	}
}

func TestParse_MalformedResponseAndAckAreNeverAnswered(t *testing.T) {
	response := "SIP/2.0 2000 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\nCall-ID: x\r\n\r\n"
	if _, f := parse(t, []byte(response), false); f == nil || f.Status != 0 {
		t.Errorf("response: %v", f)
	}
	if _, f := parse(t, register("REGISTER", "ACK", "From:", "X:"), false); f == nil || f.Status != 0 {
		t.Errorf("ACK: %v", f)
	}
	if _, f := parse(t, []byte("nonsense"), false); f == nil || f.Status != 0 {
		t.Errorf("nonsense: %v", f)
	}
}
