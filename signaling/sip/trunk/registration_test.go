package trunk

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"roost/signaling/sip/message"
)

const ourContact = "sip:t0123@127.0.0.1:5060"

var t0 = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)

// said is a carrier's response with more header lines.
func said(t testing.TB, status int, lines ...string) Answer {
	t.Helper()
	text := fmt.Sprintf("SIP/2.0 %d Said\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\nFrom: <sip:u@c>;tag=1\r\nTo: <sip:u@c>;tag=2\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n", status)
	for _, l := range lines {
		text += l + "\r\n"
	}
	var m message.Message
	if fault := m.Parse([]byte(text+"Content-Length: 0\r\n\r\n"), message.DefaultLimits(), false); fault != nil {
		t.Fatal(fault)
	}
	return Answer{Status: status, Reason: m.Reason, Message: &m, Contact: ourContact}
}

type desk struct {
	t *testing.T
	*Registration
	now time.Time
}

func newDesk(t *testing.T, seed uint64) *desk {
	return &desk{t, NewRegistration(RegistrationConfig{
		Credentials: Credentials{"4930123", "secret"}, URI: "sip:carrier.test", Expires: 10 * time.Minute,
		Random: rand.New(rand.NewPCG(seed, 1)),
	}, t0), t0}
}

// sends waits until the registration wants something sent.
func (d *desk) sends() Register {
	d.t.Helper()
	due, ok := d.Due()
	if !ok {
		d.t.Fatal("nothing will ever be sent")
	}
	if due.After(d.now) {
		d.now = due
	}
	out, ok := d.Next(d.now)
	if !ok {
		d.t.Fatalf("nothing is sent at %v, though it is due", d.now)
	}
	if _, again := d.Next(d.now); again {
		d.t.Fatal("a second REGISTER while one is out (RFC 3261 §10.2)")
	}
	return out
}

func (d *desk) hears(a Answer) { d.Answer(a, d.now) }

func (d *desk) is(want Standing) RegistrationView {
	d.t.Helper()
	v := d.View(d.now)
	if v.Standing != want {
		d.t.Fatalf("%v, want %v: %+v", v.Standing, want, v)
	}
	return v
}

const challengeLine = `WWW-Authenticate: Digest realm="carrier.test", nonce="n1", qop="auth", algorithm=SHA-256`

func TestRegistration_ChallengedTakenRefreshedTakenBack(t *testing.T) {
	d := newDesk(t, 1)
	first := d.sends()
	if first.Expires != 600 || len(first.Header) != 0 {
		t.Fatalf("first %+v", first)
	}
	d.now = d.now.Add(50 * time.Millisecond)
	d.hears(said(t, 401, `WWW-Authenticate: Digest realm="carrier.test", nonce="x", algorithm=AKAv1-MD5`, challengeLine))
	second := d.sends()
	if d.now != t0.Add(50*time.Millisecond) || second.CSeq != first.CSeq+1 || len(second.Header) != 1 || second.Header[0].Name != "Authorization" ||
		!strings.Contains(second.Header[0].Value, `nonce="n1"`) || !strings.Contains(second.Header[0].Value, "nc=00000001") {
		t.Fatalf("second %+v", second)
	}
	// Of several contacts ours counts, whatever the Expires header says.
	d.hears(said(t, 200, "Expires: 3600", "Contact: <sip:other@127.0.0.9>;expires=7200, <"+ourContact+";transport=udp>;expires=300, <sip:t0123@127.0.0.1:5061>;expires=9000", "Service-Route: <sip:edge.carrier.test;lr>, <sip:core.carrier.test;lr>"))
	v := d.is(Registered)
	if v.Until != d.now.Add(300*time.Second) || len(v.Routes) != 2 || v.Routes[0] != "<sip:edge.carrier.test;lr>" {
		t.Fatalf("%+v", v)
	}
	begun := d.now
	third := d.sends()
	if wait := d.now.Sub(begun); wait < 200*time.Second || wait > 225*time.Second {
		t.Errorf("refreshed after %v of 300 s", wait)
	}
	if len(third.Header) != 1 || !strings.Contains(third.Header[0].Value, "nc=00000002") {
		t.Errorf("the refresh does not use the nonce again: %+v", third)
	}
	d.hears(said(t, 401, strings.Replace(challengeLine, "n1", "n2", 1)+", stale=true"))
	if again := d.sends(); !strings.Contains(again.Header[0].Value, `nonce="n2"`) {
		t.Errorf("%+v", again)
	}
	d.hears(said(t, 200, "Contact: <"+ourContact+">;expires=600"))
	d.is(Registered)
	d.Stop(d.now)
	last := d.sends()
	if last.Expires != 0 || d.Over() {
		t.Errorf("taken back by %+v", last)
	}
	d.hears(said(t, 200))
	d.is(Unregistered)
	if !d.Over() {
		t.Error("not over")
	}
	if _, ok := d.Due(); ok {
		t.Error("something is due after the end")
	}
}

