package dialog

import (
	"strconv"
	"testing"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

func TestRFC4028_8_TooSmallIntervalIsRefusedWith422(t *testing.T) {
	s := newScript(t)
	s.incoming(Incoming{}, edit{"body": sdpFar, "Session-Expires": "60", "Supported": "timer"})
	m := s.next("422 INVITE")
	header(t, m, message.HMinSE, "90")
	s.silent()

	s = talking(t, nil)
	s.hand(s.request("UPDATE", edit{"Session-Expires": "60", "Supported": "timer"}))
	s.next("422 UPDATE")
}

func TestRFC4028_9_WhoRefreshes(t *testing.T) {
	for _, c := range []struct {
		name string
		e    edit
		want string
		need bool // Require: timer
	}{
		{"asked", edit{"Session-Expires": "600", "Supported": "timer"}, "600;refresher=uac", true},
		{"lowered", edit{"Session-Expires": "7200", "Supported": "timer"}, "1800;refresher=uac", true},
		{"not under their Min-SE", edit{"Session-Expires": "7200", "Min-SE": "3600", "Supported": "timer"}, "3600;refresher=uac", true},
		{"they want us", edit{"Session-Expires": "600;refresher=uas", "Supported": "timer"}, "600;refresher=uas", false},
		{"they know it", edit{"Supported": "timer"}, "1800;refresher=uac", true},
		{"they do not", edit{}, "1800;refresher=uas", false},
		{"a proxy asked", edit{"Session-Expires": "600"}, "600;refresher=uas", false},
	} {
		s := newScript(t)
		c.e["body"] = sdpFar
		s.invited(Incoming{}, c.e)
		s.do(call.Answer{Body: ours(sdpOurs)})
		m := s.next("200 INVITE")
		if v, _ := m.Get(message.HSessionExpires); v != c.want || m.Token(message.HRequire, "timer") != c.need {
			t.Errorf("%s: Session-Expires %q, required %v", c.name, v, m.Token(message.HRequire, "timer"))
		}
	}
}

func TestRFC4028_10_TheFarEndDoesNotRefresh(t *testing.T) {
	s := talking(t, edit{"Session-Expires": "300", "Supported": "timer"})
	s.pass(267 * time.Second)
	s.quiet()
	s.pass(2 * time.Second)
	s.next("BYE")
	s.wasOdd(OddExpired)
	if ev := heard[call.Ended](s); ev.Cause.Status != 408 || ev.Cause.Phrase != "session timer" {
		t.Errorf("%+v", ev)
	}
}

func TestRFC4028_10_TheFarEndRefreshes(t *testing.T) {
	s := talking(t, edit{"Session-Expires": "300", "Supported": "timer"})
	for range 5 {
		s.pass(150 * time.Second)
		s.hand(s.request("UPDATE", edit{"Session-Expires": "300;refresher=uac", "Supported": "timer"}))
		m := s.next("200 UPDATE")
		header(t, m, message.HSessionExpires, "300;refresher=uac")
	}
	s.silent()
	s.quiet()
}

func TestRFC4028_10_WeRefreshByUpdate(t *testing.T) {
	s := talking(t, edit{"Session-Expires": "300;refresher=uas", "Supported": "timer", "Allow": "INVITE, UPDATE"})
	for range 3 {
		s.pass(150 * time.Second)
		m := s.next("UPDATE")
		header(t, m, message.HSessionExpires, "300;refresher=uac")
		if m.Body != "" {
			t.Errorf("body %q", m.Body)
		}
		s.hand(s.answer(m, 200, edit{"Session-Expires": "300;refresher=uac"}))
	}
	s.silent()
	s.quiet()
}

func TestRFC4028_10_WeRefreshByReinviteWithTheSameDescription(t *testing.T) {
	// The far end knows neither session timer nor UPDATE.
	s := called(t, edit{"Allow": "INVITE, ACK, BYE, CANCEL"})
	for range 3 {
		s.pass(900 * time.Second)
		m := s.next("INVITE")
		if m.Body != sdpOurs {
			t.Errorf("body %q", m.Body)
		}
		s.hand(s.answer(m, 200, edit{"body": sdpFar}))
		s.next("ACK")
	}
	s.silent()
	s.quiet()
}

func TestRFC4028_7_4_UpdateRefusedGoesByReinvite(t *testing.T) {
	s := called(t, edit{"Allow": "UPDATE"})
	s.pass(900 * time.Second)
	s.hand(s.answer(s.next("UPDATE"), 405, nil))
	m := s.next("INVITE")
	s.hand(s.answer(m, 200, edit{"body": sdpFar}))
	s.next("ACK")
	s.quiet()
	s.silent()
}

func TestRFC4028_10_DeadFarEndIsFoundByTheRefresh(t *testing.T) {
	for status, want := range map[int]int{0: 408, 481: 481} {
		s := called(t, edit{"Allow": "UPDATE"})
		s.pass(900 * time.Second)
		m := s.next("UPDATE")
		if status != 0 {
			s.hand(s.answer(m, status, nil))
		}
		s.pass(40 * time.Second)
		if ev := heard[call.Ended](s); ev.Cause.Status != want {
			t.Errorf("%+v", ev)
		}
	}
}

func TestRFC4028_RefusedRefreshIsTriedAgainAndThenEnds(t *testing.T) {
	s := called(t, edit{"Session-Expires": "300;refresher=uac", "Allow": "UPDATE"})
	tries := 0
	for len(s.events) == 0 {
		next, _ := s.leg.Next()
		s.pass(next.Sub(s.now))
		for len(s.sent) > 0 && s.sent[0].Method == "UPDATE" {
			tries++
			s.hand(s.answer(s.next("UPDATE"), 488, nil))
		}
	}
	if tries < 2 {
		t.Errorf("tried %d times", tries)
	}
	if ev := heard[call.Ended](s); ev.Cause.Phrase != "session timer" || s.now.Sub(simStart) != 300*time.Second {
		t.Errorf("%+v after %v", ev, s.now.Sub(simStart))
	}
}

func TestRFC4028_7_3_422IsTriedAgain(t *testing.T) {
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	header(t, s.invite, message.HSessionExpires, "1800")
	s.hand(s.answer(s.invite, 422, edit{"Min-SE": "3600"}))
	s.next("ACK")
	again := s.next("INVITE")
	header(t, again, message.HSessionExpires, "3600")
	header(t, again, message.HMinSE, "3600")
	if again.CSeq != s.invite.CSeq+1 || again.CallID != s.invite.CallID || again.From.Tag() != s.invite.From.Tag() {
		t.Errorf("%+v", again)
	}
	s.silent()
	s.hand(s.answer(again, 422, edit{"Min-SE": "3600"})) // nothing new
	s.next("ACK")
	if ev := heard[call.Refused](s); ev.Cause.Status != 422 {
		t.Errorf("%+v", ev)
	}
}

func TestVP5_NoSessionTimerBetweenSystems(t *testing.T) {
	s := dialled(t, Outgoing{Peer: call.System, URI: "sip:201@b.example.test"}, call.Dial{Offer: ours(sdpOurs)})
	if s.invite.Has(message.HSessionExpires) {
		t.Error("a session timer is asked for")
	}
	s.hand(s.answer(s.invite, 200, edit{"body": sdpFar}))
	s.next("ACK")
	heard[call.Answered](s)
	s.pass(24 * time.Hour)
	s.quiet()
	s.silent()
}

func TestRefer_RFC3515(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("REFER", edit{"Refer-To": "<sip:300@example.test>"}))
	ev := heard[call.Referred](s)
	if ev.To != "sip:300@example.test" || ev.Quiet || ev.Replaces != nil {
		t.Errorf("%+v", ev)
	}
	event := "refer;id=" + strconv.Itoa(s.cseq)
	s.do(call.ReferReply{ID: ev.ID})
	s.next("202 REFER")
	first := s.next("NOTIFY")
	header(t, first, message.HEvent, event)
	header(t, first, message.HSubscriptionState, "active;expires=180")
	if first.Body != "SIP/2.0 100 Trying\r\n" {
		t.Errorf("body %q", first.Body)
	}
	// What happens while a NOTIFY is under way is told by the next one, the newest only.
	s.do(call.ReferNews{ID: ev.ID, Status: 180})
	s.do(call.ReferNews{ID: ev.ID, Status: 200})
	s.quiet()
	// The transferor hangs up; the subscription lives on (RFC 5057).
	s.hand(s.request("BYE", nil))
	s.next("200 BYE")
	heard[call.Ended](s)
	s.hand(s.answer(first, 200, nil))
	last := s.next("NOTIFY")
	header(t, last, message.HSubscriptionState, "terminated;reason=noresource")
	if last.Body != "SIP/2.0 200 OK\r\n" {
		t.Errorf("body %q", last.Body)
	}
	s.hand(s.answer(last, 200, nil))
	s.pass(40 * time.Second)
	s.quiet()
	s.silent()
	if !s.leg.Over() {
		t.Error("not over")
	}
}

