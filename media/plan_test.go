package media

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	pion "github.com/pion/sdp/v3"
	"pgregory.net/rapid"
)

// TestPlan runs the transcripts of testdata/plan: what two parties write, what each
// is sent, and what the relay is told. Commands:
//
//	session [a=(phone|system|trunk tls|clear h323 nat web no-direct emergency
//	         disabled|preferred|enforced capneg|two-lines|savp ADDRESS)] [b=(…)]
//	        [direct=off] [srtcp=off] [suites=(…)] [lab] [own=ADDRPORT] [room=N]
//	offer a|b [file=NAME]      an SDP body, or a file of testdata/phones
//	answer a|b [file=NAME]
//	retry a|b, rollback, close, state
//	transfer a|b …             a new session that goes on with that side's leg
//
// What is written must be readable for pion/sdp too.
//
// Without arguments a party is a phone over TLS, with media security preferred,
// at 192.0.2.10 (a) or 192.0.2.20 (b).
func TestPlan(t *testing.T) {
	datadriven.Walk(t, "testdata/plan", func(t *testing.T, path string) {
		w := &walk{t: t}
		datadriven.RunTest(t, path, w.run)
	})
}

type walk struct {
	t      *testing.T
	s      *Session
	relay  *paperRelay
	random byte
}

func (w *walk) run(t *testing.T, d *datadriven.TestData) string {
	if d.Cmd == "session" || d.Cmd == "transfer" {
		return w.session(t, d)
	}
	w.relay.log.Reset()
	var out []byte
	var err error
	switch d.Cmd {
	case "offer":
		out, err = w.s.Offer(sideOf(t, d), bodyOf(t, d))
	case "answer":
		out, err = w.s.Answer(sideOf(t, d), bodyOf(t, d))
	case "retry":
		var ok bool
		if out, ok = w.s.Retry(sideOf(t, d)); !ok {
			return "nothing else to try\n"
		}
	case "rollback":
		w.s.Rollback()
	case "close":
		for _, m := range w.s.Close() {
			fmt.Fprintf(&w.relay.log, "stats: %s %q %q\n", m.Media, m.Security[A], m.Security[B])
		}
	case "state":
	default:
		t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
	}
	if err != nil {
		return "error: " + err.Error() + "\n" + w.relay.log.String()
	}
	if out != nil {
		readable(t, out)
	}
	text := strings.ReplaceAll(string(out), "\r\n", "\n")
	return text + w.relay.log.String() + w.state()
}

func (w *walk) state() string {
	p := w.s.Path()
	text := "path: " + p.Kind.String()
	if p.Why != "" {
		text += " (" + p.Why + ")"
	}
	if p.Security != [2]string{} {
		text += fmt.Sprintf(", security %q %q", p.Security[A], p.Security[B])
	}
	if h := w.s.Hold(); h.Held() {
		text += fmt.Sprintf(", held a=%v b=%v", h.A, h.B)
	}
	if p.Reoffer != "" {
		text += "\nreoffer: " + p.Reoffer
	}
	return text + "\n"
}

func (w *walk) session(t *testing.T, d *datadriven.TestData) string {
	cfg := Config{Call: "c1", Direct: true, SRTCP: true, Fingerprint: [32]byte{0xaa, 0xbb, 31: 0xff}}
	room := 1 << 20
	a := Party{Transport: SecureTransport, Source: netip.MustParseAddr("192.0.2.10"), Direct: true, Security: Preferred}
	b := a
	b.Source = netip.MustParseAddr("192.0.2.20")
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "a":
			a = partyOf(t, d, a, arg.Vals)
			if d.Cmd == "transfer" {
				a.Past = w.s.Past(A)
			}
		case "b":
			b = partyOf(t, d, b, arg.Vals)
			if d.Cmd == "transfer" {
				b.Past = w.s.Past(B)
			}
		case "direct":
			cfg.Direct = false
		case "srtcp":
			cfg.SRTCP = false
		case "lab":
			cfg.Lab = true
		case "room":
			arg.Scan(t, 0, &room)
		case "own":
			own := netip.MustParseAddrPort(arg.Vals[0])
			cfg.Own = func(a netip.AddrPort) bool { return a == own }
		case "suites":
			for _, name := range strings.Fields(arg.Vals[0]) {
				suite, ok := ParseSuite(name)
				if !ok {
					t.Fatalf("%s: no suite %q", d.Pos, name)
				}
				cfg.Suites = append(cfg.Suites, suite)
			}
		default:
			t.Fatalf("%s: no argument %q", d.Pos, arg.Key)
		}
	}
	w.random++
	w.relay = newPaperRelay()
	w.relay.room = room
	w.s = NewSession(cfg, a, b, w.relay, seeded(w.random))
	return ""
}

