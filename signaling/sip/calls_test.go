package sip

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

const (
	offerOfA  = "v=0\r\no=a 1 1 IN IP4 127.0.1.1\r\ns=-\r\nc=IN IP4 127.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
	answerOfB = "v=0\r\no=b 1 1 IN IP4 127.0.1.2\r\ns=-\r\nc=IN IP4 127.0.1.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n"
)

// pass lets time pass in the bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// phoneAt is a phone on UDP at an address of its own.
func (w *wired) phoneAt(number string, from netip.AddrPort) *set {
	p := newPhone(number)
	p.via = from.String()
	return &set{p, udpLine{w.udp, from}}
}

// invite writes an INVITE with credentials.
func (s *set) invite(to, sdp string, more ...string) string {
	headers := append([]string{s.contact()}, more...)
	if sdp != "" {
		headers = append(headers, "Content-Type: application/sdp")
	}
	return s.phone.write(ask{
		method: "INVITE", uri: "sip:" + to + "@" + realm, to: "<sip:" + to + "@" + realm + ">",
		headers: headers, body: sdp,
	})
}

// within writes a request within the dialog of a response to our INVITE.
func (s *set) within(r *reply, method string, cseq int, more ...string) string {
	contact, _, _ := r.Contacts(1)
	target := ""
	if len(contact) > 0 {
		target = contact[0].Text
	}
	return s.phone.write(ask{method: method, uri: target, to: r.header(message.HTo), cseq: cseq, headers: more, auth: "-"})
}

// respond answers a request of the endpoint, with our tag and contact.
func (s *set) respond(t testing.TB, r *reply, status int, sdp string, more ...string) {
	t.Helper()
	lines := []message.HeaderLine{{Name: "Contact", Value: "<sip:" + s.number + "@" + s.via + ">"}}
	for _, m := range more {
		n, v, _ := strings.Cut(m, ": ")
		lines = append(lines, message.HeaderLine{Name: n, Value: v})
	}
	s.write(t, string(message.AppendResponse(nil, &r.Message, message.Reply{
		Status: status, Reason: "Tested", ToTag: "t" + s.number, Header: lines,
		ContentType: "application/sdp", Body: []byte(sdp),
	})))
}

// response reads a response of the endpoint.
func (s *set) response(t testing.TB, status int) *reply {
	t.Helper()
	got := s.read(t, time.Second)
	if got == "" {
		t.Fatalf("no response, want %d", status)
	}
	return parseReply(t, got, nil).must(t, status)
}

// expect reads a request of the endpoint of a method.
func (s *set) expect(t testing.TB, method string) *reply {
	t.Helper()
	r := s.request(t, time.Second)
	if r == nil {
		t.Fatalf("no %s came", method)
	}
	if r.Method != method {
		t.Fatalf("a %s came, want %s\n%s", r.Method, method, r.raw)
	}
	return r
}

// established is a call from A to B, up to the ACK.
type established struct {
	a, b   *set
	atA    *reply // the 200 that A got
	atB    *reply // the INVITE that B got
	ackAtB *reply
	cseq   int
}

func establish(t testing.TB, w *wired) *established {
	t.Helper()
	c := &established{a: w.phoneAt("201", there), b: w.phoneAt("202", nearby)}
	c.a.bind(t)
	c.b.bind(t)
	c.a.write(t, c.a.invite("202", offerOfA))
	c.cseq = c.a.cseq
	c.a.response(t, 100)
	c.atB = c.b.expect(t, "INVITE")
	c.b.respond(t, c.atB, 180, "")
	c.a.response(t, 180)
	c.b.respond(t, c.atB, 200, answerOfB)
	c.ackAtB = c.b.expect(t, "ACK")
	c.atA = c.a.response(t, 200)
	c.a.write(t, c.a.within(c.atA, "ACK", c.cseq))
	synctest.Wait()
	return c
}

func TestCall_TwoPhonesOverUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		c := establish(t, w)
		if c.atB.Body != offerOfA || c.atA.Body != answerOfB {
			t.Errorf("offer at B %q, answer at A %q", c.atB.Body, c.atA.Body)
		}
		if n, _ := c.atB.From.URI.Number(); n != "201" {
			t.Errorf("B sees the caller as %q", n)
		}
		if got := w.Standing().Legs; got != 2 {
			t.Errorf("%d legs stand, want 2", got)
		}
		d, ok := w.Dialog(1)
		if !ok || d.CallID != c.a.callID || d.FromTag != "f201" || d.ToTag != c.atA.To.Tag() {
			t.Errorf("dialog of A's leg: %+v, %v", d, ok)
		}
		if id, ok := w.LegByDialog(d); !ok || id != 1 {
			t.Errorf("leg of the dialog: %d, %v", id, ok)
		}
		d.FromTag = "another"
		if _, ok := w.LegByDialog(d); ok {
			t.Error("a dialog with a wrong tag is found")
		}
		c.a.write(t, c.a.within(c.atA, "BYE", c.cseq+1))
		c.a.response(t, 200)
		bye := c.b.expect(t, "BYE")
		if bye.To.Tag() != "t202" || bye.CallID != c.atB.CallID {
			t.Errorf("BYE in another dialog:\n%s", bye.raw)
		}
		c.b.respond(t, bye, 200, "")
		synctest.Wait()
		if _, ok := board.last(1).(call.Ended); !ok {
			t.Errorf("A's leg ended by %#v", board.last(1))
		}
		pass(time.Minute)
		synctest.Wait()
		if s := w.Standing(); s.Legs != 0 || s.FadingLegs != 0 {
			t.Errorf("legs are left: %+v", s)
		}
	})
}
