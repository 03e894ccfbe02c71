package dialog

import (
	"strconv"
	"testing"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

const (
	sdpHold  = "v=0\r\no=far 1 2 IN IP4 192.0.2.9\r\na=sendonly\r\n"
	sdpHeld  = "v=0\r\no=ours 1 2 IN IP4 192.0.2.1\r\na=recvonly\r\n"
	sdpOther = "v=0\r\no=far 1 3 IN IP4 192.0.2.9\r\n"
)

func TestRFC3261_14_HoldByReinvite(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("INVITE", edit{"body": sdpHold}))
	ev := heard[call.Offered](s)
	if string(ev.Body.Data) != sdpHold || ev.Update {
		t.Errorf("%+v", ev)
	}
	s.do(call.Reply{ID: ev.ID, Body: ours(sdpHeld)})
	if ok := s.next("200 INVITE"); ok.Body != sdpHeld {
		t.Errorf("answer %q", ok.Body)
	}
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq)}))
	s.silent()
	s.quiet()
}

func TestRFC6141_3_RefusedOfferKeepsTheSession(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("INVITE", edit{"body": sdpHold, "branch": "z9hG4bKr"}))
	ev := heard[call.Offered](s)
	s.do(call.Reply{ID: ev.ID, Cause: call.Cause{Status: 488, Phrase: "no video here"}})
	m := s.next("488 INVITE")
	header(t, m, message.HWarning, `399 example.test "no video here"`)
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq), "branch": "z9hG4bKr"}))
	s.hand(s.request("INVITE", edit{"body": sdpHold}))
	heard[call.Offered](s) // the next one is served
	s.do(call.End{})
	s.next("BYE")

	s = called(t, nil)
	s.do(call.Offer{ID: 5, Body: ours(sdpHeld)})
	re := s.next("INVITE")
	s.hand(s.answer(re, 488, nil))
	s.next("ACK")
	if ev := heard[call.Agreed](s); ev.ID != 5 || ev.Cause.Status != 488 {
		t.Errorf("%+v", ev)
	}
	s.do(call.Tell{ID: 6, Method: "INFO"})
	s.next("INFO")
}

func TestRFC3261_14_1_GlareIsTriedAgain(t *testing.T) {
	for _, owner := range []bool{true, false} {
		s := talking(t, nil)
		from, to := time.Duration(0), otherTo
		if owner {
			s, from, to = called(t, nil), ownerFrom, ownerTo
		}
		s.do(call.Offer{ID: 1, Body: ours(sdpHeld)})
		re := s.next("INVITE")
		// Theirs came while ours was under way, and theirs is refused as ours is.
		s.hand(s.request("INVITE", edit{"body": sdpHold, "branch": "z9hG4bKg"}))
		s.next("491 INVITE")
		s.wasOdd(OddGlare)
		s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq), "branch": "z9hG4bKg"}))
		at := s.now
		s.hand(s.answer(re, 491, nil))
		s.next("ACK")
		s.silent()
		s.wait()
		if waited := s.now.Sub(at); waited < from || waited > to {
			t.Errorf("owner %v: tried again after %v", owner, waited)
		}
		again := s.next("INVITE")
		s.hand(s.answer(again, 200, edit{"body": sdpOther}))
		s.next("ACK")
		if ev := heard[call.Agreed](s); ev.ID != 1 || string(ev.Body.Data) != sdpOther {
			t.Errorf("%+v", ev)
		}
	}
}

func TestRFC3261_14_1_GlareForEverGivesUp(t *testing.T) {
	s := called(t, nil)
	s.do(call.Offer{ID: 1, Body: ours(sdpHeld)})
	for range maxTries + 1 {
		s.wait()
		s.hand(s.answer(s.next("INVITE"), 491, nil))
		s.next("ACK")
	}
	if ev := heard[call.Agreed](s); ev.Cause.Status != 491 {
		t.Errorf("%+v", ev)
	}
	s.quiet()
}

func TestRFC3261_14_2_OverlappingReinvite(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("INVITE", edit{"body": sdpHold}))
	heard[call.Offered](s)
	s.hand(s.request("INVITE", edit{"body": sdpOther}))
	m := s.next("500 INVITE")
	if v, ok := m.Get(message.HRetryAfter); !ok || len(v) > 2 || v > "9" && v != "10" {
		t.Errorf("Retry-After %q", v)
	}
	s.wasOdd(OddOverlap)
	s.silent()
}

