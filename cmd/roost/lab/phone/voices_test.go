package phone

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone/rtp"
	"roost/cmd/roost/lab/phone/tone"
)

// serveCalls puts an exchange on real sockets.
func serveCalls(t testing.TB) (*served, string) {
	t.Helper()
	rootFile, secure := labTLS(t, "127.0.0.1")
	exchange := newExchange("home")
	s := &served{fake: exchange.fakeRegistrar, proxy: exchange, clients: map[string]func([]byte){}}
	return serveWith(t, s, "127.0.0.1", secure), rootFile
}

// party is a fleet whose reports are waited for.
type party struct {
	t       testing.TB
	fleet   *Fleet
	reports chan Report
	passed  []Report
}

func gather(t testing.TB, setup Setup) *party {
	t.Helper()
	p := &party{t: t, reports: make(chan Report, 100_000)}
	var err error
	if p.fleet, err = Start(context.Background(), setup, func(r Report) { p.reports <- r }); err != nil {
		t.Fatal(err)
	}
	for _, spec := range setup.Phones {
		p.wait(spec.Number, Registered, nil)
	}
	return p
}

// wait waits for a report; each is waited for once.
func (p *party) wait(number string, kind Kind, is func(Report) bool) Report {
	p.t.Helper()
	fits := func(r Report) bool { return r.Phone == number && r.Event == kind && (is == nil || is(r)) }
	for i, r := range p.passed {
		if fits(r) {
			p.passed = append(p.passed[:i], p.passed[i+1:]...)
			return r
		}
	}
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		select {
		case r := <-p.reports:
			if fits(r) {
				return r
			}
			p.passed = append(p.passed, r)
		case <-limit.C:
			p.t.Fatalf("%s: no report %s; there were %v", number, kind, p.passed)
		}
	}
}

// hears waits until a phone hears another's tone.
func (p *party) hears(number, other string) {
	p.t.Helper()
	p.wait(number, VoiceBegan, func(r Report) bool { return tone.Same(float64(r.Hz), ToneOf(Spec{Number: other})) })
}

// listens waits until a phone has heard so many milliseconds of voice.
func (p *party) listens(number string, ms int) {
	p.t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for range 600 {
		p.phone(number).Report(0)
		if p.wait(number, VoiceSoFar, nil).Voice.VoiceMS >= ms {
			return
		}
		<-ticker.C
	}
	p.t.Fatalf("%s heard less than %d ms", number, ms)
}