// How the transfer ended is told before we hang up, whatever is not answered yet.
func TestRefer_ToldBeforeBye(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("REFER", edit{"Refer-To": "<sip:300@example.test>"}))
	ev := heard[call.Referred](s)
	s.do(call.ReferReply{ID: ev.ID})
	s.next("202 REFER")
	first := s.next("NOTIFY")
	s.do(call.ReferNews{ID: ev.ID, Status: 200})
	s.quiet()
	s.do(call.End{})
	last := s.next("NOTIFY")
	if last.Body != "SIP/2.0 200 OK\r\n" {
		t.Errorf("body %q", last.Body)
	}
	bye := s.next("BYE")
	heard[call.Ended](s)
	s.hand(s.answer(first, 200, nil))
	s.hand(s.answer(last, 200, nil))
	s.hand(s.answer(bye, 200, nil))
	s.pass(40 * time.Second)
	s.quiet()
	s.silent()
	if !s.leg.Over() {
		t.Error("not over")
	}
}

func TestRefer_AttendedAndQuiet(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("REFER", edit{
		"Refer-To":  "<sip:300@example.test;method=INVITE?Replaces=abc%40there%3Bto-tag%3D1%3Bfrom-tag%3D2&Subject=x>",
		"Refer-Sub": "false", "Supported": "norefersub",
	}))
	ev := heard[call.Referred](s)
	if !ev.Quiet || ev.To != "sip:300@example.test" || ev.Replaces == nil ||
		*ev.Replaces != (call.DialogID{CallID: "abc@there", ToTag: "1", FromTag: "2"}) {
		t.Errorf("%+v %+v", ev, ev.Replaces)
	}
	s.do(call.ReferReply{ID: ev.ID})
	header(t, s.next("202 REFER"), message.HReferSub, "false")
	s.do(call.ReferNews{ID: ev.ID, Status: 200})
	s.quiet()
}

