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
		if r.Reason != "Calls Are Not Served Here" {
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

func TestTransactionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t, func(o *Options, _ *registrar.Config) { o.Limits.Transactions = 2 })
		p := w.udpPhone("201")
		p.bind(t)
		for _, want := range []int{405, 405, 503} {
			p.call(t, p.phone.write(ask{method: "MESSAGE", uri: "sip:202@example.test", to: "<sip:202@example.test>"}), want)
		}
		if w.value(cTransactionsFull) != 1 {
			t.Error("not counted")
		}
		<-time.After(33 * time.Second)
		p.call(t, p.phone.write(ask{method: "MESSAGE", uri: "sip:202@example.test", to: "<sip:202@example.test>"}), 405)
	})
}

func TestRequestsOfOursAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWired(t, func(o *Options, _ *registrar.Config) { o.Limits.Clients = 1 })
		p := w.udpPhone("201")
		p.bind(t)
		p.subscribe(t)
		synctest.Wait() // its NOTIFY waits
		done := make(chan result, 1)
		w.clients.send(1, flow.UDP, "NOTIFY", newBranch(), []byte("x"), func(r result) { done <- r })
		if r := <-done; r.status != 503 || w.value(cClientsFull) != 1 {
			t.Errorf("%+v, counted %d", r, w.value(cClientsFull))
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
