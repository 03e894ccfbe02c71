package phone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// homeDies kills the home and lets phones move; the backup knows where each is.
func (o *office) homeDies(wait time.Duration) {
	o.exchanges[0].down = true
	o.run(wait)
}

// VP3: a phone in a call whose registrar died keeps sending and listening; its BYE
// goes to the server where it is registered then.
func TestVP3_TheCallOutlivesItsRegistrar(t *testing.T) {
	o := newOffice(t, Habits{}, byItself())
	o.call("201", "202")
	o.homeDies(6 * time.Minute)
	for _, number := range o.order {
		if o.phones[number].at != 1 {
			t.Fatalf("%s is not at the backup: %v", number, o.phones[number].reports)
		}
	}
	o.talking("201", "202")
	o.do("201", Command{Do: "hang-up"})
	o.run(time.Minute)
	if ended := o.must("201", CallEnded); ended.Server != "backup" || ended.Code != 200 {
		t.Errorf("%+v", ended)
	}
	if !slices.Contains(o.exchanges[1].passed, "BYE") {
		t.Errorf("the backup passed %v", o.exchanges[1].passed)
	}
	o.quiet()
}

// Hanging up towards a server that is dead ends the call all the same.
func TestByeToADeadServer(t *testing.T) {
	o := newOffice(t, Habits{}, byItself())
	o.call("201", "202")
	o.exchanges[0].down = true
	o.do("201", Command{Do: "hang-up"})
	o.run(time.Minute)
	if ended := o.must("201", CallEnded); ended.Code != 408 {
		t.Errorf("%+v", ended)
	}
	if len(o.phones["201"].calls) != 0 || !o.voice("201").closed {
		t.Error("the call goes on")
	}
}

// What each family does with a call whose registrar is gone.
func TestOnLoss(t *testing.T) {
	for _, how := range []OnLoss{KeepsCall, StaysForCall, EndsCall, ReInvites} {
		t.Run(string(how), func(t *testing.T) {
			o := newOffice(t, Habits{OnLoss: how}, byItself())
			o.call("201", "202")
			o.homeDies(6 * time.Minute)
			phone := o.phones["201"]
			switch how {
			case KeepsCall:
				o.talking("201", "202")
				if phone.at != 1 {
					t.Errorf("at %d", phone.at)
				}
			case StaysForCall:
				o.talking("201", "202")
				if phone.at != -1 {
					t.Errorf("registered elsewhere during the call: %v", phone.reports)
				}
				o.do("201", Command{Do: "hang-up"})
				o.run(10 * time.Minute)
				if phone.at != 1 {
					t.Errorf("not registered after the call: %v", phone.reports)
				}
			case EndsCall:
				if ended := o.must("201", CallEnded); ended.Why != whyNoAnswer {
					t.Errorf("%+v", ended)
				}
			case ReInvites:
				if !slices.Contains(o.exchanges[1].asked, "INVITE") {
					t.Errorf("no re-INVITE at the backup: %v", o.exchanges[1].asked)
				}
			}
		})
	}
}

// StaysForCall waits 120 minutes at most.
func TestStaysForCallIsBounded(t *testing.T) {
	o := newOffice(t, Habits{OnLoss: StaysForCall}, byItself())
	o.call("201", "202")
	o.homeDies(125 * time.Minute)
	if o.phones["201"].at != 1 {
		t.Errorf("after 125 minutes: %v", o.phones["201"].reports)
	}
	o.talking("201", "202")
}

// VP4: a server that does not know the call answers 481: a re-INVITE that is
// answered so ends the call, and so does a BYE. Of this phone's calls others are
// told the same.
func TestVP4_UnknownCallEnds(t *testing.T) {
	o := newOffice(t, Habits{OnLoss: ReInvites}, byItself())
	o.call("201", "202")
	o.exchanges[1].unknown = true
	o.homeDies(6 * time.Minute)
	if ended := o.must("201", CallEnded); ended.Code != 481 || ended.Server != "backup" {
		t.Errorf("%+v", ended)
	}
	o.do("202", Command{Do: "hang-up"})
	o.run(time.Minute)
	if ended := o.must("202", CallEnded); ended.Code != 481 || ended.Server != "backup" {
		t.Errorf("%+v", ended)
	}
	o.quiet()
	stranger := &Message{Method: "BYE", URI: "sip:201@127.0.0.20"}
	stranger.Add("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKstrange")
	stranger.Add("From", "<sip:x@y>;tag=1")
	stranger.Add("To", "<sip:201@y>;tag=unknown")
	stranger.Add("Call-ID", "unknown")
	stranger.Add("CSeq", "7 BYE")
	o.step("201", Received{1, stranger})
	if !strings.Contains(string(o.queue[len(o.queue)-1].data), " 481 ") {
		t.Error("a request for an unknown dialog is not answered 481")
	}
}

// FO8: a phone that registers at the first server only sends its calls to the
// next when that one is gone; it is called back through it.
func TestFO8_CallsWithoutRegistering(t *testing.T) {
	o := newOffice(t, Habits{CallsOnly: true}, byItself())
	o.homeDies(6 * time.Minute)
	if o.phones["201"].at != -1 || o.exchanges[1].bound["201"] != "" || o.exchanges[1].bound["202"] == "" {
		t.Fatalf("201 is at %d, the backup has %v", o.phones["201"].at, o.exchanges[1].bound)
	}
	o.exchanges[1].challenges = true
	o.exchanges[1].flows["201"] = "201" // as a server learns it from the INVITE
	o.do("201", Command{Do: "call", To: "202"})
	o.run(2 * time.Minute)
	o.talking("201", "202")
	if up := o.must("201", CallUp); up.Server != "backup" {
		t.Errorf("%+v", up)
	}
	o.do("201", Command{Do: "hang-up"})
	o.run(time.Minute)
	if ended := o.must("201", CallEnded); ended.Server != "backup" || ended.Code != 200 {
		t.Errorf("%+v", ended)
	}
	o.quiet()
}