func TestRefer_RefusedMalformedForgotten(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("REFER", nil))
	s.next("400 REFER")
	s.hand(s.request("REFER", edit{"Refer-To": "<sip:300@example.test?Replaces=nonsense>"}))
	s.next("400 REFER")
	s.hand(s.request("REFER", edit{"Refer-To": "<sip:300@example.test>"}))
	s.do(call.ReferReply{ID: heard[call.Referred](s).ID, Cause: call.Cause{Status: 603}})
	s.next("603 REFER")
	s.hand(s.request("REFER", edit{"Refer-To": "<sip:300@example.test>"}))
	s.do(call.ReferReply{ID: heard[call.Referred](s).ID})
	s.next("202 REFER")
	s.hand(s.answer(s.next("NOTIFY"), 200, nil))
	s.pass(transferFor + time.Second)
	late := s.next("NOTIFY")
	header(t, late, message.HSubscriptionState, "terminated;reason=noresource")
	s.hand(s.answer(late, 481, nil))
	if len(s.leg.subs) != 0 {
		t.Error("the subscription is kept")
	}
}

func TestRefer_Unsubscribe(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("REFER", edit{"Refer-To": "<sip:300@example.test>"}))
	ev := heard[call.Referred](s)
	s.do(call.ReferReply{ID: ev.ID})
	s.next("202 REFER")
	s.hand(s.answer(s.next("NOTIFY"), 200, nil))
	s.hand(s.request("SUBSCRIBE", edit{"Event": "presence"}))
	s.next("489 SUBSCRIBE")
	s.hand(s.request("SUBSCRIBE", edit{"Event": "refer", "Expires": "0"}))
	s.next("200 SUBSCRIBE")
	s.do(call.ReferNews{ID: ev.ID, Status: 200})
	s.quiet()
	s.hand(s.request("SUBSCRIBE", edit{"Event": "refer", "Expires": "60"}))
	s.next("481 SUBSCRIBE")
}

