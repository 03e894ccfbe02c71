package dialog

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

func TestRFC3261_13_3_TrueOrderOfAnIncomingCall(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar})
	ev := heard[call.Invited](s)
	if ev.From.Number != "201" || ev.From.Name != "Far End" || ev.To != "202" || string(ev.Offer.Data) != sdpFar || ev.Hops != 69 {
		t.Errorf("%+v", ev)
	}
	s.do(call.Ring{Status: 180})
	ringing := s.next("180 INVITE")
	if ringing.To.Tag() != s.ourTag || len(s.ourTag) != 26 { // 128 bits in base 32
		t.Errorf("tag %q", ringing.To.Tag())
	}
	s.do(call.Answer{Body: ours(sdpOurs), To: call.Party{Number: "202", Name: "Bo"}})
	ok := s.next("200 INVITE")
	header(t, ok, message.HPAssertedIdentity, `"Bo" <sip:202@example.test>`)
	if ok.Body != sdpOurs {
		t.Errorf("body %q", ok.Body)
	}
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq)}))
	heard[call.Connected](s)
	s.hand(s.request("BYE", nil))
	s.next("200 BYE")
	if ev := heard[call.Ended](s); ev.Cause.Status != 0 || ev.Cause.Phrase != "" {
		t.Errorf("%+v", ev)
	}
	s.quiet()
	s.pass(40 * time.Second)
	if !s.leg.Over() {
		t.Error("not over")
	}
}

func TestRFC3261_13_3_1_4_SuccessIsRepeatedUntilTheAck(t *testing.T) {
	for _, transport := range []string{"UDP", "TCP"} {
		s := newScript(t)
		s.path.Transport, s.path.Reliable = transport, transport == "TCP"
		s.invited(Incoming{}, edit{"body": sdpFar})
		s.do(call.Answer{Body: ours(sdpOurs)})
		from := s.now
		var at []time.Duration
		for len(s.sent) > 0 {
			if s.sent[0].Status != 200 {
				break
			}
			at = append(at, s.now.Sub(from))
			s.next("200 INVITE")
			next, _ := s.leg.Next()
			s.pass(next.Sub(s.now))
		}
		want := []time.Duration{0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(at, want) {
			t.Errorf("%s: sent at %v", transport, at)
		}
		s.pass(time.Second)
		s.next("BYE")
		s.wasOdd(OddNoAck)
		heard[call.Invited](s)
		if ev := heard[call.Ended](s); ev.Cause.Status != 408 {
			t.Errorf("%+v", ev)
		}
	}
}

func TestRFC3261_15_TheCalleeHangsUpOnlyAfterTheAck(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar})
	heard[call.Invited](s)
	s.do(call.Answer{Body: ours(sdpOurs)})
	s.next("200 INVITE")
	s.do(call.End{Cause: call.Cause{Status: 486, Phrase: `he said "no"`}})
	s.quiet()
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq)}))
	heard[call.Connected](s)
	bye := s.next("BYE")
	header(t, bye, message.HReason, `SIP;cause=486;text="he said \"no\""`)
	heard[call.Ended](s)
}

func TestRFC3261_9_2_CancelBeforeTheAnswer(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar, "branch": "z9hG4bKsame"})
	heard[call.Invited](s)
	cancel := s.request("CANCEL", edit{
		"branch": "z9hG4bKsame", "cseq": strconv.Itoa(s.cseq), "to-tag": "",
		"Reason": `SIP;cause=200;text="Call completed elsewhere"`,
	})
	s.hand(cancel)
	s.next("200 CANCEL")
	s.next("487 INVITE")
	heard[call.Cancelled](s)
	s.hand(cancel)
	s.next("200 CANCEL")
	s.do(call.Answer{Body: ours(sdpOurs)})
	s.quiet()
	s.hand(s.request("ACK", edit{"branch": "z9hG4bKsame", "cseq": strconv.Itoa(s.cseq)}))
	s.pass(33 * time.Second)
	s.silent()
	if !s.leg.Over() {
		t.Error("not over")
	}
}

func TestRFC3261_9_2_CancelThatLosesToTheAnswer(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar, "branch": "z9hG4bKsame"})
	heard[call.Invited](s)
	s.do(call.Answer{Body: ours(sdpOurs)})
	s.next("200 INVITE")
	s.hand(s.request("CANCEL", edit{"branch": "z9hG4bKsame", "cseq": strconv.Itoa(s.cseq), "to-tag": ""}))
	s.next("200 CANCEL")
	s.quiet()
	s.silent()
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq)}))
	heard[call.Connected](s)
}

