package node

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"roost/certs"

	"roost/cmd/roost/console/api"
	"roost/registrar/record"
)

// both registers a phone at each system of a site whose line is up.
func (s *site) both() (ada, eve *rawPhone, london, paris *Node) {
	s.t.Helper()
	london, paris = s.start("london"), s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	s.until("london", "paris is mirrored", func(st api.Status) bool { return homeState(st, "paris") == "SYNCED" })
	ada, eve = s.rawPhone("201", "101", "london"), s.rawPhone("251", "151", "paris")
	for _, p := range []*rawPhone{ada, eve} {
		if status := p.register(); status != 200 {
			s.t.Fatalf("%s is registered with %d", p.number, status)
		}
	}
	s.until("london", "251 is known to be at paris", func(api.Status) bool {
		_, at := london.known.places("251")
		return len(at) == 1 && at[0] == "paris"
	})
	return ada, eve, london, paris
}

// connect has one phone call another, answered and heard both ways.
func connect(t *testing.T, from, to *rawPhone) (out, in *rawCall) {
	t.Helper()
	out, first := from.call(to.number)
	if first.status() >= 300 {
		t.Fatalf("%s calls %s: %s", from.number, to.number, first.first)
	}
	in = to.rings()
	in.reply(in.invite, 180, "Ringing", "")
	in.pickUp()
	out.answered(first)
	talk(t, out, in)
	return out, in
}

func talk(t *testing.T, out, in *rawCall) {
	t.Helper()
	if !hears(t, out.p, out.peer.audio(), in.p) || !hears(t, in.p, in.peer.audio(), out.p) {
		t.Errorf("%s and %s do not hear each other: one was told %v, the other %v", out.p.number, in.p.number, out.peer.audio(), in.peer.audio())
	}
}

// direct: each is told where the other listens.
func direct(out, in *rawCall) bool {
	return out.peer.audio() == in.p.listens() && in.peer.audio() == out.p.listens()
}

func (p *rawPhone) listens() netip.AddrPort {
	return netip.MustParseAddrPort(p.media.LocalAddr().String())
}

// A number at another system is reached over the line, with who called; the connection
// is used again in either direction.
func TestCalls_OverTheLine(t *testing.T) {
	for _, path := range []string{"direct", "anchored"} {
		t.Run(path, func(t *testing.T) {
			s := newSite(t)
			if path == "anchored" {
				s.extra["london"] = "media: {direct: false}\n"
			}
			ada, eve, london, paris := s.both()
			out, in := connect(t, ada, eve)
			if !strings.Contains(in.invite.get("From"), "Phone 201") || !strings.Contains(in.invite.get("From"), "sip:201@") {
				t.Errorf("251 sees the caller as %s", in.invite.get("From"))
			}
			if direct(out, in) != (path == "direct") {
				t.Errorf("201 sends to %v, 251 to %v", out.peer.audio(), in.peer.audio())
			}
			if m := in.within("BYE", ""); m.status() != 200 {
				t.Errorf("BYE: %s", m.first)
			}
			out.hungUp()
			back, there := connect(t, eve, ada)
			if m := there.within("BYE", ""); m.status() != 200 {
				t.Errorf("BYE: %s", m.first)
			}
			back.hungUp()
			for _, n := range []*Node{london, paris} {
				if flows := n.voice.neighbours.standing(); flows != 1 {
					t.Errorf("%s has %d connections to the other", n.name, flows)
				}
				s.until(n.name, "no call is left", func(api.Status) bool { return n.voice.board.Standing() == 0 && n.voice.board.Counters().Legs == 0 })
			}
		})
	}
}

// A phone cannot pass for a system: where systems call, only the certificate of one that
// a line goes to is let in, and nobody else is believed who called.
func TestCalls_OnlySystemsComeInWhereSystemsCall(t *testing.T) {
	s := newSite(t)
	london := s.start("london")
	ben := s.rawPhone("202", "102", "london")
	if status := ben.register(); status != 200 {
		t.Fatal(status)
	}
	// At the phones' ports an identity says nothing: a stranger is challenged.
	stranger := s.rawPhone("777", "107", "london")
	stranger.request("INVITE", "sip:202@example.test", "<sip:202@example.test>", "<sip:201@example.test>;tag=x", "stranger", 1, stranger.offer(),
		"P-Asserted-Identity: <sip:201@example.test>", "X-Roost-Visited: paris")
	if m := stranger.await("an answer", func(m rawMessage) bool { return m.status() > 100 }); m.status() != 401 {
		t.Errorf("a stranger's INVITE: %s", m.first)
	}
	for name, let := range map[string]bool{"paris": true, "rome": false, "": false} {
		conn := s.dialSystem(name, s.address("london")+":7423")
		// TLS 1.3: the client learns of its refusal by reading.
		_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		if in := errors.Is(err, os.ErrDeadlineExceeded); in != let {
			t.Errorf("%q was let in: %v (%v)", name, in, err)
		}
		conn.Close()
	}
	if london.voice.neighbours.standing() != 0 {
		t.Error("somebody is taken for a system")
	}
}