func TestReplaces_RFC3891(t *testing.T) {
	s := newScript(t)
	s.invited(Incoming{}, edit{"body": sdpFar, "Replaces": "abc@there;to-tag=1;from-tag=2;early-only", "Require": "replaces"})
	ev := heard[call.Invited](s)
	if ev.Replaces == nil || *ev.Replaces != (call.DialogID{CallID: "abc@there", ToTag: "1", FromTag: "2"}) || !ev.Early {
		t.Errorf("%+v", ev)
	}
	s = newScript(t)
	s.incoming(Incoming{}, edit{"body": sdpFar, "Replaces": "abc@there;to-tag=1"})
	s.next("400 INVITE")
	s.wasOdd(OddMalformed)

	s = dialled(t, Outgoing{}, call.Dial{
		To: "201", Offer: ours(sdpOurs), Replaces: &call.DialogID{CallID: "abc@there", ToTag: "1", FromTag: "2"},
	})
	header(t, s.invite, message.HReplaces, "abc@there;to-tag=1;from-tag=2")
	header(t, s.invite, message.HRequire, "replaces")
}

func TestTell_InfoAndMessage(t *testing.T) {
	s := talking(t, nil)
	s.hand(s.request("INFO", edit{"body": "Signal=5", "Content-Type": "application/dtmf-relay", "Info-Package": "dtmf"}))
	ev := heard[call.Told](s)
	if ev.Method != "INFO" || ev.Package != "dtmf" || ev.Body.Type != "application/dtmf-relay" || string(ev.Body.Data) != "Signal=5" {
		t.Errorf("%+v", ev)
	}
	s.do(call.TellReply{ID: ev.ID, Status: 200})
	s.next("200 INFO")
	s.hand(s.request("MESSAGE", edit{"body": "hi", "Content-Type": "text/plain"}))
	heard[call.Told](s)
	s.pass(updateWithin + time.Second) // nobody answers
	s.next("500 MESSAGE")
	s.hand(s.request("OPTIONS", nil))
	s.next("200 OPTIONS")
	s.hand(s.request("PUBLISH", nil))
	s.next("405 PUBLISH")
	s.hand(s.request("NOTIFY", edit{"Event": "refer", "Subscription-State": "active"}))
	s.next("481 NOTIFY")

	s.do(call.Tell{ID: 9, Method: "INFO", Body: call.Body{Type: "application/dtmf-relay", Data: []byte("Signal=6")}, Package: "dtmf"})
	m := s.next("INFO")
	header(t, m, message.HInfoPackage, "dtmf")
	s.hand(s.answer(m, 200, nil))
	if ev := heard[call.ToldReply](s); ev.ID != 9 || ev.Status != 200 {
		t.Errorf("%+v", ev)
	}
}

func TestRFC4028_FarEndWithoutTimerThatRefusesLives(t *testing.T) {
	s := called(t, edit{"Allow": "INVITE, ACK, BYE, CANCEL"})
	for range 4 {
		s.pass(900 * time.Second)
		s.hand(s.answer(s.next("INVITE"), 488, nil))
		s.next("ACK")
	}
	s.silent()
	s.quiet()
}
