package phone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone/rtp"
)

func byItself() Habits { return Habits{Answers: ByItself, After: time.Second} }

func TestCallAndHangUp(t *testing.T) {
	o := newOffice(t, Habits{}, byItself())
	o.exchanges[0].challenges = true
	o.call("201", "202")
	o.talking("201", "202")
	if o.count("201", Alerting) != 1 || o.must("202", Rings).With != "201" {
		t.Errorf("reports %v, %v", o.phones["201"].reports, o.phones["202"].reports)
	}
	o.do("201", Command{Do: "hang-up"})
	o.run(time.Second)
	if ended := o.must("201", CallEnded); ended.Code != 200 || ended.Server != "home" || ended.Voice == nil {
		t.Errorf("%+v", ended)
	}
	if ended := o.must("202", CallEnded); !strings.HasPrefix(ended.Why, "by the far end") {
		t.Errorf("%+v", ended)
	}
	o.quiet()
}

// RFC 3261 17: whatever the network loses, doubles and reorders, calls come up,
// are held, taken back and ended, and nothing is left over.
func TestCallsOverALossyNetwork(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			specs := []Spec{{Profile: "poly", Transport: "udp"}, {Profile: "poly", Transport: "udp", Calls: byItself()}}
			if seed%3 == 0 {
				specs[1].Calls.EarlyMedia = true
			}
			o := newOfficeOf(t, seed, specs...)
			o.lossy = true
			o.do("201", Command{Do: "call", To: "202"})
			o.run(30 * time.Second)
			if o.count("201", CallUp) != 1 || o.count("202", CallUp) != 1 {
				t.Fatalf("no call\n%s", strings.Join(o.log, "\n"))
			}
			o.talking("201", "202")
			o.do("201", Command{Do: "hold"})
			o.run(20 * time.Second)
			o.must("201", Held)
			if o.voice("201").config.Receive || o.voice("202").config.Send {
				t.Fatalf("not held\n%s", strings.Join(o.log, "\n"))
			}
			o.do("201", Command{Do: "resume"})
			o.run(20 * time.Second)
			o.talking("201", "202")
			o.do("202", Command{Do: "hang-up"})
			o.run(2 * time.Minute)
			for _, number := range o.order {
				if o.count(number, CallEnded) != 1 {
					t.Fatalf("%s: %d ends\n%s", number, o.count(number, CallEnded), strings.Join(o.log, "\n"))
				}
			}
			o.quiet()
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		habits Habits
		code   int
	}{
		"busy":                   {Habits{Answers: Busy}, 486},
		"reject":                 {Habits{Answers: Reject}, 603},
		"SRTP is enforced there": {Habits{SRTP: EnforcedSRTP, Answers: ByItself}, 488},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, Habits{}, test.habits)
			o.do("201", Command{Do: "call", To: "202"})
			o.run(time.Minute)
			if refused := o.must("201", CallRefused); refused.Code != test.code {
				t.Errorf("%+v", refused)
			}
			o.quiet()
		})
	}
	o := newOffice(t, Habits{})
	o.do("201", Command{Do: "call", To: "999"})
	o.run(time.Minute)
	if refused := o.must("201", CallRefused); refused.Code != 404 {
		t.Errorf("%+v", refused)
	}
	o.quiet()
}

func TestAnswerAndRejectByHand(t *testing.T) {
	o := newOffice(t, Habits{}, Habits{})
	o.do("201", Command{Do: "call", To: "202"})
	o.run(10 * time.Second)
	if o.count("201", CallUp) != 0 {
		t.Fatal("up by itself")
	}
	o.do("202", Command{Do: "answer"})
	o.run(time.Second)
	o.talking("201", "202")
	o.do("202", Command{Do: "hang-up"})
	o.run(time.Second)
	o.do("201", Command{Do: "call", To: "202"})
	o.run(time.Second)
	o.do("202", Command{Do: "reject"})
	o.run(time.Minute)
	if refused := o.must("201", CallRefused); refused.Code != 603 {
		t.Errorf("%+v", refused)
	}
	o.quiet()
}