func TestRFC3261_9_1_CancelWaitsForAProvisional(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	s.do(call.Cancel{Cause: call.Cause{Status: 200, Phrase: "Call completed elsewhere"}})
	s.quiet()
	s.hand(s.answer(s.invite, 100, edit{"tag": ""}))
	cancel := s.next("CANCEL")
	header(t, cancel, message.HReason, `SIP;cause=200;text="Call completed elsewhere"`)
	if cancel.Via.Branch() != s.invite.Via.Branch() || cancel.CSeq != s.invite.CSeq || cancel.To.Tag() != "" || cancel.URI != s.invite.URI {
		t.Errorf("CANCEL does not name the INVITE: %+v", cancel)
	}
	s.hand(s.answer(cancel, 200, nil))
	s.hand(s.answer(s.invite, 487, nil))
	ack := s.next("ACK")
	if ack.Via.Branch() != s.invite.Via.Branch() || ack.To.Tag() != "far" {
		t.Errorf("ACK of the refusal: %+v", ack)
	}
	if ev := heard[call.Refused](s); ev.Cause.Status != 487 {
		t.Errorf("%+v", ev)
	}
	s.pass(40 * time.Second)
	if !s.leg.Over() {
		t.Error("not over")
	}
}

func TestRFC3261_9_1_CancelThatNothingComesOf(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	s.hand(s.answer(s.invite, 180, nil))
	heard[call.Ringing](s)
	s.do(call.Cancel{})
	s.pass(31 * time.Second)
	s.silent()
	s.pass(2 * time.Second)
	if ev := heard[call.Refused](s); ev.Cause.Status != 487 {
		t.Errorf("%+v", ev)
	}
	s.pass(10 * time.Second)
	if !s.leg.Over() {
		t.Error("not over")
	}
}

func TestRFC3261_9_1_AnswerFasterThanTheCancel(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	s.hand(s.answer(s.invite, 180, nil))
	heard[call.Ringing](s)
	s.do(call.Cancel{})
	s.next("CANCEL")
	s.hand(s.answer(s.invite, 200, edit{"body": sdpFar}))
	s.next("ACK")
	heard[call.Answered](s)
	s.do(call.End{})
	s.next("BYE")
	heard[call.Ended](s)
}

func TestRFC3261_13_2_2_4_EachSuccessIsAcknowledged(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	ok := s.answer(s.invite, 200, edit{"body": sdpFar})
	s.hand(ok)
	first := s.next("ACK")
	heard[call.Answered](s)
	s.hand(ok)
	if again := s.next("ACK"); again.Via.Branch() != first.Via.Branch() || again.CSeq != s.invite.CSeq {
		t.Error("the ACK was not the same")
	}
	s.silent()
	// Another branch of a proxy answered as well.
	other := s.answer(s.invite, 200, edit{"tag": "other", "body": sdpFar, "Contact": "<sip:other@192.0.2.8>"})
	s.hand(other)
	ack := s.next("ACK")
	bye := s.next("BYE")
	if ack.To.Tag() != "other" || bye.To.Tag() != "other" || bye.URI != "sip:other@192.0.2.8" {
		t.Errorf("ACK to %q, BYE to %q at %s", ack.To.Tag(), bye.To.Tag(), bye.URI)
	}
	s.wasOdd(OddFork)
	s.hand(other)
	s.next("ACK")
	s.hand(s.answer(bye, 200, edit{"tag": "other"}))
	s.quiet()
	s.silent()
	if d, _ := s.leg.Dialog(); d.FromTag != "far" {
		t.Errorf("dialog %+v", d)
	}
}

func TestRFC3261_12_2_1_1_RouteSetAndStrictRouter(t *testing.T) {
	for _, lr := range []bool{true, false} {
		s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
		p1, p2 := "<sip:p1.example.test;lr>", "<sip:p2.example.test;lr>"
		if !lr {
			p2 = "<sip:p2.example.test>"
		}
		s.hand(s.answer(s.invite, 200, edit{"body": sdpFar, "Record-Route": p1 + ", " + p2}))
		ack := s.next("ACK")
		var routes []string
		for v := range ack.List(message.HRoute) {
			routes = append(routes, v)
		}
		want, uri := []string{p2, p1}, "sip:far@192.0.2.9:5060"
		if !lr {
			want, uri = []string{p1, "<sip:far@192.0.2.9:5060>"}, "sip:p2.example.test"
		}
		if !slices.Equal(routes, want) || ack.URI != uri {
			t.Errorf("lr %v: %s via %v", lr, ack.URI, routes)
		}
	}
}

func TestRFC3261_12_2_2_CSeqOrder(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("INFO", nil))
	heard[call.Told](s)
	s.hand(s.request("INFO", edit{"cseq": strconv.Itoa(s.cseq - 1)}))
	s.next("500 INFO")
	s.wasOdd(OddOrder)
	s.silent()
}

func TestRFC3261_12_2_2_AStrangersBye(t *testing.T) {
	for _, e := range []edit{{"from-tag": "guess"}, {"call-id": "guess"}, {"to-tag": "guess"}} {
		s := talking(t, nil)
		s.hand(s.request("BYE", e))
		s.next("481 BYE")
		s.wasOdd(OddStranger)
		s.silent()
	}
}

func TestRFC3261_12_2_1_2_TargetRefresh(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("UPDATE", edit{"Contact": "<sip:moved@192.0.2.77>"}))
	s.next("200 UPDATE")
	s.do(call.End{})
	if bye := s.next("BYE"); bye.URI != "sip:moved@192.0.2.77" {
		t.Errorf("BYE to %s", bye.URI)
	}
}