// A reboot forgets calls without a word.
func TestRebootInACall(t *testing.T) {
	o := newOffice(t, Habits{}, byItself())
	o.call("201", "202")
	o.step("201", Reboot{})
	if !o.voice("201").closed || len(o.phones["201"].calls) != 0 {
		t.Error("the call goes on")
	}
	o.run(time.Minute)
	if slices.Contains(o.exchanges[0].passed, "BYE") {
		t.Error("it said good-bye")
	}
}

// A phone in a call does not go home by itself, if its family does that only when
// it is idle.
func TestNoReturnDuringACall(t *testing.T) {
	specs := []Spec{
		{Profile: "avaya-j100", Transport: "udp"},
		{Profile: "poly", Transport: "udp", Calls: byItself()},
	}
	o := newOfficeOf(t, 1, specs...)
	o.homeDies(6 * time.Minute)
	if o.phones["201"].at != 1 {
		t.Fatal("not at the backup")
	}
	o.call("201", "202")
	o.exchanges[0].down = false
	o.run(10 * time.Minute)
	if o.phones["201"].at != 1 {
		t.Error("went home in a call")
	}
	o.do("201", Command{Do: "hang-up"})
	o.run(5 * time.Minute)
	if o.phones["201"].at != 0 {
		t.Error("did not go home after the call")
	}
}

// Commands that fit no call are answered, and change nothing.
func TestCannot(t *testing.T) {
	o := newOffice(t, Habits{})
	for _, do := range callCommands {
		if do == "call" || do == "habits" {
			continue
		}
		before := o.count("201", Cannot)
		o.do("201", Command{Do: do, To: "202", Digits: "1"})
		if o.count("201", Cannot) != before+1 {
			t.Errorf("%s without a call is not answered", do)
		}
	}
	o.step("201", Unregister{})
	o.run(time.Second)
	o.do("201", Command{Do: "call", To: "202"})
	if cannot := o.must("201", Cannot); cannot.Text != "registered nowhere" {
		t.Error(cannot)
	}
	o.quiet()
}

// The lines of a phone are bounded.
func TestLinesAreBounded(t *testing.T) {
	o := newOffice(t, Habits{}, Habits{})
	for range maxCalls + 1 {
		o.do("201", Command{Do: "call", To: "202"})
	}
	o.run(time.Second)
	if n := len(o.phones["201"].calls); n != maxCalls || o.count("201", Cannot) != 1 {
		t.Errorf("%d calls, %d reports that there is no free line", n, o.count("201", Cannot))
	}
	o.step("201", PowerOff{})
	o.step("202", PowerOff{})
	if n := len(o.phones["201"].calls); n != 0 {
		t.Errorf("%d calls are left", n)
	}
	for _, v := range o.phones["202"].media.opened {
		if !v.closed {
			t.Error("a voice is left open")
		}
	}
}

// RFC 4028: the phone refreshes a session when that is its part, and answers
// refreshes of the far end.
func TestSessionRefresh(t *testing.T) {
	o := newOffice(t, Habits{}, byItself())
	o.exchanges[0].tamper = func(m *Message) bool {
		if m.Status == 200 && cseqMethod(m) == "INVITE" && m.Get("Session-Expires") == "" {
			m.Add("Session-Expires", "600;refresher=uac")
		}
		return true
	}
	o.call("201", "202")
	o.run(21 * time.Minute)
	refreshes := 0
	for _, passed := range o.exchanges[0].passed {
		if passed == "INVITE" {
			refreshes++
		}
	}
	if refreshes != 1+4 { // at 5, 10, 15 and 20 minutes
		t.Errorf("%d INVITEs", refreshes)
	}
	o.talking("201", "202")
	for _, method := range []string{"UPDATE", "OPTIONS", "INFO"} {
		c := o.phones["202"].calls[0]
		request := &Message{Method: method, URI: "sip:202@127.0.0.21"}
		request.Add("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK"+method+";client=x")
		request.Add("From", c.remote+";tag="+c.remoteTag)
		request.Add("To", c.local+";tag="+c.localTag)
		request.Add("Call-ID", c.callID)
		request.Add("CSeq", fmt.Sprintf("%d %s", c.remoteCSeq+1, method))
		request.Add("Session-Expires", "600;refresher=uac")
		o.queue = nil
		o.step("202", Received{0, request})
		answer, err := Parse(o.queue[0].data)
		if err != nil || answer.Status != 200 || method == "UPDATE" && !strings.HasPrefix(answer.Get("Session-Expires"), "600;refresher=uac") {
			t.Errorf("%s: %+v, %v", method, answer, err)
		}
	}
}

// RFC 3725: an offerless re-INVITE is answered by an offer, whose answer comes in
// the ACK.
func TestOfferless(t *testing.T) {
	o := newOffice(t, Habits{}, byItself())
	stripped := ""
	o.exchanges[0].tamper = func(m *Message) bool {
		if m.Method == "INVITE" && parameter(m.Get("To"), "tag") == "" {
			stripped = string(m.Body)
			m.Body = nil
		}
		if m.Method == "ACK" && len(m.Body) == 0 && stripped != "" {
			m.Add("Content-Type", contentSDP)
			m.Body = []byte(stripped)
		}
		return true
	}
	o.do("201", Command{Do: "call", To: "202"})
	o.run(5 * time.Second)
	o.must("202", CallUp)
	if c := o.voice("202").config; c.Remote != o.voice("201").local || !c.Send || !c.Receive {
		t.Errorf("%+v", c)
	}
}
