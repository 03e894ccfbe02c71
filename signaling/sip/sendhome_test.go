package sip

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/registrar"
	"roost/signaling/sip/flow"
)

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

// A panic of whoever is called back costs nothing but its message.
func TestSecurity_PanicsOutsideOfHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		watched(t, w, p)
		reg := w.desk.Lookup("201", time.Now())[0]
		w.SendHome(reg, TriggerNotify, func(SentHome) { panic("a fault of the caller's") })
		p.answer(t, p.next(t, "NOTIFY"), 200)
		w.SendHome(reg, TriggerCloseFlow, func(SentHome) { panic("a fault of the caller's") })
		synctest.Wait()
		if n := w.value(cPanics); n != 2 {
			t.Errorf("%d panics counted", n)
		}
		p.bind(t)
	})
}

// A panic while a SUBSCRIBE is answered leaves no transaction and no
// subscription behind for ever.
func TestSecurity_PanicUnderATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t)
		p := w.udpPhone("201")
		p.bind(t)
		w.desk.failing.Store(true)
		p.write(t, p.phone.write(ask{method: "SUBSCRIBE", uri: "sip:201@example.test", headers: []string{"Event: reg", p.contact()}}))
		<-time.After(time.Second)
		w.desk.failing.Store(false)
		<-time.After(subscribeMost*time.Second + overdue + 2*time.Second)
		synctest.Wait()
		if w.value(cPanics) == 0 {
			t.Fatal("nothing panicked")
		}
		if st := w.Standing(); st != (Standing{}) {
			t.Errorf("left over: %+v", st)
		}
	})
}

// A panic before the answer ends the transaction, which nothing else would.
func TestSecurity_PanicBeforeTheAnswer(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	in := &flow.Inbound{Transport: flow.UDP, Local: here, Remote: there, At: time.Now(), Bytes: []byte(p.write(ask{method: "SUBSCRIBE"}))}
	func() {
		w := s.works.Get().(*work)
		w.begin(s.Endpoint, in)
		defer s.done(w)
		if f := w.m.Parse(in.Bytes, messageLimits, false); f != nil {
			t.Fatal(f)
		}
		w.transact("key", func() func() { panic("a fault of ours") })
	}()
	if !strings.HasPrefix(string(in.Answer), "SIP/2.0 500 ") || s.Standing().Transactions != 0 {
		t.Errorf("%+v\n%s", s.Standing(), in.Answer)
	}
}
