package sip

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/registrar"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

var messageLimits = message.Limits{}

func appendResponse(r *reply, status int) []byte {
	return message.AppendResponse(nil, &r.Message, message.Reply{Status: status, Reason: "Test", ToTag: "phone"})
}

func TestRegisterOverUDPAndTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		w.udpPhone("201").bind(t)
		p := w.tcpPhone("202")
		p.bind(t)
		defer p.close()
		if got := w.desk.Lookup("202", time.Now()); len(got) != 1 || got[0].Transport != registrar.TCP {
			t.Errorf("%+v", got)
		}
	})
}

func TestRFC5626_BindingDiesWithItsTCPFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.tcpPhone("201")
		p.bind(t)
		p.close()
		synctest.Wait()
		if got := w.desk.Lookup("201", time.Now()); len(got) != 0 {
			t.Errorf("still bound: %+v", got)
		}
		w.desk.mu.Lock()
		defer w.desk.mu.Unlock()
		for _, why := range w.desk.closed {
			if why != flow.PeerClosed {
				t.Errorf("closed because %s", why)
			}
		}
		if len(w.desk.closed) != 1 {
			t.Errorf("%d flows closed", len(w.desk.closed))
		}
	})
}

// Messages of one TCP segment are dealt with in their order.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.tcpPhone("201")
		defer p.close()
		p.bind(t)
		var all strings.Builder
		first := p.cseq + 1
		for range 50 {
			all.WriteString(p.phone.write(ask{headers: []string{p.contact()}}))
		}
		p.write(t, all.String())
		for i := range 50 {
			r := parseReply(t, p.read(t, time.Second), nil).must(t, 200)
			if int(r.CSeq) != first+i {
				t.Fatalf("answer %d is to CSeq %d, want %d", i, r.CSeq, first+i)
			}
		}
	})
}

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
		p.answer(t, n, 200)
		synctest.Wait()
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

func TestRFC3261_17_2_RetransmittedSubscribeIsAbsorbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		p.bind(t)
		raw := p.phone.write(ask{method: "SUBSCRIBE", uri: "sip:201@example.test", headers: []string{"Event: reg", p.contact()}})
		first := p.call(t, raw, 200)
		p.answer(t, p.request(t, time.Second), 200)
		if again := p.call(t, raw, 200); again.raw != first.raw {
			t.Errorf("first\n%s\nagain\n%s", first.raw, again.raw)
		}
		if n := w.Standing().Subscriptions; n != 1 || w.value(cRepeated) != 1 {
			t.Errorf("%d subscriptions, %d repeated", n, w.value(cRepeated))
		}
		<-time.After(33 * time.Second)
		synctest.Wait()
		if n := w.Standing().Transactions; n != 0 {
			t.Errorf("%d transactions after Timer J", n)
		}
	})
}

func TestRFC3261_17_2_1_InviteRefusalIsRepeatedUntilAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		p.bind(t)
		invite := ask{method: "INVITE", uri: "sip:202@example.test", to: "<sip:202@example.test>", branch: "z9hG4bKcall", headers: []string{p.contact()}}
		r := p.call(t, p.phone.write(invite), 501)
		if r.Reason != "Calls Are Not Built Yet" {
			t.Errorf("reason %q", r.Reason)
		}
		again := p.read(t, time.Second)
		if again != r.raw {
			t.Errorf("not repeated as it was:\n%s", again)
		}
		// CANCEL of what has its answer: 200, no effect (9.2).
		p.call(t, p.phone.write(ask{method: "CANCEL", uri: "sip:202@example.test", branch: "z9hG4bKcall", cseq: p.cseq, auth: "-"}), 200)
		p.write(t, p.phone.write(ask{method: "ACK", uri: "sip:202@example.test", to: r.header(message.HTo), branch: "z9hG4bKcall", cseq: p.cseq, auth: "-"}))
		synctest.Wait()
		if more := p.read(t, 10*time.Second); more != "" {
			t.Errorf("repeated after the ACK:\n%s", more)
		}
		if n := w.Standing().Transactions; n != 0 {
			t.Errorf("%d transactions left", n)
		}
	})
}