func TestRegistration_ProxyChallenge407(t *testing.T) {
	d := newDesk(t, 1)
	d.sends()
	d.hears(said(t, 407, `Proxy-Authenticate: Digest realm="edge", nonce="p"`))
	if out := d.sends(); len(out.Header) != 1 || out.Header[0].Name != "Proxy-Authorization" {
		t.Errorf("%+v", out)
	}
}

func TestRegistration_IntervalTooBrief423(t *testing.T) {
	d := newDesk(t, 1)
	d.sends()
	d.hears(said(t, 423, "Min-Expires: 1800"))
	if out := d.sends(); out.Expires != 1800 || d.now != t0 {
		t.Fatalf("%+v at %v", out, d.now)
	}
	d.hears(said(t, 423, "Min-Expires: 3600")) // it cannot make up its mind
	d.is(Refused)
	d = newDesk(t, 1)
	for _, line := range []string{"Min-Expires: 60", "Min-Expires: 4000000000", "X: y"} {
		d.sends()
		d.hears(said(t, 423, line))
		d.is(Refused)
	}
}

// RFC 5626 §4.5: 30 s, doubled with each failure, half an hour at most, of which a
// random half to whole is waited.
func TestRFC5626_4_5_WaitsGrow(t *testing.T) {
	spread := map[time.Duration]bool{}
	for seed := range uint64(50) {
		d := newDesk(t, seed)
		for failures := 1; failures < 12; failures++ {
			before := d.now
			d.sends()
			if failures > 1 {
				whole := min(30*time.Minute, 30*time.Second<<(failures-1))
				if wait := d.now.Sub(before); wait < whole/2 || wait > whole {
					t.Fatalf("after %d failures %v, want %v to %v", failures-1, wait, whole/2, whole)
				} else if failures == 2 {
					spread[wait] = true
				}
			}
			d.hears([]Answer{{Status: 408, Reason: "no answer"}, {Status: 430}, said(t, 503), said(t, 500)}[failures%4])
			v := d.is(Unreachable)
			if v.Failures != failures || v.Why == "" {
				t.Fatalf("%+v", v)
			}
		}
	}
	if len(spread) < 40 {
		t.Errorf("50 systems wait %d different times: they come back together", len(spread))
	}
}

func TestRegistration_RetryAfterIsWaitedFor(t *testing.T) {
	d := newDesk(t, 1)
	d.sends()
	d.hears(said(t, 503, "Retry-After: 600"))
	d.sends()
	if wait := d.now.Sub(t0); wait != 10*time.Minute {
		t.Errorf("waited %v", wait)
	}
	d.hears(said(t, 503, "Retry-After: 100000"))
	before := d.now
	d.sends()
	if wait := d.now.Sub(before); wait != 30*time.Minute {
		t.Errorf("waited %v", wait)
	}
}