func TestRFC3261_14_ReinviteStormIsBounded(t *testing.T) {
	s := talking(t, nil)
	for range 100 {
		s.hand(s.request("INVITE", edit{"body": sdpHold}))
	}
	s.wasOdd(OddStorm)
	if n := len(s.leg.servers); n > 2*maxServers {
		t.Errorf("%d transactions are kept", n)
	}
	heard[call.Offered](s)
	s.silent()
}

// A phone that holds and resumes many times within the memory of its transactions is not
// refused, and neither is its BYE, also in the midst of a storm.
func TestRFC3261_14_ManyReinvitesAndTheByeAfterThem(t *testing.T) {
	s := talking(t, nil)
	for i := range 5 * maxServers {
		s.hand(s.request("INVITE", edit{"body": sdpHold + "a=x-try:" + strconv.Itoa(i) + "\r\n"}))
		s.do(call.Reply{ID: heard[call.Offered](s).ID, Body: ours(sdpHeld)})
		s.next("200 INVITE")
		s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq)}))
	}
	if n := len(s.leg.servers); n > 2*maxServers {
		t.Errorf("%d transactions are kept", n)
	}
	for range 100 {
		s.hand(s.request("INVITE", edit{"body": sdpHold}))
	}
	s.wasOdd(OddStorm)
	s.hand(s.request("BYE", nil))
	heard[call.Offered](s)
	heard[call.Ended](s)
}

func TestRFC3261_14_2_LostAckIsImplied(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar})
	heard[call.Invited](s)
	s.do(call.Answer{Body: ours(sdpOurs)})
	s.next("200 INVITE")
	s.hand(s.request("INVITE", edit{"body": sdpHold}))
	heard[call.Connected](s)
	heard[call.Offered](s)
	s.pass(5 * time.Second)
	s.quiet() // the first 2xx is not repeated any more
}

func TestRFC6337_OfferlessReinviteBothWays(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("INVITE", nil))
	ev := heard[call.Offered](s)
	if !ev.Body.Empty() {
		t.Errorf("%+v", ev)
	}
	s.do(call.Reply{ID: ev.ID, Body: ours(sdpHeld)})
	s.next("200 INVITE")
	// Our offer has no answer yet: a further offer is glare.
	s.hand(s.request("INVITE", edit{"body": sdpOther, "branch": "z9hG4bKq"}))
	s.next("491 INVITE")
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq), "branch": "z9hG4bKq"}))
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq - 1), "body": sdpHold}))
	if ev := heard[call.Connected](s); string(ev.Body.Data) != sdpHold {
		t.Errorf("%+v", ev)
	}

	s = called(t, nil)
	s.do(call.Offer{ID: 3})
	re := s.next("INVITE")
	if re.Body != "" {
		t.Errorf("offer %q", re.Body)
	}
	ok := s.answer(re, 200, edit{"body": sdpOther})
	s.hand(ok)
	if ev := heard[call.Agreed](s); ev.ID != 3 || string(ev.Body.Data) != sdpOther {
		t.Errorf("%+v", ev)
	}
	s.hand(ok)
	s.quiet()
	s.do(call.Connect{Body: ours(sdpHeld)})
	if ack := s.next("ACK"); ack.Body != sdpHeld {
		t.Errorf("ACK with %q", ack.Body)
	}
	s.hand(ok)
	s.next("ACK")
	s.silent()
}

func TestRFC3311_5_UpdateWithinACall(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("UPDATE", edit{"body": sdpHold}))
	ev := heard[call.Offered](s)
	if !ev.Update || string(ev.Body.Data) != sdpHold {
		t.Errorf("%+v", ev)
	}
	s.hand(s.request("UPDATE", edit{"body": sdpOther})) // RFC 3311 §5.2: 500 with Retry-After
	if m := s.next("500 UPDATE"); !m.Has(message.HRetryAfter) {
		t.Error("no Retry-After")
	}
	s.do(call.Reply{ID: ev.ID, Body: ours(sdpHeld)})
	if m := s.next("200 UPDATE"); m.Body != sdpHeld {
		t.Errorf("answer %q", m.Body)
	}
	s.do(call.Offer{ID: 1, Body: ours(sdpOurs)})
	s.next("INVITE")
	s.hand(s.request("UPDATE", edit{"body": sdpOther}))
	s.next("491 UPDATE")
	s.silent()
}

func TestRFC3311_5_2_UnansweredUpdateIsRefused(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("UPDATE", edit{"body": sdpHold}))
	ev := heard[call.Offered](s)
	s.pass(updateWithin + time.Second)
	s.next("500 UPDATE")
	s.do(call.Reply{ID: ev.ID, Body: ours(sdpHeld)})
	s.quiet()
	s.hand(s.request("INVITE", edit{"body": sdpHold}))
	heard[call.Offered](s) // the session is as it was
}

