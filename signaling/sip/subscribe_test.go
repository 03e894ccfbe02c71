package sip

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"roost/registrar"
	"roost/signaling/sip/message"
)

func (s *set) subscribe(t testing.TB, headers ...string) *reply {
	t.Helper()
	return s.call(t, s.phone.write(ask{
		method: "SUBSCRIBE", uri: "sip:201@example.test", headers: append([]string{"Event: reg", s.contact(), "Accept: application/reginfo+xml"}, headers...),
	}), 200)
}

// watched is a phone that is registered and subscribed, its first NOTIFY read.
func watched(t *testing.T, w *wired, p *set) (dialog string) {
	t.Helper()
	p.bind(t)
	r := p.subscribe(t)
	n := p.request(t, time.Second)
	if n == nil {
		t.Fatal("no NOTIFY after the SUBSCRIBE")
	}
	p.answer(t, n, 200)
	synctest.Wait()
	return r.header(message.HTo)
}

func TestRFC3680_SubscribeIsNotifiedOfTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		p.bind(t)
		r := p.subscribe(t)
		if r.To.Tag() == "" || r.header(message.HExpires) != "3761" {
			t.Errorf("200:\n%s", r.raw)
		}
		n := p.request(t, time.Second)
		if n == nil {
			t.Fatal("no NOTIFY")
		}
		for _, want := range []string{
			"NOTIFY sip:201@127.0.1.1:5070 SIP/2.0", "Event: reg", "Subscription-State: active;expires=3761",
			`version="0"`, `state="full"`, `aor="sip:201@example.test"`, `state="active" event="registered" expires="300"`,
			"<uri>sip:201@127.0.1.1:5070</uri>",
		} {
			if !strings.Contains(n.raw, want) {
				t.Errorf("no %q in\n%s", want, n.raw)
			}
		}
		if n.From.Tag() != r.To.Tag() || n.To.Tag() != "f201" || n.CallID != p.callID {
			t.Errorf("NOTIFY is not in the dialog:\n%s", n.raw)
		}
		w.clients.mu.Lock()
		var waiting *client
		for _, c := range w.clients.open {
			waiting = c
		}
		w.clients.mu.Unlock()
		p.answer(t, n, 200)
		synctest.Wait()
		select {
		case <-waiting.tx.Done():
		default:
			t.Error("sipgo's transaction lives on after its answer")
		}
		if w.value(cNotified) != 1 || w.Standing().Clients != 0 {
			t.Errorf("notified %d, %+v: the transaction must end with its answer", w.value(cNotified), w.Standing())
		}
	})
}

func TestRFC3680_ChangesAreNotified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		watched(t, w, p)
		// Gone at the phone's wish.
		p.write(t, p.phone.write(ask{headers: []string{p.contact(";expires=0")}}))
		n := p.next(t, "NOTIFY")
		for _, want := range []string{`version="1"`, `state="terminated" event="unregistered"`} {
			if !strings.Contains(n.raw, want) {
				t.Errorf("no %q in\n%s", want, n.raw)
			}
		}
		p.answer(t, n, 200)
		// Back, then expired.
		p.write(t, p.phone.write(ask{headers: []string{p.contact()}}))
		n = p.next(t, "NOTIFY")
		if !strings.Contains(n.raw, `version="2"`) || !strings.Contains(n.raw, `state="active"`) {
			t.Errorf("NOTIFY:\n%s", n.raw)
		}
		p.answer(t, n, 200)
		synctest.Wait()
		<-time.After(301 * time.Second)
		w.Changed(w.desk.registrar.Sweep(time.Now())...)
		n = p.next(t, "NOTIFY")
		if !strings.Contains(n.raw, `state="terminated" event="expired"`) {
			t.Errorf("NOTIFY:\n%s", n.raw)
		}
		p.answer(t, n, 200)
	})
}

