package sip

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// A leg that rings ends with its phone's connection, so that the call goes on elsewhere.
func TestCall_RingingLegEndsWithItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		a := w.phoneAt("201", there)
		a.bind(t)
		b := w.tcpPhone("202")
		b.bind(t)
		a.write(t, a.invite("202", offerOfA))
		a.response(t, 100)
		atB := b.expect(t, "INVITE")
		b.respond(t, atB, 180, "")
		a.response(t, 180)
		b.close()
		a.response(t, 430)
		synctest.Wait()
		if ev, ok := board.last(2).(call.Refused); !ok || ev.Cause.Status != 430 {
			t.Errorf("%#v", board.last(2))
		}
		if len(w.legs.byFlow) != 0 {
			t.Error("the stream is still remembered")
		}
	})
}

// A caller whose connection is gone calls no more: the phone that rings is told.
func TestCall_CallersStreamDiesWhileItRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		a := w.tcpPhone("201")
		a.bind(t)
		b := w.phoneAt("202", nearby)
		b.bind(t)
		a.write(t, a.invite("202", offerOfA))
		a.response(t, 100)
		atB := b.expect(t, "INVITE")
		b.respond(t, atB, 180, "")
		a.response(t, 180)
		a.close()
		b.expect(t, "CANCEL")
		synctest.Wait()
		if ev, ok := board.last(1).(call.Cancelled); !ok || ev.Cause.Status != 430 {
			t.Errorf("%#v", board.last(1))
		}
	})
}

// An answered call is not ended by the loss of a connection: its media may go from phone
// to phone.
func TestVP3_AnsweredLegOutlivesItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		a := w.tcpPhone("201")
		a.bind(t)
		b := w.tcpPhone("202")
		b.callID = "b"
		b.bind(t)
		a.write(t, a.invite("202", offerOfA))
		cseq := a.cseq
		a.response(t, 100)
		atB := b.expect(t, "INVITE")
		b.respond(t, atB, 200, answerOfB)
		b.expect(t, "ACK")
		atA := a.response(t, 200)
		a.write(t, a.within(atA, "ACK", cseq))
		synctest.Wait()
		a.close()
		b.close()
		pass(5 * time.Minute)
		for leg := call.LegID(1); leg <= 2; leg++ {
			switch ev := board.last(leg).(type) {
			case call.Ended, call.Refused, call.Cancelled:
				t.Errorf("leg %d: %#v", leg, ev)
			}
		}
		if s := w.Standing(); s.Legs != 2 || len(w.legs.byFlow) != 0 {
			t.Errorf("%+v, %d streams remembered", s, len(w.legs.byFlow))
		}
	})
}

// Of a phone that begins too many calls a second, only these are refused, with the time
// after which it may try again; never a call to an emergency number.
func TestCall_APhoneBeginsSoManyCallsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wiredCalls(t, func(o *Options, _ *registrar.Config) { o.Limits.CallRate, o.Limits.CallBurst = 2, 3 })
		a := w.phoneAt("201", there)
		a.bind(t)
		try := func(to, id string, want int) *reply {
			t.Helper()
			a.callID = id
			a.write(t, a.invite(to, offerOfA))
			for { // refusals without an ACK come again and again
				got := parseReply(t, a.read(t, time.Second), nil)
				if got.CallID == id && got.Status > 100 {
					return got.must(t, want)
				}
			}
		}
		for i := range 3 {
			try("404", "call-"+string(rune('a'+i)), 404)
		}
		if after := try("404", "one-more", 503).header(message.HRetryAfter); after != "1" {
			t.Errorf("Retry-After %q", after)
		}
		try("112", "help", 404) // nobody has it here; but it was not refused
		pass(time.Second)
		try("404", "later", 404)
		try("404", "later-still", 404)
		try("404", "too-much-again", 503)
		if w.value(cCallRate) != 2 {
			t.Errorf("counted %d", w.value(cCallRate))
		}
		pass(time.Minute)
		if len(w.paces.of) != 0 {
			t.Error("the phone is still remembered")
		}
	})
}

// A system that is behind with reading says so at once: before credentials, before
// anything is kept, with the time after which to try again. What belongs to a call that
// is under way, and emergency calls, are dealt with.
func TestCall_RefusedAtOnceWhileTheSystemIsBehind(t *testing.T) {
	b := newBoard()
	s := newSite(t, func(o *Options, _ *registrar.Config) { o.Calls = b })
	b.e, b.desk = s.Endpoint, s.desk
	send := func(to, branch string, waited time.Duration) string {
		t.Helper()
		in := &flow.Inbound{
			Flow: 7, Transport: flow.UDP, Local: here, Remote: there, At: time.Now(), Proven: true, Waited: waited,
			Bytes: []byte("INVITE sip:" + to + "@" + realm + " SIP/2.0\r\nVia: SIP/2.0/UDP " + there.String() + ";branch=z9hG4bK" + branch +
				"\r\nMax-Forwards: 70\r\nFrom: <sip:201@" + realm + ">;tag=1\r\nTo: <sip:" + to + "@" + realm +
				">\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:201@" + there.String() + ">\r\nContent-Length: 0\r\n\r\n"),
		}
		s.Handle(in)
		return string(in.Answer)
	}
	ask := func(to string, waited time.Duration) string { return send(to, to+waited.String(), waited) }
	if got := ask("202", 100*time.Millisecond); !strings.HasPrefix(got, "SIP/2.0 401 ") {
		t.Fatalf("not behind: %s", got)
	}
	if got := ask("202", 200*time.Millisecond); !strings.HasPrefix(got, "SIP/2.0 503 ") || !strings.Contains(got, "\r\nRetry-After: 2\r\n") {
		t.Fatalf("behind: %s", got)
	}
	// The same INVITE, sent again and read in time, is no new call: its caller has been told.
	if got := send("202", "202200ms", 0); !strings.HasPrefix(got, "SIP/2.0 503 System Is Behind\r\n") || !strings.Contains(got, "\r\nRetry-After: 2\r\n") {
		t.Fatalf("the same once more: %s", got)
	}
	if got := ask("112", 200*time.Millisecond); !strings.HasPrefix(got, "SIP/2.0 401 ") {
		t.Fatalf("emergency: %s", got)
	}
	if n := s.count.get(cOverrun); n != 1 || s.Standing() != (Standing{}) {
		t.Fatalf("%d counted, kept %+v", n, s.Standing())
	}
}
