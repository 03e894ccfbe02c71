package faults

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// inCall are the methods by which one could meddle with a call.
var inCall = []string{"BYE", "UPDATE", "INVITE", "REFER", "INFO", "MESSAGE", "PRACK", "OPTIONS", "NOTIFY", "SUBSCRIBE"}

// hijack sends requests within ann's and bob's call, from a registered phone at another
// address and from somebody who is nobody: with guesses for what only ann and the system
// know, and even with everything that stood on the wire.
func hijack(t *testing.T, s *stage) {
	ann, bob := s.connected()
	s.talkBoth(ann, bob, 1)
	tag := func(address string) string {
		_, tag, _ := strings.Cut(address, ";tag=")
		return tag
	}
	ours := tag(ann.remote)
	if len(ours) < 20 {
		t.Errorf("the system's tag %q can be guessed", ours)
	}
	nobody := s.udp(s.ip(115), s.london)
	defer nobody.close()
	forge := func(method, callID, from, to string, cseq int) string {
		body := ""
		switch method {
		case "INVITE", "UPDATE":
			body = s.mal.offer()
		case "REFER":
			return s.mal.write(&request{method: method, uri: ann.uri, from: from, to: to, callID: callID, cseq: cseq, more: []string{"Refer-To: <sip:263@" + domain + ">"}})
		}
		return s.mal.write(&request{method: method, uri: ann.uri, from: from, to: to, callID: callID, cseq: cseq, body: body, more: []string{"Event: refer"}})
	}
	guesses := map[string][3]string{ // Call-ID, From, To
		"another tag of ours":  {ann.callID, ann.local, strings.Replace(ann.remote, ours, strings.Repeat("a", len(ours)), 1)},
		"a tag that is close":  {ann.callID, ann.local, ann.remote[:len(ann.remote)-1] + "x"},
		"another Call-ID":      {"guess-" + ann.callID, ann.local, ann.remote},
		"another tag of ann's": {ann.callID, strings.Replace(ann.local, tag(ann.local), "guess", 1), ann.remote},
		"no tag of ann's":      {ann.callID, strings.Replace(ann.local, ";tag="+tag(ann.local), "", 1), ann.remote},
		"both tags turned":     {ann.callID, ann.remote, ann.local},
	}
	for name, g := range guesses {
		for _, method := range inCall {
			text := forge(method, g[0], g[1], g[2], s.mal.next()+5000)
			r := &request{method: method, callID: g[0], cseq: s.mal.cseq + 5000}
			s.mal.send(text)
			m := s.mal.await("answer to "+method, 5*time.Second, answers(r))
			// The turned tags name nothing of ours, and a SUBSCRIBE asks who it is first.
			if m.status != 481 && m.status != 403 && m.status != 401 && m.status != 400 {
				t.Errorf("%s with %s: %s", method, name, m.text)
			}
		}
	}
	// All of it right, as somebody would have it who listens on the wire, from elsewhere.
	for _, method := range inCall {
		cseq := s.mal.next() + 9000
		s.mal.send(forge(method, ann.callID, ann.local, ann.remote, cseq))
		m := s.mal.await("answer to "+method, 5*time.Second, answers(&request{method: method, callID: ann.callID, cseq: cseq}))
		if m.status != 401 && m.status != 403 && m.status != 481 {
			t.Errorf("%s of another phone with all names right: %s", method, m.text)
		}
	}
	// And with the credentials of another phone.
	s.mal.challenge = nil
	s.mal.register()
	wrong := &request{method: "BYE", uri: ann.uri, from: ann.local, to: ann.remote, callID: ann.callID, cseq: 20_000, more: []string{s.mal.proof("BYE", ann.uri)}}
	if m := s.mal.ask(wrong); m.status != 401 && m.status != 403 {
		t.Errorf("BYE with another phone's credentials: %s", m.text)
	}
	// A CANCEL of ann's INVITE, and Replaces of what is guessed.
	cancel := &request{method: "CANCEL", uri: ann.invite.uri, from: ann.invite.from, to: ann.invite.to, callID: ann.callID, cseq: ann.invite.cseq, branch: ann.invite.branch}
	if m := s.mal.ask(cancel); m.status != 481 {
		t.Errorf("CANCEL from elsewhere: %s", m.text)
	}
	replaces := fmt.Sprintf("Replaces: %s;to-tag=%s;from-tag=%s", ann.callID, strings.Repeat("b", len(ours)), tag(ann.local))
	if m := s.mal.refused("262", s.mal.offer(), replaces); m.status != 481 {
		t.Errorf("Replaces with a guessed tag: %s", m.text)
	}
	s.bob.quiet(200*time.Millisecond, func(m mail) bool { return m.status == 0 })
	s.ann.quiet(50*time.Millisecond, func(m mail) bool { return m.status == 0 })
	s.talkBoth(ann, bob, 2000)
	// Who moved to another address and can prove who she is goes on.
	moved, err := net.DialUDP("udp", &net.UDPAddr{IP: s.ip(63).AsSlice()}, net.UDPAddrFromAddrPort(s.london.at(5060)))
	if err != nil {
		t.Fatal(err)
	}
	was := s.ann.conn
	s.ann.conn = moved
	r := ann.asking("BYE", "")
	m := s.ann.ask(r)
	if m.status != 401 {
		t.Errorf("BYE from an address that was never heard of: %s", m.text)
	}
	s.ann.challenged(m)
	proven := ann.asking("BYE", "", s.ann.proof("BYE", ann.uri))
	s.ann.send(s.ann.write(proven))
	bob.hungUp()
	if m := s.ann.await("answer to BYE", 5*time.Second, answers(proven)); m.status != 200 {
		t.Errorf("BYE with proof: %s", m.text)
	}
	moved.Close()
	s.ann.conn = was
}