// The NOTIFY of what a REGISTER changed does not overtake its 200, however long that
// takes to be written: over UDP the batch of answers, over a stream all that was
// pipelined behind it.
func TestRFC3680_TheNotifyFollowsThe200ThatCausedIt(t *testing.T) {
	for transport, lift := range map[string]func(*wired, string) *set{"UDP": (*wired).udpPhone, "TCP": (*wired).tcpPhone} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var wait atomic.Bool
				w := newWired(t, func(o *Options, _ *registrar.Config) {
					o.Access = func(Access) { // before the answer is written
						if wait.Load() {
							synctest.Wait() // until a NOTIFY that did not wait is on its way
						}
					}
				})
				p := lift(w, "201")
				watched(t, w, p)
				wait.Store(true)
				gone := p.phone.write(ask{headers: []string{p.contact(";expires=0")}})
				if transport == "TCP" {
					gone += p.phone.write(ask{}) // and a query, answered in the same breath
				}
				p.write(t, gone)
				var got []string
				for range strings.Count(gone, "REGISTER sip:") + 1 {
					line, _, _ := strings.Cut(p.read(t, time.Second), "\r\n")
					got = append(got, line)
				}
				want := []string{"SIP/2.0 200 OK", "SIP/2.0 200 OK", "NOTIFY sip:201@127.0.1.1:5070 SIP/2.0"}
				if want = want[len(want)-len(got):]; !slices.Equal(got, want) {
					t.Errorf("%q, want %q", got, want)
				}
			})
		})
	}
}

// next reads on to the next request of a method, past responses.
func (s *set) next(t testing.TB, method string) *reply {
	t.Helper()
	for {
		got := s.read(t, 5*time.Second)
		if got == "" {
			t.Fatalf("no %s came", method)
		}
		if strings.HasPrefix(got, method) {
			r := &reply{raw: got}
			if f := r.Parse([]byte(got), messageLimits, true); f != nil {
				t.Fatalf("malformed: %v\n%s", f, got)
			}
			return r
		}
	}
}

func TestRFC6665_SubscriptionExpiresUnlessRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		to := watched(t, w, p)
		p.call(t, p.phone.write(ask{method: "SUBSCRIBE", uri: "sip:127.0.0.11:5060", to: to, headers: []string{"Event: reg", "Expires: 60", p.contact()}}), 200)
		n := p.request(t, time.Second)
		if !strings.Contains(n.raw, "Subscription-State: active;expires=60") || !strings.Contains(n.raw, `version="1"`) {
			t.Errorf("NOTIFY:\n%s", n.raw)
		}
		p.answer(t, n, 200)
		start := time.Now()
		n = p.request(t, 70*time.Second)
		if n == nil || !strings.Contains(n.raw, "Subscription-State: terminated;reason=timeout") {
			t.Fatalf("at the end: %+v", n)
		}
		if d := time.Since(start); d < 58*time.Second || d > 62*time.Second {
			t.Errorf("ended after %s", d)
		}
		p.answer(t, n, 200)
		synctest.Wait()
		if w.Standing().Subscriptions != 0 {
			t.Error("still there")
		}
		p.call(t, p.phone.write(ask{method: "SUBSCRIBE", uri: "sip:127.0.0.11:5060", to: to, headers: []string{"Event: reg", p.contact()}}), 481)
	})
}

func TestRFC6665_UnsubscribeAndFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		to := watched(t, w, p)
		p.call(t, p.phone.write(ask{method: "SUBSCRIBE", uri: "sip:127.0.0.11:5060", to: to, headers: []string{"Event: reg", "Expires: 0", p.contact()}}), 200)
		if n := p.request(t, time.Second); n == nil || !strings.Contains(n.raw, "Subscription-State: terminated") {
			t.Errorf("unsubscribe: %+v", n)
		} else {
			p.answer(t, n, 200)
		}
		p.subscribe(t, "Expires: 0")
		if n := p.request(t, time.Second); n == nil || !strings.Contains(n.raw, "Subscription-State: terminated") {
			t.Errorf("fetch: %+v", n)
		} else {
			p.answer(t, n, 200)
		}
		synctest.Wait()
		if w.Standing().Subscriptions != 0 {
			t.Error("still there")
		}
	})
}

