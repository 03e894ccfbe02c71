package message

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func seedTorture(f *testing.F) {
	files, err := filepath.Glob("testdata/torture/*.dat")
	if err != nil || len(files) == 0 {
		f.Fatal("no torture messages", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, false)
		f.Add(raw, true)
	}
	f.Add(register(), true)
}

// FuzzParse: what is taken means the same after AppendNormal and does not break sipgo;
// what is answered has no line that the answer's maker did not write.
func FuzzParse(f *testing.F) {
	seedTorture(f)
	source := netip.MustParseAddrPort("[2001:db8::1]:5060")
	f.Fuzz(func(t *testing.T, raw []byte, stream bool) {
		var m Message
		fault := judge(&m, raw, stream)
		_, _, _ = m.Contacts(10)
		if fault == nil {
			sameAfterNormal(t, &m)
			return
		}
		if fault.Status == 0 {
			return
		}
		answer := AppendResponse(nil, &m, fault.Reply("t", source))
		head := strings.ReplaceAll(string(answer), "\r\n", "|")
		if strings.ContainsAny(head, "\r\n") || strings.Count(head, "||") != 1 {
			t.Fatalf("injected: %q", answer)
		}
		if !bytes.HasPrefix(answer, []byte("SIP/2.0 ")) {
			t.Fatalf("%q", answer)
		}
	})
}

func sameAfterNormal(t *testing.T, m *Message) {
	normal := m.AppendNormal(nil)
	var again Message
	if f := again.Parse(normal, Limits{Size: 1 << 20, Line: 1 << 20, Fields: 1 << 16}, true); f != nil {
		t.Fatalf("normal form is refused: %v\n%q", f, normal)
	}
	if again.Method != m.Method || again.URI != m.URI || again.CallID != m.CallID || again.CSeq != m.CSeq ||
		again.Via.Branch() != m.Via.Branch() || again.From.Text != m.From.Text || again.From.Tag() != m.From.Tag() ||
		again.To.Text != m.To.Text || again.To.Tag() != m.To.Tag() || again.Body != m.Body || again.From.Display != m.From.Display {
		t.Fatalf("normal form means something else:\n%q\n%+v\n%+v", normal, m, again)
	}
	msg, err := m.SIP()
	if err != nil {
		return // sipgo may be stricter: the dispatch answers 400
	}
	if branch, _ := msg.Via().Params.Get("branch"); branch != "" && !strings.Contains(m.Via.Branch(), branch) {
		t.Fatalf("sipgo reads branch %q, we read %q", branch, m.Via.Branch())
	}
}

func FuzzParseURI(f *testing.F) {
	for _, s := range []string{"sip:a:b@c:5060;x=y?z=1", "tel:+1", "sips:[::1]:5", "sip:%61@b", "a:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		if number, ok := u.Number(); ok && number == "" {
			t.Fatal("an empty number is no number")
		}
		if aor, ok := u.AOR(); ok && strings.ContainsAny(u.Host, "@;? ") {
			t.Fatalf("AOR %q", aor)
		}
	})
}

func FuzzParseContact(f *testing.F) {
	for _, s := range []string{`"a" <sip:b@c>;q=0.5;expires=1`, "sip:a@b;reg-id=1", `<sip:a@b>;+sip.instance="<urn:x>"`, "<sip:a@b>;q=.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseContact(s)
		if err != nil {
			return
		}
		if c.Q < -1 || c.Q > 1000 || c.RegID > 1<<31-1 || c.Text == "" {
			t.Fatalf("%+v", c)
		}
		n := 0
		for range Split(s) {
			n++
		}
		if n != 1 {
			t.Fatalf("one contact is split into %d: %q", n, s)
		}
	})
}

func FuzzParseVia(f *testing.F) {
	for _, s := range []string{"SIP/2.0/UDP h:1;branch=z9hG4bKx;rport", "SIP / 2.0 / TCP [::1] ; a = \"b\"", "SIP/2.0/TLS h"} {
		f.Add(s)
	}
	source := netip.MustParseAddrPort("192.0.2.1:1")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVia(s)
		if err != nil {
			return
		}
		if got := ResponseAddress(v, source); got.Addr() != source.Addr() {
			t.Fatalf("an answer would go to %s", got)
		}
		stamped := string(v.appendStamped(nil, source))
		again, err := ParseVia(stamped)
		if err != nil || again.Branch() != v.Branch() || again.Host != v.Host || again.Port != v.Port {
			t.Fatalf("%q becomes %q: %+v %v", s, stamped, again, err)
		}
	})
}

func FuzzParams(f *testing.F) {
	f.Add(`;a=b;c="d;e\"";F`)
	f.Fuzz(func(t *testing.T, s string) {
		p := Params(s)
		if p.check() != "" {
			return
		}
		for name := range p.All() {
			if _, ok := p.Get(strings.ToUpper(name)); !ok {
				t.Fatalf("%q is there and is not found", name)
			}
		}
	})
}