func TestFB4_NotifySendsHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		watched(t, w, p)
		reg := w.desk.Lookup("201", time.Now())[0]
		done := make(chan SentHome, 1)
		w.SendHome(reg, TriggerNotify, func(s SentHome) { done <- s })
		n := p.request(t, time.Second)
		for _, want := range []string{`<registration aor="sip:201@example.test" id="r201" state="terminated">`, `state="terminated" event="deactivated"`, "Subscription-State: active"} {
			if n == nil || !strings.Contains(n.raw, want) {
				t.Errorf("no %q in %+v", want, n)
			}
		}
		p.answer(t, n, 200)
		if got := <-done; !got.Delivered || got.Why != "" {
			t.Errorf("%+v", got)
		}
		// Refused by the phone: the ladder goes on, the subscription is over.
		w.SendHome(reg, TriggerNotify, func(s SentHome) { done <- s })
		p.answer(t, p.request(t, time.Second), 481)
		if got := <-done; got.Delivered || got.Why != "answered 481" {
			t.Errorf("%+v", got)
		}
		w.SendHome(reg, TriggerNotify, func(s SentHome) { done <- s })
		if got := <-done; got.Delivered || got.Why != "no subscription" {
			t.Errorf("%+v", got)
		}
	})
}

func TestFB4_PhoneDeafToTheNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		watched(t, w, p)
		start, done := time.Now(), make(chan SentHome, 1)
		w.SendHome(w.desk.Lookup("201", start)[0], TriggerNotify, func(s SentHome) { done <- s })
		if got := <-done; got.Delivered || got.Why != "no answer" {
			t.Errorf("%+v", got)
		}
		if d := time.Since(start); d != 32*time.Second {
			t.Errorf("after %s, want Timer F, 32 s", d)
		}
		sent := 0
		for p.read(t, time.Millisecond) != "" {
			sent++
		}
		if sent != 11 {
			t.Errorf("sent %d times, want 11 (RFC 3261 17.1.2.2)", sent)
		}
		if w.Standing() != (Standing{}) {
			t.Errorf("left over: %+v", w.Standing())
		}
	})
}

func TestFB4_ClosingTheFlowSendsHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.tcpPhone("201")
		p.bind(t)
		reg, done := w.desk.Lookup("201", time.Now())[0], make(chan SentHome, 1)
		w.SendHome(reg, TriggerCloseFlow, func(s SentHome) { done <- s })
		if got := <-done; !got.Delivered {
			t.Errorf("%+v", got)
		}
		if !p.line.(*tcpLine).ended(time.Second) {
			t.Error("the stream is still open")
		}
		synctest.Wait()
		w.SendHome(reg, TriggerCloseFlow, func(s SentHome) { done <- s })
		if got := <-done; got.Delivered || got.Why != "flow is gone" {
			t.Errorf("%+v", got)
		}
		reg.Transport = registrar.UDP
		w.SendHome(reg, TriggerCloseFlow, func(s SentHome) { done <- s })
		if got := <-done; got.Delivered || got.Why != "not a stream" {
			t.Errorf("%+v", got)
		}
	})
}

// RFC 5626 5.3.1: a request to a flow that is gone fails at once, as 430; no
// other connection is opened for it.
func TestRFC5626_RequestToADeadFlowFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.tcpPhone("201")
		p.bind(t)
		id := flow.ID(w.desk.Lookup("201", time.Now())[0].Flow)
		p.close()
		synctest.Wait()
		start, done := time.Now(), make(chan result, 1)
		w.clients.send(id, flow.TCP, "NOTIFY", newBranch(), []byte("x"), func(r result) { done <- r })
		if r := <-done; r.status != 430 || time.Since(start) > time.Second {
			t.Errorf("%+v after %s", r, time.Since(start))
		}
	})
}