func TestRFC6665_UnknownEventsAndLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t, func(o *Options, _ *registrar.Config) {
			o.Limits.SubscriptionsPerPhone, o.Limits.Subscriptions = 2, 3
		})
		p := w.udpPhone("201")
		p.bind(t)
		subscribe := func(p *set, headers ...string) string {
			n := p.number
			return p.phone.write(ask{method: "SUBSCRIBE", uri: "sip:" + n + "@example.test", headers: append(headers, p.contact())})
		}
		for _, event := range []string{"message-summary", "avaya-ccs-profile", "dialog"} {
			if r := p.call(t, subscribe(p, "Event: "+event), 489); r.header(message.HAllowEvents) != "reg" {
				t.Errorf("%s: Allow-Events %q", event, r.header(message.HAllowEvents))
			}
		}
		if r := p.call(t, subscribe(p, "Event: reg", "Expires: 5"), 423); r.header(message.HMinExpires) != "60" {
			t.Errorf("Min-Expires %q", r.header(message.HMinExpires))
		}
		for i := range 4 {
			p.callID = fmt.Sprint("sub", i)
			p.call(t, subscribe(p, "Event: reg"), 200)
			p.answer(t, p.request(t, time.Second), 200)
		}
		synctest.Wait()
		if n := w.Standing().Subscriptions; n != 2 {
			t.Errorf("one phone holds %d subscriptions, limit 2", n)
		}
		for i, want := range []int{200, 503} {
			q := &set{newPhone("202"), p.line}
			q.callID = fmt.Sprint("other", i)
			q.bind(t)
			q.call(t, subscribe(q, "Event: reg"), want)
			if want == 200 {
				q.answer(t, q.request(t, time.Second), 200)
			}
		}
	})
}

// A SUBSCRIBE for another's registration is refused.
func TestRFC3680_OnlyOnesOwnRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		p.bind(t)
		p.call(t, p.phone.write(ask{method: "SUBSCRIBE", uri: "sip:202@example.test", to: "<sip:202@example.test>", headers: []string{"Event: reg", p.contact()}}), 403)
	})
}

// Another phone's credentials do not open a phone's dialog, even to who knows
// its tags.
func TestSecurity_SubscribeInAnothersDialog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		to := watched(t, w, p)
		_, tag, _ := strings.Cut(to, ";tag=")
		thief := &set{newPhone("202"), udpLine{w.udp, nearby}}
		thief.callID = "own"
		thief.bind(t)
		thief.callID = p.callID
		raw := thief.phone.write(ask{
			method: "SUBSCRIBE", uri: "sip:127.0.0.11:5060", to: "<sip:202@example.test>;tag=" + tag, cseq: 99,
			headers: []string{"Event: reg", "Expires: 0", thief.contact()},
		})
		thief.call(t, strings.Replace(raw, ";tag=f202", ";tag=f201", 1), 481)
		if w.Standing().Subscriptions != 1 {
			t.Error("the subscription was ended by another phone")
		}
	})
}

// What was overheard of a phone's SUBSCRIBE subscribes nobody else.
func TestSecurity_DigestReplayOfAnotherMethod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		p.bind(t)
		auth := p.sign("SUBSCRIBE", "sip:201@example.test")
		subscribe := func(contact string) string {
			return p.phone.write(ask{method: "SUBSCRIBE", uri: "sip:201@example.test", auth: auth, headers: []string{"Event: reg", contact}})
		}
		p.call(t, subscribe(p.contact()), 200)
		p.answer(t, p.request(t, time.Second), 200)
		thief := &set{newPhone("201"), udpLine{w.udp, nearby}}
		r := thief.call(t, subscribe("Contact: <sip:201@10.6.6.6>"), 401)
		if !strings.Contains(strings.ToLower(r.header(message.HWWWAuthenticate)), "stale=true") || w.value(cReplayed) != 1 {
			t.Errorf("replayed %d\n%s", w.value(cReplayed), r.raw)
		}
	})
}