func (p *party) phone(number string) Phone {
	p.t.Helper()
	found, err := p.fleet.Phone(number)
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

func callers(s *served, rootFile string, transport string, habits ...Habits) Setup {
	setup := Setup{Domain: "example.test", Servers: []Server{s.server()}, TrustedRoot: rootFile, Spread: time.Nanosecond}
	for i, h := range habits {
		setup.Phones = append(setup.Phones, Spec{
			Number: fmt.Sprint(201 + i), Password: password, Profile: "poly", Transport: transport, Calls: h,
			Address: netip.AddrFrom4([4]byte{127, 0, 0, byte(30 + i)}),
		})
	}
	return setup
}

// heardOnly: a voice report with one tone, the other phone's, and nothing amiss. SRTP
// may overtake the answer that has its key, and is not understood then.
func heardOnly(t *testing.T, r Report, other string) {
	t.Helper()
	v := r.Voice
	if v == nil {
		t.Fatalf("phone %s has no report", r.Phone)
	}
	overtook := 0
	if v.Secure != "" {
		overtook = 10 // 200 ms
	}
	if len(v.Tones) != 1 || !tone.Same(float64(v.Tones[0].Hz), ToneOf(Spec{Number: other})) || v.VoiceMS < 300 ||
		v.Lost || v.Forged+v.Bad+v.Silent > overtook || v.Echoed+v.Missing > 0 {
		t.Errorf("phone %s heard %+v", r.Phone, *v)
	}
}

// Two phones on real sockets, over each transport and with each protection: each
// hears the other's tone, on hold too as it should be, dials digits, and says at
// the end what it heard.
func TestPhonesHearEachOther(t *testing.T) {
	for _, test := range []struct {
		transport string
		security  Security
		suite     rtp.Suite
	}{
		{"udp", NoSRTP, ""}, {"tcp", OptionalSRTP, rtp.AES128CM80}, {"tls", EnforcedSRTP, rtp.AES128GCM}, {"udp", CapNegSRTP, rtp.AES128CM32},
	} {
		t.Run(fmt.Sprintf("%s %s", test.transport, test.security), func(t *testing.T) {
			t.Parallel()
			exchange, rootFile := serveCalls(t)
			habits := Habits{SRTP: test.security}
			if test.suite != "" {
				habits.Suites = []rtp.Suite{test.suite}
			}
			answering := habits
			answering.Answers = ByItself
			p := gather(t, callers(exchange, rootFile, test.transport, habits, answering))
			p.phone("201").Call("202")
			p.hears("201", "202")
			p.hears("202", "201")
			p.phone("201").Dial(0, "42#")
			for _, digit := range "42#" {
				if r := p.wait("202", Digit, nil); r.Text != string(digit) {
					t.Errorf("heard %s, %c was dialled", r.Text, digit)
				}
			}
			p.phone("201").Hold(0)
			p.wait("202", IsHeld, nil)
			p.phone("201").Resume(0)
			p.hears("201", "202")
			// 201 speaks on while it holds, as music would: 202 heard it all the time.
			p.listens("202", 500)
			p.listens("201", 300)
			p.phone("201").Hangup(0)
			one, two := p.wait("201", CallEnded, nil), p.wait("202", CallEnded, nil)
			heardOnly(t, one, "202")
			heardOnly(t, two, "201")
			if one.Voice.Secure != string(test.suite) || two.Voice.Secure != string(test.suite) || two.Voice.Digits != "42#" {
				t.Errorf("%+v, %+v", one.Voice, two.Voice)
			}
			p.fleet.Stop()
		})
	}
}

// A phone whose far end falls silent says when it was heard last, though the call
// is still up.
func TestVoiceLostIsReported(t *testing.T) {
	exchange, rootFile := serveCalls(t)
	setup := callers(exchange, rootFile, "udp", Habits{}, Habits{Answers: ByItself})
	other := setup
	setup.Phones, other.Phones = setup.Phones[:1], other.Phones[1:]
	callee := gather(t, other)
	caller := gather(t, setup)
	caller.phone("201").Call("202")
	caller.hears("201", "202")
	callee.fleet.Stop() // switched off without a word
	lost := caller.wait("201", VoiceLost, nil)
	caller.phone("201").Hangup(0)
	caller.fleet.Stop()
	ended := caller.wait("201", CallEnded, nil)
	if ended.Voice == nil || !ended.Voice.Lost || ended.Voice.LostAt != lost.At || lost.At <= 0 {
		t.Errorf("lost %+v, ended %+v", lost, ended.Voice)
	}
}

// A transfer is heard: the tones change.
func TestTransferIsHeard(t *testing.T) {
	exchange, rootFile := serveCalls(t)
	p := gather(t, callers(exchange, rootFile, "udp", Habits{}, Habits{Answers: ByItself}, Habits{Answers: ByItself}))
	p.phone("201").Call("202")
	p.hears("202", "201")
	p.phone("201").Transfer(0, "203")
	p.hears("202", "203")
	p.hears("203", "202")
	if done := p.wait("201", Transferred, nil); done.Code != 200 {
		t.Errorf("%+v", done)
	}
	p.listens("203", 400)
	p.phone("203").Hangup(0)
	heardOnly(t, p.wait("203", CallEnded, nil), "202")
	p.fleet.Stop()
}