// What time does not mend is asked for seldom, so that no account is locked.
func TestRegistration_RefusedIsRetriedSlowly(t *testing.T) {
	for name, refuse := range map[string]func(d *desk){
		"403":          func(d *desk) { d.sends(); d.hears(said(t, 403)) },
		"404":          func(d *desk) { d.sends(); d.hears(said(t, 404)) },
		"603":          func(d *desk) { d.sends(); d.hears(said(t, 603)) },
		"302":          func(d *desk) { d.sends(); d.hears(said(t, 302, "Contact: <sip:elsewhere.test>")) },
		"no challenge": func(d *desk) { d.sends(); d.hears(said(t, 401)) },
		"unknown digest": func(d *desk) {
			d.sends()
			d.hears(said(t, 401, `WWW-Authenticate: Digest realm="a", nonce="b", algorithm=X`))
		},
		"wrong password": func(d *desk) {
			d.sends()
			d.hears(said(t, 401, challengeLine))
			d.sends()
			d.hears(said(t, 401, strings.Replace(challengeLine, "n1", "n2", 1)))
		},
		"stale for ever": func(d *desk) {
			for range 3 {
				d.sends()
				d.hears(said(t, 401, challengeLine+", stale=true"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, 3)
			refuse(d)
			v := d.is(Refused)
			if d.now != t0 || v.Why == "" || strings.Contains(v.Why, "secret") {
				t.Errorf("%+v", v)
			}
			out := d.sends()
			if wait := d.now.Sub(t0); wait < 15*time.Minute || wait > 30*time.Minute {
				t.Errorf("tried again after %v", wait)
			}
			if len(out.Header) != 0 {
				t.Error("the credentials that were refused are sent again unasked")
			}
			d.hears(said(t, 401, challengeLine))
			d.sends()
			d.hears(said(t, 200))
			d.is(Registered)
		})
	}
}

// A registration that stands outlives failures until it ends, and is asked for again
// before that.
func TestRegistration_FailuresBeforeItEnds(t *testing.T) {
	d := newDesk(t, 4)
	d.sends()
	d.hears(said(t, 200))
	until := d.is(Registered).Until
	tries := 0
	for {
		d.sends()
		if !d.now.Before(until) {
			break
		}
		tries++
		d.hears(Answer{Status: 408, Reason: "no answer"})
		d.is(Registered)
	}
	if tries < 3 {
		t.Errorf("only %d tries before it ended", tries)
	}
	d.is(Unregistered)
	d.hears(Answer{Status: 408, Reason: "no answer"})
	d.is(Unreachable)
	d.Hurry(d.now)
	if due, _ := d.Due(); due != d.now {
		t.Errorf("hurried to %v", due.Sub(d.now))
	}
}

// Of a short registration one lost refresh is made good before it ends.
func TestRegistration_AShortOneSurvivesALostRefresh(t *testing.T) {
	for seed := range uint64(20) {
		d := newDesk(t, seed)
		d.sends()
		d.hears(said(t, 200, "Expires: 60"))
		until := d.is(Registered).Until
		d.sends()
		d.hears(Answer{Status: 408, Reason: "no answer"})
		if due, _ := d.Due(); !due.Before(until) || due.Sub(d.now) < hurryLeast {
			t.Errorf("asked again after %v, %v before the end", due.Sub(d.now), until.Sub(due))
		}
	}
}

func TestRegistration_StopWithoutOneSendsNothing(t *testing.T) {
	d := newDesk(t, 1)
	d.sends()
	d.hears(said(t, 403))
	d.Stop(d.now)
	if _, ok := d.Due(); ok || !d.Over() {
		t.Error("something would be sent")
	}
}

func TestRegistration_StopWhileAskingTakesBack(t *testing.T) {
	d := newDesk(t, 1)
	d.sends()
	d.Stop(d.now)
	if out := d.sends(); out.Expires != 0 {
		t.Errorf("%+v", out)
	}
	d.hears(said(t, 401, challengeLine))
	if out := d.sends(); out.Expires != 0 || len(out.Header) != 1 {
		t.Errorf("%+v", out)
	}
	d.hears(Answer{Status: 408})
	if !d.Over() {
		t.Error("not over")
	}
}

// Whatever a carrier answers, in any order: one REGISTER at a time, CSeq grows, no
// storm, and a registration that stands is renewed before it ends.
func TestRegistration_AnyCarrier(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 7))
		d := newDesk(t, seed)
		var cseq uint32
		sent := 0
		end := t0.Add(12 * time.Hour)
		for d.now.Before(end) {
			out := d.sends()
			if sent++; sent > 12*60*4 {
				t.Fatalf("seed %d: a storm of %d in %v", seed, sent, d.now.Sub(t0))
			}
			if out.CSeq != cseq+1 {
				t.Fatalf("seed %d: CSeq %d after %d", seed, out.CSeq, cseq)
			}
			cseq = out.CSeq
			d.now = d.now.Add(time.Duration(random.IntN(1000)) * time.Millisecond)
			lines := []string{challengeLine, strings.Replace(challengeLine, "WWW", "Proxy", 1), "Min-Expires: " + fmt.Sprint(random.IntN(1<<17)), "Retry-After: 5", "Expires: " + fmt.Sprint(30+random.IntN(4000))}
			a := said(t, []int{200, 200, 200, 401, 401, 407, 423, 403, 404, 408, 430, 480, 500, 503, 302, 603}[random.IntN(16)], lines[random.IntN(len(lines)):]...)
			if random.IntN(8) == 0 {
				a = Answer{Status: 408, Reason: "no answer"}
			}
			d.hears(a)
			due, ok := d.Due()
			v := d.View(d.now)
			if !ok || v.Standing == Registered && a.Status == 200 && !due.Before(v.Until) {
				t.Fatalf("seed %d: registered until %v, due %v, %v", seed, v.Until, due, ok)
			}
		}
	}
}
