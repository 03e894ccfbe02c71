package phone

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"
)

const sampleNotify = "NOTIFY sip:201@127.0.0.9:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\n" +
	"f: <sip:201@example.test>;tag=a\r\nTo: <sip:201@example.test>;tag=b\r\ni: c\r\nCSeq: 1 NOTIFY\r\n" +
	"Subscription-State: active;\r\n expires=60\r\nl: 4\r\n\r\nbodyEXTRA"

func TestParse(t *testing.T) {
	message := parsed(t, sampleNotify)
	if message.Method != "NOTIFY" || message.Get("from") != "<sip:201@example.test>;tag=a" ||
		message.Get("Call-ID") != "c" || string(message.Body) != "body" ||
		message.Get("Subscription-State") != "active; expires=60" {
		t.Fatalf("%+v", message)
	}
	if parameter(message.Get("To"), "TAG") != "b" || parameter("<sip:a;tag=no>", "tag") != "" {
		t.Fatal("parameters")
	}
	contact := `"a;expires=1" <sip:a@b;expires=2>;q=1;+sip.instance="<urn:x;y>";expires=90`
	if got := parameter(contact, "expires"); got != "90" || parameter(contact, "+sip.instance") != "<urn:x;y>" || parameter(contact, "y") != "" {
		t.Fatalf("expires %q", got)
	}
	again := parsed(t, string(message.Bytes()))
	if again.Method != message.Method || !bytes.Equal(again.Body, message.Body) {
		t.Fatalf("not the same after a round trip: %+v", again)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no end of header": "SIP/2.0 200 OK\r\nVia: x\r\n",
		"status":           "SIP/2.0 99 Odd\r\n\r\n",
		"start line":       "HELLO\r\n\r\n",
		"no colon":         "SIP/2.0 200 OK\r\nVia\r\n\r\n",
		"length":           "SIP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nbody",
		"negative length":  "SIP/2.0 200 OK\r\nContent-Length: -5\r\n\r\nbody",
		"too many fields":  "SIP/2.0 200 OK\r\n" + strings.Repeat("A: b\r\n", maxFields+1) + "\r\n",
		"too large":        "SIP/2.0 200 OK\r\n\r\n" + strings.Repeat("x", maxMessage),
	} {
		if message, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: parsed as %+v", name, message)
		}
	}
}

func TestReadMessageFromStream(t *testing.T) {
	one := "SIP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nbody"
	stream := bufio.NewReader(strings.NewReader("\r\n\r\n" + one + "\r\n" + one))
	for range 2 {
		data, err := readMessage(stream)
		if err != nil || string(data) != one {
			t.Fatalf("%q, %v", data, err)
		}
	}
	endless := bufio.NewReader(strings.NewReader("SIP/2.0 200 OK\r\n" + strings.Repeat("A: b\r\n", maxMessage)))
	if _, err := readMessage(endless); err == nil {
		t.Fatal("an endless header was read")
	}
}

func TestSplitContacts(t *testing.T) {
	got := splitContacts(`"a, b" <sip:x,y@z>;q=1, <sip:b>`)
	if len(got) != 2 || got[1] != " <sip:b>" {
		t.Fatalf("%q", got)
	}
}

// Whatever a server sends, the phone neither panics nor stops.
func FuzzReceived(f *testing.F) {
	f.Add([]byte(sampleNotify))
	f.Add([]byte("SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\"\r\n\r\n"))
	f.Add([]byte("SIP/2.0 200 OK\r\nContact: <sip:201@127.0.0.9:5070>;expires=99999999999\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWorld(t, "avaya-j100", "udp", nil)
		w.step(PowerOn{})
		framed, err := readMessage(bufio.NewReader(bytes.NewReader(data)))
		if err == nil && len(framed) > len(data) {
			t.Fatal("framed more than was sent")
		}
		message, err := Parse(data)
		if err != nil {
			return
		}
		if message.Method == "" { // as the answer to a refresh
			w.run(time.Minute)
			w.servers[0].silent = true
			w.run(10 * time.Minute)
			for _, tx := range w.phone.open {
				message.Fields = append([]Field{{"Via", "SIP/2.0/UDP x;branch=" + tx.branch}, {"CSeq", "1 REGISTER"}}, message.Fields...)
				break
			}
		}
		w.step(Received{0, message})
		w.run(time.Minute)
	})
}

func FuzzReadSetup(f *testing.F) {
	f.Add([]byte("domain: a\nservers: [{name: h, udp: '127.0.0.1:5060'}]\nphones: [{number: '1', password: x, profile: poly, transport: udp}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		setup, err := ReadSetup(bytes.NewReader(data))
		if err == nil && (len(setup.Phones) == 0 || len(setup.Servers) == 0) {
			t.Fatalf("accepted %q", data)
		}
	})
}