func TestRefreshThatChangesNothingIsAnsweredByTheLeg(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("INVITE", edit{"body": sdpFar}))
	if m := s.next("200 INVITE"); m.Body != sdpOurs {
		t.Errorf("answer %q", m.Body)
	}
	s.silent()
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq)}))
	s.hand(s.request("UPDATE", nil))
	s.next("200 UPDATE")
	s.silent()
}

func TestRFC3261_14_OffersWaitForTheirTurn(t *testing.T) {
	s := called(t, nil)
	s.do(call.Offer{ID: 1, Body: ours(sdpHeld)})
	s.do(call.Offer{ID: 2, Body: ours(sdpOurs)})
	re := s.next("INVITE")
	s.quiet()
	s.hand(s.answer(re, 200, edit{"body": sdpHold}))
	s.next("ACK")
	if ev := heard[call.Agreed](s); ev.ID != 1 {
		t.Errorf("%+v", ev)
	}
	second := s.next("INVITE")
	if second.Body != sdpOurs {
		t.Errorf("offer %q", second.Body)
	}
	s.hand(s.answer(second, 481, nil))
	s.next("ACK")
	if ev := heard[call.Ended](s); ev.Cause.Status != 481 {
		t.Errorf("%+v", ev)
	}
	s.do(call.Offer{ID: 3, Body: ours(sdpOurs)})
	s.quiet()
}

func TestRFC3261_12_2_1_2_SilentReinviteEndsTheLeg(t *testing.T) {
	s := called(t, nil)
	s.do(call.Offer{ID: 1, Body: ours(sdpHeld)})
	s.next("INVITE")
	s.sent, s.raw = nil, nil
	s.pass(33 * time.Second)
	if ev := heard[call.Ended](s); ev.Cause.Status != 408 {
		t.Errorf("%+v", ev)
	}
	bye := false
	for _, m := range s.sent {
		bye = bye || m.Method == "BYE"
	}
	if !bye {
		t.Error("no BYE")
	}
}

func TestVP5_OfferOverADeadFlowEndsNothing(t *testing.T) {
	s := called(t, nil)
	s.do(call.Offer{ID: 1, Body: ours(sdpHeld)})
	re := s.next("INVITE")
	var fx Effects
	s.leg.Failed(re.Via.Branch(), s.now, &fx)
	s.took(&fx)
	if ev := heard[call.Agreed](s); ev.Cause.Status != 430 {
		t.Errorf("%+v", ev)
	}
	s.silent()
	s.quiet()
}

func TestRFC3261_9_1_EndlessReinviteIsCancelled(t *testing.T) {
	s := called(t, nil)
	s.do(call.Offer{ID: 1, Body: ours(sdpHeld)})
	re := s.next("INVITE")
	s.hand(s.answer(re, 180, nil))
	s.pass(inviteWithin + time.Millisecond)
	cancel := s.next("CANCEL")
	if cancel.To.Tag() != "far" || cancel.Via.Branch() != re.Via.Branch() {
		t.Errorf("%+v", cancel)
	}
	s.hand(s.answer(cancel, 200, nil))
	s.hand(s.answer(re, 487, nil))
	s.next("ACK")
	if ev := heard[call.Agreed](s); ev.ID != 1 || ev.Cause.Status != 487 {
		t.Errorf("%+v", ev)
	}
	s.silent()
}

func TestManyInfosAreServed(t *testing.T) {
	s := talking(t, nil)
	for range 100 {
		s.hand(s.request("INFO", nil))
		s.do(call.TellReply{ID: heard[call.Told](s).ID, Status: 200})
		s.next("200 INFO")
	}
	if n := len(s.leg.servers); n > 2*maxServers {
		t.Errorf("%d transactions are kept", n)
	}
}

func TestTooManyOffersWait(t *testing.T) {
	s := called(t, nil)
	for id := range uint32(maxWishes + 2) {
		s.do(call.Offer{ID: id, Body: ours(sdpHeld)})
	}
	s.next("INVITE")
	if ev := heard[call.Agreed](s); ev.Cause.Status != 491 || ev.ID != maxWishes+1 {
		t.Errorf("%+v", ev)
	}
	s.wasOdd(OddStorm)
	s.do(call.End{})
	s.do(call.Offer{ID: 99, Body: ours(sdpHeld)})
	heard[call.Ended](s)
	s.next("BYE")
}
