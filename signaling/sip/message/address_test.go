package message

import (
	"net/netip"
	"testing"
)

func TestParseAddress_RFC3261_20_10(t *testing.T) {
	for _, c := range []struct{ in, display, uri, tag string }{
		{`"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s`, "A. G. Bell", "sip:agb@bell-telephone.com", "a48s"},
		{`sip:+12125551212@server.phone2net.com;tag=887s`, "", "sip:+12125551212@server.phone2net.com", "887s"},
		{`Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8`, "Anonymous", "sip:c8oqz84zk7z@privacy.org", "hyh8"},
		{`"a < b" <sip:x@y>`, "a < b", "sip:x@y", ""},
		{`"q \" ; , > \\" <sip:x@y>;tag=1`, `q " ; , > \`, "sip:x@y", "1"},
		{`<sip:x@y;tag=uri>;TAG="quoted tag"`, "", "sip:x@y;tag=uri", "quoted tag"},
		{`<tel:+441632960>`, "", "tel:+441632960", ""},
	} {
		a, err := ParseAddress(c.in)
		if err != nil || a.Display != c.display || a.Text != c.uri || a.Tag() != c.tag {
			t.Errorf("%s: %+v %v", c.in, a, err)
		}
	}
	for _, in := range []string{
		"", "<>", "<sip:x@y", `"open <sip:x@y>`, `"a" "b" <sip:x@y>`, `a, b <sip:x@y>`, `<sip:x@y>, <sip:z@y>`,
		`<sip:x@y> tag=1`, `sip:x@y?a=b`, `sip:x y@z`, `<sip:x@y>;=1`, `<sip:x@y>;a="b`, `<sip: x@y>`, `*`, `x@y`,
	} {
		if a, err := ParseAddress(in); err == nil {
			t.Errorf("%s is taken: %+v", in, a)
		}
	}
}

func TestParseURI_RFC3261_19_1(t *testing.T) {
	for _, c := range []struct {
		in   string
		want URI
	}{
		{"sip:alice@atlanta.com", URI{Scheme: "sip", User: "alice", Host: "atlanta.com"}},
		{"sip:alice:secretword@atlanta.com;transport=tcp", URI{Scheme: "sip", User: "alice", Password: "secretword", Host: "atlanta.com", Params: ";transport=tcp"}},
		{"SIPS:1212@gateway.com:5071?subject=x&p=1", URI{Scheme: "sips", User: "1212", Host: "gateway.com", Port: 5071, Headers: "subject=x&p=1"}},
		{"sip:alice;day=tuesday@atlanta.com", URI{Scheme: "sip", User: "alice;day=tuesday", Host: "atlanta.com"}},
		{"sip:[2001:db8::10]:5070;lr", URI{Scheme: "sip", Host: "2001:db8::10", Port: 5070, Params: ";lr"}},
		{"tel:+1-212;ext=3", URI{Scheme: "tel", Opaque: "+1-212;ext=3"}},
	} {
		if u, err := ParseURI(c.in); err != nil || u != c.want {
			t.Errorf("%s: %+v %v", c.in, u, err)
		}
	}
	for _, in := range []string{
		"", "sip", ":x", "sip:", "sip:@x", "sip:a@b@c", "sip:a@", "sip:a@b:", "sip:a@b:65536", "sip:a@b:x", "sip:a@[::1",
		"sip:a@[x]", "sip:a@b c", "sip:a%2@b", "sip:a%zz@b", "sip:a@b;x;X", "sip:a@b/c", "1sip:a@b", "sip:a@b<c", "sip:a@b,c",
	} {
		if u, err := ParseURI(in); err == nil {
			t.Errorf("%q is taken: %+v", in, u)
		}
	}
}

func TestURI_NumberAndAOR(t *testing.T) {
	for _, c := range []struct{ in, number, aor string }{
		{"sip:201@Example.TEST:5070;transport=tls", "201", "sip:201@example.test"},
		{"sip:%32%30%31@example.test", "201", "sip:201@example.test"},
		{"sip:201;phone-context=x@example.test", "201", "sip:201@example.test"},
		{"tel:+44;ext=1", "+44", ""},
		{"sip:example.test", "", ""},
	} {
		u, err := ParseURI(c.in)
		if err != nil {
			t.Fatal(err)
		}
		number, _ := u.Number()
		aor, _ := u.AOR()
		if number != c.number || aor != c.aor {
			t.Errorf("%s: number %q, AOR %q", c.in, number, aor)
		}
	}
}

func TestContacts_RFC3261_10_2(t *testing.T) {
	raw := register("Contact: ", "Contact: \"Desk, 2nd floor\" <sip:201@10.1.1.1>;q=0.7;expires=60, <sip:201@10.1.1.2>;q=1.0\r\nm: sip:201@10.1.1.3;cisco-keep-alive;expires=99999999999\r\nContact: ")
	m, f := parse(t, raw, false)
	if f != nil {
		t.Fatal(f)
	}
	cs, star, f := m.Contacts(4)
	if f != nil || star || len(cs) != 4 {
		t.Fatalf("%+v %v %v", cs, star, f)
	}
	if cs[0].Display != "Desk, 2nd floor" || cs[0].Q != 700 || cs[0].Expires != 60 || cs[1].Q != 1000 || cs[1].HasExpires {
		t.Errorf("%+v", cs[:2])
	}
	if !cs[2].CiscoKeepAlive || cs[2].Expires != 1<<32-1 {
		t.Errorf("%+v", cs[2])
	}
	if cs[3].Instance != "urn:uuid:00000000-0000-1000-8000-000A95A0E128" || cs[3].RegID != 1 || cs[3].Q != -1 {
		t.Errorf("%+v", cs[3])
	}
	if _, _, f := m.Contacts(3); f == nil || f.Status != 400 {
		t.Errorf("four contacts with a limit of three: %v", f)
	}
}

func TestContacts_Star(t *testing.T) {
	raw := register("Contact: <sip:201@10.1.2.3:5062;line=x1>", "Contact: *\r\nX: y")
	m, f := parse(t, raw, false)
	if f != nil {
		t.Fatal(f)
	}
	if cs, star, f := m.Contacts(1); f != nil || !star || len(cs) != 0 {
		t.Errorf("%v %v %v", cs, star, f)
	}
	m, _ = parse(t, register("Contact: ", "Contact: *, "), false)
	if _, _, f := m.Contacts(5); f == nil || f.Status != 400 {
		t.Errorf("* with another: %v", f)
	}
}

func TestContact_RefusesBadParameters(t *testing.T) {
	for _, p := range []string{"q=1.1", "q=2", "q=0.1234", "q=x", "q=", "reg-id=0", "reg-id=x", "reg-id=2147483648", "expires=1;expires=2"} {
		if c, err := ParseContact("<sip:a@b>;" + p); err == nil {
			t.Errorf("%s is taken: %+v", p, c)
		}
	}
}

func TestSeconds_RFC3261_20_19(t *testing.T) {
	for in, want := range map[string]uint32{
		"0": 0, "60": 60, "007": 7, "4294967295": 1<<32 - 1, "4294967296": 1<<32 - 1,
		"99999999999999999999999": 1<<32 - 1, "": 3600, "-1": 3600, "x": 3600,
	} {
		if got := Seconds(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

func TestResponseAddress_RFC3261_18_2_2_and_RFC3581(t *testing.T) {
	source := netip.MustParseAddrPort("203.0.113.7:40000")
	for via, want := range map[string]string{
		"SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport":          "203.0.113.7:40000",
		"SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;RPORT":          "203.0.113.7:40000",
		"SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa":                "203.0.113.7:5062",
		"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa":                     "203.0.113.7:5060",
		"SIP/2.0/TLS 10.0.0.1;branch=z9hG4bKa":                     "203.0.113.7:5061",
		"SIP/2.0/UDP 10.0.0.1;maddr=198.51.100.1;branch=z9hG4bKa":  "203.0.113.7:5060",
		"SIP/2.0/UDP h.test;received=198.51.100.1;branch=z9hG4bKa": "203.0.113.7:5060",
	} {
		v, err := ParseVia(via)
		if err != nil {
			t.Fatal(err)
		}
		if got := ResponseAddress(v, source); got.String() != want {
			t.Errorf("%s: %s, want %s", via, got, want)
		}
	}
}