func partyOf(t *testing.T, d *datadriven.TestData, p Party, values []string) Party {
	for _, word := range strings.Fields(strings.Join(values, " ")) {
		switch word {
		case "phone":
			p.Kind = Phone
		case "system":
			p.Kind, p.Transport = System, AnyTransport
		case "trunk":
			p.Kind = Trunk
		case "tls":
			p.Transport = SecureTransport
		case "clear":
			p.Transport = ClearTransport
		case "h323":
			p.Protocol = H323
		case "nat":
			p.NAT = true
		case "web":
			p.Web = true
		case "no-direct":
			p.Direct = false
		case "emergency":
			p.Emergency = true
		case "disabled":
			p.Security = Disabled
		case "preferred":
			p.Security = Preferred
		case "enforced":
			p.Security = Enforced
		case "capneg":
			p.BestEffort = CapNeg
		case "two-lines":
			p.BestEffort = TwoLines
		case "savp":
			p.BestEffort = SAVP
		default:
			addr, err := netip.ParseAddr(word)
			if err != nil {
				t.Fatalf("%s: a party is not %q", d.Pos, word)
			}
			p.Source = addr
		}
	}
	return p
}

func sideOf(t *testing.T, d *datadriven.TestData) Side {
	if len(d.CmdArgs) > 0 && d.CmdArgs[0].Key == "b" {
		return B
	}
	if len(d.CmdArgs) == 0 || d.CmdArgs[0].Key != "a" {
		t.Fatalf("%s: which side?", d.Pos)
	}
	return A
}

// bodyOf gives an SDP with CRLF. A body that begins with an m-line gets the first
// lines of its side.
func bodyOf(t *testing.T, d *datadriven.TestData) []byte {
	body := []byte(d.Input)
	if d.HasArg("file") {
		var name string
		d.ScanArgs(t, "file", &name)
		var err error
		if body, err = os.ReadFile(filepath.Join("testdata/phones", name)); err != nil {
			t.Fatal(err)
		}
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	if !bytes.HasPrefix(body, []byte("v=")) && !d.HasArg("as-is") {
		host := map[Side]string{A: "192.0.2.10", B: "192.0.2.20"}[sideOf(t, d)]
		head := "v=0\no=" + sideOf(t, d).String() + " 7 1 IN IP4 " + host + "\ns=-\n"
		connection := "c=IN IP4 " + host
		if bytes.HasPrefix(body, []byte("c=")) {
			line, rest, _ := bytes.Cut(body, []byte("\n"))
			connection, body = string(line), rest
		}
		body = append([]byte(head+connection+"\nt=0 0\n"), body...)
	}
	body = append(bytes.TrimRight(body, "\n"), '\n')
	return bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
}

// readable checks a description with a parser that is not ours.
func readable(t rapid.TB, body []byte) {
	t.Helper()
	// pion/sdp knows neither T.38's words nor MSRP's.
	known := strings.NewReplacer("m=image ", "m=application ", " udptl ", " UDP ", "m=message ", "m=application ", "TCP/MSRP", "TCP")
	var independent pion.SessionDescription
	if err := independent.UnmarshalString(known.Replace(string(body))); err != nil {
		t.Fatalf("another parser cannot read what was written: %v\n%s", err, body)
	}
}