// A phone whose flow dies while a NOTIFY waits for its answer.
func TestFB4_FlowDiesUnderTheNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.tcpPhone("201")
		watched(t, w, p)
		done := make(chan SentHome, 1)
		w.SendHome(w.desk.Lookup("201", time.Now())[0], TriggerNotify, func(s SentHome) { done <- s })
		if p.request(t, time.Second) == nil {
			t.Fatal("no NOTIFY")
		}
		p.close()
		if got := <-done; got.Delivered || got.Why != "flow is gone" {
			t.Errorf("%+v", got)
		}
		synctest.Wait()
		if w.Standing() != (Standing{}) {
			t.Errorf("left over: %+v", w.Standing())
		}
	})
}

// A response that names our branch but comes from elsewhere answers nothing.
func TestSecurity_ResponseFromAnotherFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		p.bind(t)
		p.subscribe(t)
		n := p.request(t, time.Second)
		thief := &set{newPhone("202"), udpLine{w.udp, nearby}}
		thief.answer(t, n, 200)
		synctest.Wait()
		if w.value(cStrayResponse) != 1 || w.value(cNotified) != 0 {
			t.Errorf("stray %d, notified %d", w.value(cStrayResponse), w.value(cNotified))
		}
		p.answer(t, n, 200)
		synctest.Wait()
		if w.value(cNotified) != 1 {
			t.Error("the phone's own answer did not count")
		}
	})
}

func TestStopEndsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		watched(t, w, p)
		done := make(chan SentHome, 1)
		w.SendHome(w.desk.Lookup("201", time.Now())[0], TriggerNotify, func(s SentHome) { done <- s })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			t.Error(err)
		}
		if got := <-done; got.Delivered || got.Why != "shutting down" {
			t.Errorf("%+v", got)
		}
	})
}

// What cannot be cut out of a stream is answered, and the stream closed.
func TestRFC3261_18_3_BrokenStreamsAreAnsweredAndClosed(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		status   int
	}{
		"no length":      {"Content-Length: 0\r\n", "", 400},
		"two lengths":    {"Content-Length: 0\r\n", "Content-Length: 0\r\nContent-Length: 9\r\n", 400},
		"huge body":      {"Content-Length: 0\r\n", "Content-Length: 99999999\r\n", 413},
		"endless header": {"User-Agent: ", "User-Agent: " + strings.Repeat("x", 40_000), 513},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWired(t)
				p := w.tcpPhone("201")
				defer p.close()
				raw := p.phone.write(ask{headers: []string{p.contact()}})
				bad := strings.Replace(raw, c.old, c.new, 1)
				go func() { _, _ = p.line.(*tcpLine).c.Write([]byte(bad)) }()
				got := p.read(t, time.Second)
				if !strings.HasPrefix(got, fmt.Sprintf("SIP/2.0 %d ", c.status)) {
					t.Errorf("want %d, got\n%s", c.status, got)
				}
				if !p.line.(*tcpLine).ended(10 * time.Second) {
					t.Error("the stream goes on")
				}
			})
		})
	}
}

// A UDP flow that was forgotten is made again for a NOTIFY; the phone is where
// it was.
func TestNotifyOverAForgottenUDPFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		watched(t, w, p)
		reg := w.desk.Lookup("201", time.Now())[0]
		if !w.CloseFlow(reg.Flow) {
			t.Fatal("the flow was gone")
		}
		synctest.Wait()
		done := make(chan SentHome, 1)
		w.SendHome(reg, TriggerNotify, func(s SentHome) { done <- s })
		p.answer(t, p.next(t, "NOTIFY"), 200)
		if got := <-done; !got.Delivered {
			t.Errorf("%+v", got)
		}
		if len(w.desk.Lookup("201", time.Now())) != 1 {
			t.Error("a UDP binding died with our memory of the flow")
		}
	})
}