// RFC 3261 9: given up while it rings; and in the moment in which it is answered.
func TestCancel(t *testing.T) {
	o := newOffice(t, Habits{}, Habits{})
	o.do("201", Command{Do: "call", To: "202"})
	o.run(2 * time.Second)
	o.do("201", Command{Do: "hang-up"})
	o.run(time.Minute)
	if ended := o.must("201", CallEnded); ended.Code != 487 {
		t.Errorf("%+v", ended)
	}
	if ended := o.must("202", CallEnded); ended.Code != 487 {
		t.Errorf("%+v", ended)
	}
	o.quiet()
	for after := range 30 { // the answer and the CANCEL cross
		o := newOffice(t, Habits{}, Habits{})
		o.do("201", Command{Do: "call", To: "202"})
		o.run(2 * time.Second)
		o.do("202", Command{Do: "answer"})
		o.run(time.Duration(after) * time.Millisecond)
		o.do("201", Command{Do: "hang-up"})
		o.run(time.Minute)
		if o.count("201", CallEnded) != 1 || o.count("202", CallEnded) != 1 {
			t.Fatalf("after %d ms\n%s", after, strings.Join(o.log, "\n"))
		}
		o.quiet()
	}
}

// RFC 3262: early media, reliably.
func TestEarlyMedia(t *testing.T) {
	o := newOffice(t, Habits{}, Habits{EarlyMedia: true})
	o.do("201", Command{Do: "call", To: "202"})
	o.run(2 * time.Second)
	if alerting := o.must("201", Alerting); alerting.Code != 183 || alerting.Text != "with early media" {
		t.Errorf("%+v", alerting)
	}
	if !o.voice("201").config.Receive || !o.voice("202").config.Send || o.voice("202").config.Receive {
		t.Errorf("%+v, %+v", o.voice("201").config, o.voice("202").config)
	}
	if !slices.Contains(o.exchanges[0].passed, "PRACK") {
		t.Errorf("no PRACK in %v", o.exchanges[0].passed)
	}
	o.do("202", Command{Do: "answer"})
	o.run(2 * time.Second)
	o.talking("201", "202")
	o.do("201", Command{Do: "hang-up"})
	o.run(time.Second)
	o.quiet()
}

// RFC 3264 8.4, and RFC 3261 14.1 where both hold at once.
func TestHold(t *testing.T) {
	o := newOffice(t, Habits{}, byItself())
	o.call("201", "202")
	o.do("201", Command{Do: "hold"})
	o.run(time.Second)
	if o.must("201", Held).Code != 200 || o.must("202", IsHeld).Text != "by the far end" {
		t.Errorf("%v", o.phones["202"].reports)
	}
	one, two := o.voice("201").config, o.voice("202").config
	if one.Receive || !one.Send || two.Send || !two.Receive {
		t.Errorf("%+v, %+v", one, two)
	}
	o.do("201", Command{Do: "resume"})
	o.run(time.Second)
	o.talking("201", "202")
	o.do("201", Command{Do: "hold"})
	o.do("202", Command{Do: "hold"})
	o.run(10 * time.Second)
	if !slices.Contains(o.exchanges[0].passed, "491") {
		t.Errorf("no glare in %v", o.exchanges[0].passed)
	}
	for _, number := range o.order {
		if o.must(number, Held).Code != 200 {
			t.Errorf("%s: %v", number, o.phones[number].reports)
		}
		o.do(number, Command{Do: "resume"})
	}
	o.run(10 * time.Second)
	o.talking("201", "202")
	o.do("201", Command{Do: "hang-up"})
	o.run(time.Minute)
	o.quiet()
}

// RFC 3515, RFC 5589: a blind transfer, one that fails, and an attended one.
func TestTransfers(t *testing.T) {
	o := newOffice(t, Habits{}, byItself(), byItself())
	o.exchanges[0].challenges = true
	o.call("201", "202")
	o.do("201", Command{Do: "transfer", To: "203"})
	o.run(10 * time.Second)
	if done := o.must("201", Transferred); done.Code != 200 {
		t.Errorf("%+v", done)
	}
	o.must("203", CallUp)
	o.talking("202", "203")
	if len(o.phones["201"].calls) != 0 {
		t.Error("the transferor has not hung up")
	}
	o.do("203", Command{Do: "hang-up"})
	o.run(time.Minute)
	o.quiet()

	o.call("201", "202")
	o.do("201", Command{Do: "transfer", To: "999"})
	o.run(10 * time.Second)
	if done := o.must("201", Transferred); done.Code != 404 {
		t.Errorf("%+v", done)
	}
	if one := o.phones["201"].media.opened[1]; !one.config.Receive || one.closed {
		t.Errorf("not taken back: %+v", one)
	}
	o.do("201", Command{Do: "hold"})
	o.run(time.Second)
	o.call("201", "203")
	o.do("201", Command{Do: "join"})
	o.run(10 * time.Second)
	if done := o.must("201", Transferred); done.Code != 200 || len(o.phones["201"].calls) != 0 {
		t.Errorf("%+v, %d calls are left\n%s", done, len(o.phones["201"].calls), strings.Join(o.log, "\n"))
	}
	o.talking("202", "203")
	o.do("202", Command{Do: "hang-up"})
	o.run(time.Minute)
	o.quiet()
}

