package dialog

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

func TestRFC3262_ReliableProvisionalOfOurs(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar, "Supported": "100rel", "branch": "z9hG4bKi"})
	heard[call.Invited](s)
	invite := s.cseq
	s.do(call.Ring{Status: 183, Body: ours(sdpOurs)})
	m := s.next("183 INVITE")
	if !m.Token(message.HRequire, "100rel") || m.Body != sdpOurs {
		t.Errorf("%+v", m)
	}
	seq, _ := m.Get(message.HRSeq)
	// It is repeated, and neither the answer nor another reliable one overtakes it.
	s.do(call.Answer{Body: ours(sdpOurs)})
	s.quiet()
	s.pass(3600 * time.Millisecond)
	s.next("183 INVITE")
	s.next("183 INVITE")
	s.next("183 INVITE")
	s.hand(s.request("PRACK", edit{"RAck": "1 " + strconv.Itoa(invite) + " INVITE"}))
	s.next("481 PRACK")
	s.hand(s.request("PRACK", edit{"RAck": seq + " " + strconv.Itoa(invite) + " INVITE"}))
	s.next("200 PRACK")
	if ok := s.next("200 INVITE"); ok.Body != "" {
		t.Errorf("the answer is given twice: %q", ok.Body)
	}
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(invite)}))
	heard[call.Connected](s)
	s.pass(5 * time.Second)
	s.quiet()
}

func TestRFC3262_5_OfferInPrack(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar, "Supported": "100rel"})
	heard[call.Invited](s)
	invite := s.cseq
	s.do(call.Ring{Status: 183, Body: ours(sdpOurs)})
	seq, _ := s.next("183 INVITE").Get(message.HRSeq)
	s.hand(s.request("PRACK", edit{"RAck": seq + " " + strconv.Itoa(invite) + " INVITE", "body": sdpOther}))
	ev := heard[call.Offered](s)
	s.do(call.Reply{ID: ev.ID, Body: ours(sdpHeld)})
	if m := s.next("200 PRACK"); m.Body != sdpHeld {
		t.Errorf("answer %q", m.Body)
	}
}

func TestRFC3262_3_NoPrackRefusesTheInvite(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar, "Require": "100rel"})
	heard[call.Invited](s)
	s.do(call.Ring{Status: 180})
	if m := s.next("180 INVITE"); !m.Token(message.HRequire, "100rel") {
		t.Error("not reliable, though it was required")
	}
	s.pass(33 * time.Second)
	s.wasOdd(OddNoPrack)
	if ev := heard[call.Cancelled](s); ev.Cause.Status != 504 {
		t.Errorf("%+v", ev)
	}
}

func TestRFC3262_4_ReliableProvisionalOfTheFarEnd(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	ring := func(seq, body string) string {
		return s.answer(s.invite, 183, edit{"body": body, "RSeq": seq, "Require": "100rel", "Allow": "UPDATE"})
	}
	s.hand(ring("7", sdpFar))
	prack := s.next("PRACK")
	header(t, prack, message.HRAck, "7 1 INVITE")
	if prack.URI != "sip:far@192.0.2.9:5060" || prack.To.Tag() != "far" {
		t.Errorf("%+v", prack)
	}
	if ev := heard[call.Ringing](s); string(ev.Body.Data) != sdpFar || ev.Status != 183 {
		t.Errorf("%+v", ev)
	}
	s.hand(ring("7", sdpFar)) // repeated
	s.hand(ring("9", sdpFar)) // out of order
	s.quiet()
	s.silent()
	s.hand(s.answer(prack, 200, nil))
	// The answer is given: an offer of ours goes by UPDATE (RFC 3311 §5.1).
	s.do(call.Offer{ID: 4, Body: ours(sdpHeld)})
	update := s.next("UPDATE")
	s.hand(s.answer(update, 200, edit{"body": sdpOther}))
	if ev := heard[call.Agreed](s); ev.ID != 4 || string(ev.Body.Data) != sdpOther {
		t.Errorf("%+v", ev)
	}
	s.hand(s.answer(s.invite, 200, nil))
	s.next("ACK")
	if ev := heard[call.Answered](s); string(ev.Body.Data) != sdpFar {
		t.Errorf("the answer that was given before is not told: %+v", ev)
	}
}

func TestRFC3261_13_3_1_1_RingingIsRepeatedEachMinute(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar})
	s.do(call.Ring{Status: 180})
	s.next("180 INVITE")
	s.pass(2*time.Minute + time.Second)
	s.next("180 INVITE")
	s.next("180 INVITE")
	s.quiet()
}

func TestRepeatedRingingIsToldOnce(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	for range 3 {
		s.hand(s.answer(s.invite, 180, nil))
	}
	heard[call.Ringing](s)
	s.silent()
	s.hand(s.answer(s.invite, 183, edit{"body": sdpFar}))
	heard[call.Ringing](s)
	if strings.Contains(text(s.events), "Ringing") {
		t.Error("told twice")
	}
}

func TestRFC3262_4_PrackOutOfOrderIsSentAnew(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	ring := s.answer(s.invite, 183, edit{"body": sdpFar, "RSeq": "1", "Require": "100rel"})
	s.hand(ring)
	s.hand(s.answer(s.next("PRACK"), 500, nil))
	s.hand(ring)
	header(t, s.next("PRACK"), message.HRAck, "1 1 INVITE")
}

func TestRFC3311_5_1_UpdateBeforeTheAnswer(t *testing.T) {
	// Of the caller: refused until the first answer went out and was acknowledged.
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar, "Supported": "100rel", "Allow": "UPDATE"})
	heard[call.Invited](s)
	invite := s.cseq
	s.hand(s.request("UPDATE", edit{"body": sdpHold}))
	s.next("500 UPDATE")
	s.do(call.Ring{Status: 183, Body: ours(sdpOurs)})
	seq, _ := s.next("183 INVITE").Get(message.HRSeq)
	s.hand(s.request("PRACK", edit{"RAck": seq + " " + strconv.Itoa(invite) + " INVITE"}))
	s.next("200 PRACK")
	s.hand(s.request("UPDATE", edit{"body": sdpHold}))
	ev := heard[call.Offered](s)
	s.do(call.Reply{ID: ev.ID, Body: ours(sdpHeld)})
	s.next("200 UPDATE")
	// Of ours, to a caller that allows it.
	s.do(call.Offer{ID: 2, Body: ours(sdpOurs)})
	s.hand(s.answer(s.next("UPDATE"), 200, edit{"body": sdpOther}))
	if ev := heard[call.Agreed](s); ev.ID != 2 {
		t.Errorf("%+v", ev)
	}

	// Of the callee.
	s = dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	s.hand(s.answer(s.invite, 183, edit{"body": sdpFar, "RSeq": "1", "Require": "100rel"}))
	s.hand(s.answer(s.next("PRACK"), 200, nil))
	heard[call.Ringing](s)
	s.hand(s.request("UPDATE", edit{"body": sdpHold}))
	ev = heard[call.Offered](s)
	s.do(call.Reply{ID: ev.ID, Body: ours(sdpHeld)})
	s.next("200 UPDATE")
}