func TestRFC3261_13_DelayedOfferBothWays(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{})
	if s.invite.Token(message.HSupported, "100rel") {
		t.Error("100rel is offered without an offer")
	}
	ok := s.answer(s.invite, 200, edit{"body": sdpFar})
	s.hand(ok)
	if ev := heard[call.Answered](s); string(ev.Body.Data) != sdpFar {
		t.Errorf("%+v", ev)
	}
	s.hand(ok)
	s.quiet()
	s.do(call.Connect{Body: ours(sdpOurs)})
	if ack := s.next("ACK"); ack.Body != sdpOurs {
		t.Errorf("ACK with %q", ack.Body)
	}

	s = newScript(t)
	s.invited(Incoming{}, nil)
	if ev := heard[call.Invited](s); !ev.Offer.Empty() {
		t.Errorf("%+v", ev)
	}
	s.do(call.Answer{Body: ours(sdpOurs)})
	s.next("200 INVITE")
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq), "body": sdpFar}))
	if ev := heard[call.Connected](s); string(ev.Body.Data) != sdpFar {
		t.Errorf("%+v", ev)
	}
}

func TestRFC3261_8_1_1_8_InviteWithoutContact(t *testing.T) {
	s := newScript(t)
	s.incoming(Incoming{}, edit{"Contact": "", "body": sdpFar, "branch": "z9hG4bKx"})
	s.next("400 INVITE")
	s.silent()
	s.hand(s.request("ACK", edit{"branch": "z9hG4bKx", "cseq": strconv.Itoa(s.cseq)}))
	s.pass(10 * time.Second)
	if !s.leg.Over() {
		t.Error("not over")
	}
}

func TestRefusal_RedirectsAndReasons(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar})
	heard[call.Invited](s)
	s.do(call.Refuse{Cause: call.Cause{Status: 302, Contacts: []string{"300", "sip:x@y.test"}}})
	m := s.next("302 INVITE")
	var contacts []string
	for v := range m.List(message.HContact) {
		contacts = append(contacts, v)
	}
	if strings.Join(contacts, " ") != "<sip:300@example.test> <sip:x@y.test>" {
		t.Errorf("contacts %v", contacts)
	}
	heard[call.Ended](s)

	s = dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	s.hand(s.answer(s.invite, 302, edit{"Contact": "<sip:300@example.test>, <sip:x@y.test>", "Retry-After": "60 (soon)"}))
	s.next("ACK")
	ev := heard[call.Refused](s)
	if ev.Cause.Status != 302 || !slices.Equal(ev.Cause.Contacts, []string{"sip:300@example.test", "sip:x@y.test"}) || ev.Cause.RetryAfter != 60 {
		t.Errorf("%+v", ev)
	}
}

func TestFlowFailed_IsRefusedWith430(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	var fx Effects
	s.leg.Failed(s.invite.Via.Branch(), s.now, &fx)
	s.took(&fx)
	if ev := heard[call.Refused](s); ev.Cause.Status != 430 {
		t.Errorf("%+v", ev)
	}
	if !s.leg.Over() {
		t.Error("not over")
	}
}

func TestNoAnswerAtAll_IsRefusedWith408(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	s.pass(33 * time.Second)
	if ev := heard[call.Refused](s); ev.Cause.Status != 408 {
		t.Errorf("%+v", ev)
	}
}

func TestTrunk_ChallengeIsAnsweredOnce(t *testing.T) {
	asked := 0
	s := dialled(t, Outgoing{Peer: call.Trunk, Authorize: func(challenge, method, uri string) (string, bool) {
		asked++
		return "Digest for " + challenge + " " + method + " " + uri, true
	}}, call.Dial{Offer: ours(sdpOurs)})
	s.hand(s.answer(s.invite, 407, edit{"Proxy-Authenticate": "Digest x"}))
	s.next("ACK")
	again := s.next("INVITE")
	if again.CSeq != s.invite.CSeq+1 || again.Via.Branch() == s.invite.Via.Branch() || again.Body != sdpOurs {
		t.Errorf("%+v", again)
	}
	header(t, again, message.HProxyAuthorization, "Digest for Digest x INVITE "+s.invite.URI)
	s.hand(s.answer(again, 407, edit{"Proxy-Authenticate": "Digest x"}))
	s.next("ACK")
	if ev := heard[call.Refused](s); ev.Cause.Status != 407 || asked != 1 {
		t.Errorf("%+v, asked %d times", ev, asked)
	}
}

func TestNothingStaysForEver(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar})
	heard[call.Invited](s)
	s.pass(callMost + time.Minute)
	s.next("408 INVITE")
	if ev := heard[call.Cancelled](s); ev.Cause.Status != 408 || !s.leg.Over() {
		t.Errorf("%+v, over %v", ev, s.leg.Over())
	}

	s = dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	s.hand(s.answer(s.invite, 180, nil))
	heard[call.Ringing](s)
	s.pass(callMost + 2*time.Minute)
	s.next("CANCEL")
	if ev := heard[call.Refused](s); ev.Cause.Status != 487 || !s.leg.Over() {
		t.Errorf("%+v, over %v", ev, s.leg.Over())
	}
}