func TestTalkEndsACall(t *testing.T) {
	o := newOffice(t, Habits{Talk: 10 * time.Second}, byItself())
	o.call("201", "202")
	o.run(4 * time.Second)
	o.talking("201", "202")
	o.run(10 * time.Second)
	if ended := o.must("201", CallEnded); ended.Why != "talked long enough" || ended.Code != 200 {
		t.Errorf("%+v", ended)
	}
	o.quiet()
}

// SDES (RFC 4568), OSRTP (RFC 8643) and capability negotiation (RFC 5939): who
// offers and accepts what, and that both ends have each other's key.
func TestSecurity(t *testing.T) {
	suites := map[string]rtp.Suite{}
	for _, from := range []Security{NoSRTP, OptionalSRTP, CapNegSRTP, EnforcedSRTP} {
		for _, to := range []Security{NoSRTP, OptionalSRTP, CapNegSRTP, EnforcedSRTP} {
			name := fmt.Sprintf("%s to %s", from, to)
			t.Run(name, func(t *testing.T) {
				answering := byItself()
				answering.SRTP = to
				o := newOffice(t, Habits{SRTP: from}, answering)
				o.do("201", Command{Do: "call", To: "202"})
				o.run(5 * time.Second)
				if o.count("201", CallUp) == 0 {
					suites[name] = "refused"
					return
				}
				o.talking("201", "202")
				one, two := o.voice("201").config, o.voice("202").config
				if (one.Seal == nil) != (two.Open == nil) || (one.Open == nil) != (two.Seal == nil) || (one.Seal == nil) != (one.Open == nil) {
					t.Fatalf("%+v, %+v", one, two)
				}
				if one.Seal != nil {
					suites[name] = one.Seal.Suite
					if !slices.Equal(one.Seal.Master, two.Open.Master) || !slices.Equal(one.Open.Master, two.Seal.Master) || slices.Equal(one.Seal.Master, one.Open.Master) {
						t.Errorf("%+v, %+v", one, two)
					}
				}
				before := one
				o.do("202", Command{Do: "hold"}) // a new offer keeps the protection
				o.run(time.Second)
				o.do("202", Command{Do: "resume"})
				o.run(time.Second)
				o.talking("201", "202")
				if after := o.voice("201").config; before.Seal != nil && (after.Seal == nil || !slices.Equal(after.Seal.Master, before.Seal.Master)) {
					t.Errorf("%+v after hold, %+v before", after, before)
				}
			})
		}
	}
	const aes = rtp.AES128CM80
	want := map[string]rtp.Suite{
		"none to enforced": "refused", "optional to enforced": "refused", "enforced to none": "refused",
		"optional to optional": aes, "optional to capneg": aes, "capneg to capneg": aes, "capneg to enforced": aes,
		"enforced to optional": aes, "enforced to capneg": aes, "enforced to enforced": aes,
	}
	if fmt.Sprint(suites) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", suites, want)
	}
}

func TestEverySuiteIsAgreed(t *testing.T) {
	for _, suite := range rtp.Suites() {
		answering := byItself()
		answering.SRTP, answering.Suites = EnforcedSRTP, []rtp.Suite{suite}
		o := newOffice(t, Habits{SRTP: EnforcedSRTP, Suites: rtp.Suites()}, answering)
		o.call("201", "202")
		if seal := o.voice("201").config.Seal; seal == nil || seal.Suite != suite {
			t.Errorf("%s: %+v", suite, seal)
		}
	}
}