// dialSystem connects with the identity of a system, or with none.
func (s *site) dialSystem(name, address string) *tls.Conn {
	s.t.Helper()
	settings := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the server is not under test
	if name != "" {
		identity, err := s.ca.IssueIdentity(certs.Request{System: name, Addresses: []string{"192.0.2.1"}, ValidFor: time.Hour}, time.Now())
		if err != nil {
			s.t.Fatal(err)
		}
		settings.Certificates = []tls.Certificate{identity.TLSCertificate()}
	}
	conn, err := tls.Dial("tcp", address, settings)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// Who is dialled must be the system that is meant, whatever answers at its address.
func TestCalls_AnImpostorIsNotCalled(t *testing.T) {
	s := newSite(t)
	london := s.start("london")
	s.phonesAt["paris"] = []string{"251"}
	s.running["london"].config().Network.Lines[0].SIP.Host = s.address("london")
	s.running["london"].config().Network.Lines[0].SIP.Port = 7423 // london itself, with london's certificate
	if flow, err := london.connectTo("paris"); err == nil || !strings.Contains(err.Error(), "london") {
		t.Errorf("london is taken for paris: flow %v, %v", flow, err)
	}
	if _, err := london.connectTo("rome"); err == nil || !strings.Contains(err.Error(), "no line to rome") {
		t.Errorf("a system without a line: %v", err)
	}
	london.config().Network.Lines[0].SIP.Port = 1
	begun := time.Now()
	if _, err := london.connectTo("paris"); err == nil || time.Since(begun) > connectWithin {
		t.Errorf("where nobody listens: %v after %v", err, time.Since(begun))
	}
}

// A caller who gives up while the other system is still being connected to is answered at
// once, and nothing rings there later.
func TestCalls_GivenUpBeforeTheSystemIsConnected(t *testing.T) {
	s := newSite(t)
	london := s.start("london")
	ada := s.rawPhone("201", "101", "london")
	if status := ada.register(); status != 200 {
		t.Fatal(status)
	}
	mute, err := net.Listen("tcp", s.address("paris")+":7423") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	london.known.setEntry("paris", record.DirEntry{Number: "251", Home: "paris"})
	out, _ := ada.call("251")
	conn, err := mute.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ada.request("CANCEL", out.toURI, "<"+out.toURI+">", out.local, out.callID, out.inviteCSeq, "")
	if m := ada.await("the end of the INVITE", func(m rawMessage) bool {
		return m.status() >= 200 && m.get("Call-ID") == out.callID && m.method() == "INVITE"
	}); m.status() != 487 {
		t.Errorf("given up: %s", m.first)
	}
	s.until("london", "no call is left", func(st api.Status) bool { return st.Calls.Standing == 0 && london.voice.neighbours.nobodyWaits() })
	// A stop does not wait for the handshake.
	begun := time.Now()
	s.stop("london")
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

// A call between two systems whose media is direct outlives either of them: the system
// that is left sends nothing that ends it, and the phone of the one that is gone hangs up
// at its backup.
func TestVP3_VP4_ACallBetweenSystemsOutlivesOne(t *testing.T) {
	s := newSite(t)
	s.extra["paris"] = "calls: {records: paris.calls}\n"
	ada, eve, _, _ := s.both()
	out, in := connect(t, ada, eve)
	if !direct(out, in) {
		t.Fatal("the call is not direct")
	}
	s.until("paris", "the call is mirrored", func(st api.Status) bool { return st.Calls.Preserved == 1 })
	s.crash("london")
	s.serves()
	talk(t, out, in)
	for _, c := range []*rawCall{out, in} {
		c.p.silent(100 * time.Millisecond)
	}
	out.moved(s, "paris")
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE of 201 at the backup: %s", m.first)
	}
	if m := in.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE of 251: %s", m.first)
	}
	if r := s.record("paris", "hung up after a failover"); r.From.Number != "201" || r.Path != "direct" {
		t.Errorf("the record of 201's end is %+v", r)
	}
	if r := s.record("paris", "hung up"); r.To.Number != "251" || r.EndedBy != "to" {
		t.Errorf("the record of 251's end is %+v", r)
	}
	s.until("paris", "no call is left", func(st api.Status) bool { return st.Calls.Standing == 0 })
}

// standing is how many connections there are; nobodyWaits: no leg waits for one.
func (ns *neighbours) standing() int {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return len(ns.names)
}

func (ns *neighbours) nobodyWaits() bool {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return len(ns.legs) == 0
}