// outOfNowhere sends what belongs to nothing.
func outOfNowhere(t *testing.T, s *stage) {
	to := "<sip:262@" + domain + ">"
	for i := range 100 {
		for _, method := range []string{"PRACK", "BYE", "UPDATE", "INFO", "NOTIFY"} {
			r := &request{method: method, uri: "sip:262@" + domain, from: "<sip:263@" + domain + ">;tag=x", to: to + ";tag=y", callID: fmt.Sprint("nowhere", i), more: []string{"RAck: 1 1 INVITE"}}
			if m := s.mal.ask(r); m.status != 481 {
				t.Fatalf("%s out of nowhere: %s", method, m.text)
			}
		}
		ack := &request{method: "ACK", uri: "sip:262@" + domain, from: "<sip:263@" + domain + ">;tag=x", to: to + ";tag=y", callID: fmt.Sprint("nowhere", i)}
		s.mal.send(s.mal.write(ack))
		cancel := &request{method: "CANCEL", uri: "sip:262@" + domain, from: "<sip:263@" + domain + ">;tag=x", to: to, callID: fmt.Sprint("nowhere", i)}
		if m := s.mal.ask(cancel); m.status != 481 {
			t.Fatalf("CANCEL out of nowhere: %s", m.text)
		}
	}
	s.mal.quiet(100*time.Millisecond, func(m mail) bool { return strings.HasSuffix(m.cseq(), " ACK") })
}

// transfersAway asks for transfers to where this system must send nobody.
func transfersAway(t *testing.T, s *stage) {
	evil, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.ipPort(199, 5060)))
	if err != nil {
		t.Fatal(err)
	}
	defer evil.Close()
	trap, err := net.Listen("tcp", s.at(199, 5060))
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	ann, bob := s.connected()
	at := s.ip(199).String()
	for _, to := range []string{
		"sip:900@evil.example", "sip:900@" + at, "sip:" + at, "sip:900@" + at + ":5060;transport=tcp", "sips:900@" + at,
		"sip:203@" + at + ";maddr=" + at, "sip:203%40" + domain + "@" + at, "http://" + at + "/x", "mailto:x@" + at, "sip:@" + domain,
		"sip:900@" + at + "?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc", "sip:900@" + at + "?Route=%3Csip:" + at + "%3E", "urn:service:sos",
	} {
		m := ann.asks("REFER", "", "Refer-To: <"+to+">")
		if m.status < 400 || m.status == 401 || m.status >= 600 {
			t.Errorf("REFER to %s: %s", to, m.text)
		}
	}
	// A Route in an INVITE leads nowhere else, and neither do other headers.
	if m := s.mal.refused("900", s.mal.offer(), "Route: <sip:"+at+";lr>", "Record-Route: <sip:"+at+";lr>"); m.status != 404 {
		t.Errorf("an INVITE with a Route to elsewhere: %s", m.text)
	}
	_ = evil.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := evil.Read(make([]byte, 2048)); err == nil {
		t.Errorf("the other host got %d bytes", n)
	}
	_ = trap.(*net.TCPListener).SetDeadline(time.Now().Add(100 * time.Millisecond))
	if c, err := trap.Accept(); err == nil {
		c.Close()
		t.Error("a connection was opened to the other host")
	}
	s.talkBoth(ann, bob, 1)
	end(ann, bob)
}

// forgedIdentities says to be somebody else in every header that others believe.
func forgedIdentities(t *testing.T, s *stage) {
	r := s.mal.invitation("262", s.mal.offer(), "P-Asserted-Identity: \"The Chief\" <sip:201@"+domain+">", "P-Preferred-Identity: <sip:201@"+domain+">",
		"Remote-Party-ID: <sip:201@"+domain+">;party=calling;screen=yes", "P-Called-Party-ID: <sip:203@"+domain+">", "X-Roost-Visited: london/262",
		"Identity: x", "X-Roost-From: 201")
	r.more = append(r.more, s.mal.proof("INVITE", r.uri))
	s.mal.send(s.mal.write(r))
	bob := s.bob.rings()
	for line := range strings.Lines(bob.peer.text) {
		for _, forged := range []string{"201@", "Chief", "X-Roost"} {
			if strings.Contains(line, forged) {
				t.Errorf("bob is told: %s", line)
			}
		}
	}
	if !strings.Contains(bob.peer.header("From"), "263@") || !strings.Contains(bob.peer.header("P-Asserted-Identity"), "263@") {
		t.Errorf("bob is not told who calls:\n%s", bob.peer.text)
	}
	bob.reply(bob.peer, 486, "Busy Here", "")
	m := s.mal.await("486", 5*time.Second, answers(r))
	s.mal.ackRefusal(r, m)
	if m.status != 486 {
		t.Error(m.text)
	}
	// From is another's.
	other := s.mal.invitation("262", s.mal.offer())
	other.from = strings.Replace(other.from, "263@", "261@", 1)
	other.more = append(other.more, s.mal.proof("INVITE", other.uri))
	if m := s.mal.ask(other); m.status != 403 && m.status != 401 {
		t.Errorf("a call in another's name: %s", m.text)
	} else {
		s.mal.ackRefusal(other, m)
	}
}
