package transaction

import (
	"slices"
	"testing"
	"time"
)

var start = time.Unix(1_800_000_000, 0)

// machine is what the tests need of all four.
type machine interface {
	Tick(time.Time) Effects
	Next() time.Time
	State() State
}

// ladder lets time pass until nothing more is due: when something was sent, and how
// it ended.
func ladder(t *testing.T, m machine, from time.Time) (sent []time.Duration, last Effects, at time.Duration) {
	t.Helper()
	for range 1000 {
		next := m.Next()
		if next.IsZero() {
			return sent, last, at
		}
		fx := m.Tick(next)
		if fx.Send != nil {
			sent = append(sent, next.Sub(from))
		}
		if fx.TimedOut || fx.Ended {
			last, at = fx, next.Sub(from)
		}
	}
	t.Fatal("never ends")
	return nil, Effects{}, 0
}

func seconds(of ...float64) (all []time.Duration) {
	for _, s := range of {
		all = append(all, time.Duration(s*float64(time.Second)))
	}
	return all
}

func wantState(t *testing.T, m machine, want State) {
	t.Helper()
	if m.State() != want {
		t.Fatalf("state %v, want %v", m.State(), want)
	}
}

var (
	request  = []byte("request")
	response = []byte("response")
	ackBytes = []byte("ACK")
)

func ackOnce(t *testing.T) func() []byte {
	made := false
	return func() []byte {
		if made {
			t.Error("the ACK was made twice")
		}
		made = true
		return ackBytes
	}
}

func TestRFC3261_17_1_1_2_TimersAAndB(t *testing.T) {
	var m InviteClient
	if fx := m.Start(request, false, Timers{}, start); string(fx.Send) != "request" {
		t.Fatal("not sent")
	}
	sent, last, at := ladder(t, &m, start)
	if !slices.Equal(sent, seconds(0.5, 1.5, 3.5, 7.5, 15.5, 31.5)) {
		t.Errorf("sent again at %v", sent)
	}
	if !last.TimedOut || !last.Ended || at != 32*time.Second {
		t.Errorf("ended %+v at %v", last, at)
	}
}

func TestRFC3261_17_1_1_2_ReliableIsNotRepeated(t *testing.T) {
	var m InviteClient
	m.Start(request, true, Timers{}, start)
	sent, last, at := ladder(t, &m, start)
	if len(sent) != 0 || !last.TimedOut || at != 32*time.Second {
		t.Errorf("sent %v, %+v at %v", sent, last, at)
	}
}

func TestRFC3261_17_1_1_2_ProvisionalStopsTheTimers(t *testing.T) {
	var m InviteClient
	m.Start(request, false, Timers{}, start)
	for range 3 {
		if fx := m.Receive(180, ackOnce(t), start.Add(time.Second)); !fx.Deliver || fx.Send != nil {
			t.Fatalf("%+v", fx)
		}
		wantState(t, &m, Proceeding)
	}
	if !m.Next().IsZero() {
		t.Errorf("something is due at %v", m.Next())
	}
}

func TestRFC3261_17_1_1_3_RefusalIsAcknowledgedEachTime(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		var m InviteClient
		m.Start(request, reliable, Timers{}, start)
		ack := ackOnce(t)
		fx := m.Receive(486, ack, start)
		if string(fx.Send) != "ACK" || !fx.Deliver || fx.Ended != reliable {
			t.Fatalf("reliable %v: %+v", reliable, fx)
		}
		if reliable { // Timer D is zero
			wantState(t, &m, Terminated)
			continue
		}
		wantState(t, &m, Completed)
		if fx := m.Receive(486, ack, start); string(fx.Send) != "ACK" || fx.Deliver {
			t.Fatalf("repeated: %+v", fx)
		}
		if fx := m.Receive(180, ack, start); fx.Send != nil || fx.Deliver {
			t.Fatalf("late 180: %+v", fx)
		}
		_, last, at := ladder(t, &m, start)
		if last.TimedOut || !last.Ended || at != 32*time.Second {
			t.Errorf("Timer D: %+v at %v", last, at)
		}
	}
}

func TestRFC6026_7_2_EverySuccessIsDelivered(t *testing.T) {
	var m InviteClient
	m.Start(request, false, Timers{}, start)
	for range 3 {
		if fx := m.Receive(200, ackOnce(t), start); !fx.Deliver || fx.Send != nil {
			t.Fatalf("%+v", fx)
		}
		wantState(t, &m, Accepted)
	}
	for _, status := range []int{180, 486} {
		if fx := m.Receive(status, ackOnce(t), start); fx.Deliver || fx.Send != nil {
			t.Fatalf("%d after a 2xx: %+v", status, fx)
		}
	}
	if fx := m.Failed(); fx.Failed {
		t.Error("the transport's no counts after a 2xx")
	}
	_, last, at := ladder(t, &m, start)
	if last.TimedOut || !last.Ended || at != 32*time.Second {
		t.Errorf("Timer M: %+v at %v", last, at)
	}
}

func TestRFC3261_17_1_2_2_TimersEAndF(t *testing.T) {
	var m Client
	m.Start(request, false, Timers{}, start)
	sent, last, at := ladder(t, &m, start)
	if !slices.Equal(sent, seconds(0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)) {
		t.Errorf("sent again at %v", sent)
	}
	if !last.TimedOut || !last.Ended || at != 32*time.Second {
		t.Errorf("%+v at %v", last, at)
	}
}

func TestRFC3261_17_1_2_2_ProceedingRepeatsEveryT2(t *testing.T) {
	var m Client
	m.Start(request, false, Timers{}, start)
	if fx := m.Receive(100, start.Add(100*time.Millisecond)); !fx.Deliver {
		t.Fatalf("%+v", fx)
	}
	wantState(t, &m, Proceeding)
	sent, last, at := ladder(t, &m, start)
	if !slices.Equal(sent, seconds(0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5)) {
		t.Errorf("sent again at %v", sent)
	}
	if !last.TimedOut || at != 32*time.Second {
		t.Errorf("%+v at %v", last, at)
	}
}

func TestRFC3261_17_1_2_2_TimerK(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		var m Client
		m.Start(request, reliable, Timers{}, start)
		fx := m.Receive(200, start)
		if !fx.Deliver || fx.Ended != reliable {
			t.Fatalf("reliable %v: %+v", reliable, fx)
		}
		if fx := m.Receive(200, start); fx.Deliver {
			t.Fatal("a repeated response is delivered")
		}
		sent, last, at := ladder(t, &m, start)
		if len(sent) != 0 || !reliable && (!last.Ended || last.TimedOut || at != 5*time.Second) {
			t.Errorf("reliable %v: sent %v, %+v at %v", reliable, sent, last, at)
		}
	}
}

func TestRFC3261_17_2_1_TimersGAndH(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		var m InviteServer
		if fx := m.Start(reliable, Timers{}); !fx.Deliver {
			t.Fatal("not delivered")
		}
		m.Respond(180, []byte("ringing"), start)
		if fx := m.Repeated(); string(fx.Send) != "ringing" || fx.Deliver {
			t.Fatalf("repeated INVITE: %+v", fx)
		}
		m.Respond(486, response, start)
		wantState(t, &m, Completed)
		if fx := m.Respond(200, request, start); fx.Send != nil {
			t.Fatal("a second final response is sent")
		}
		if fx := m.Repeated(); string(fx.Send) != "response" {
			t.Fatalf("repeated INVITE: %+v", fx)
		}
		sent, last, at := ladder(t, &m, start)
		want := seconds(0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
		if reliable {
			want = nil
		}
		if !slices.Equal(sent, want) || !last.TimedOut || !last.Ended || at != 32*time.Second {
			t.Errorf("reliable %v: sent %v, %+v at %v", reliable, sent, last, at)
		}
	}
}

func TestRFC3261_17_2_1_TimerI(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		var m InviteServer
		m.Start(reliable, Timers{})
		m.Respond(486, response, start)
		fx := m.Ack(start)
		if fx.Deliver || fx.Ended != reliable {
			t.Fatalf("reliable %v: %+v", reliable, fx)
		}
		if reliable {
			continue
		}
		wantState(t, &m, Confirmed)
		if fx := m.Repeated(); fx.Send != nil {
			t.Fatal("Confirmed answers a repeated INVITE")
		}
		if fx := m.Ack(start); fx.Deliver || fx.Ended {
			t.Fatalf("second ACK: %+v", fx)
		}
		_, last, at := ladder(t, &m, start)
		if last.TimedOut || !last.Ended || at != 5*time.Second {
			t.Errorf("%+v at %v", last, at)
		}
	}
}

func TestRFC6026_7_1_AcceptedAbsorbsTheInvite(t *testing.T) {
	var m InviteServer
	m.Start(false, Timers{})
	if fx := m.Respond(200, response, start); string(fx.Send) != "response" {
		t.Fatalf("%+v", fx)
	}
	wantState(t, &m, Accepted)
	if fx := m.Repeated(); fx.Send != nil || fx.Deliver {
		t.Fatalf("repeated INVITE: %+v", fx)
	}
	if fx := m.Respond(200, response, start); string(fx.Send) != "response" {
		t.Fatal("the user cannot repeat its 2xx")
	}
	if fx := m.Respond(486, response, start); fx.Send != nil {
		t.Fatal("a refusal after a 2xx")
	}
	if fx := m.Ack(start); !fx.Deliver {
		t.Fatal("the ACK of a 2xx is the user's")
	}
	if fx := m.Failed(); fx.Failed || fx.Ended {
		t.Fatalf("the transport's no: %+v", fx)
	}
	_, last, at := ladder(t, &m, start)
	if last.TimedOut || !last.Ended || at != 32*time.Second {
		t.Errorf("Timer L: %+v at %v", last, at)
	}
}

func TestRFC3261_17_2_2_TimerJ(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		var m Server
		m.Start(reliable, Timers{})
		if fx := m.Repeated(); fx.Send != nil || fx.Deliver {
			t.Fatalf("Trying: %+v", fx)
		}
		m.Respond(100, []byte("trying"), start)
		if fx := m.Repeated(); string(fx.Send) != "trying" {
			t.Fatalf("Proceeding: %+v", fx)
		}
		fx := m.Respond(200, response, start)
		if string(fx.Send) != "response" || fx.Ended != reliable {
			t.Fatalf("reliable %v: %+v", reliable, fx)
		}
		if fx := m.Respond(500, request, start); fx.Send != nil {
			t.Fatal("a second final response is sent")
		}
		if reliable {
			continue
		}
		if fx := m.Repeated(); string(fx.Send) != "response" {
			t.Fatalf("Completed: %+v", fx)
		}
		_, last, at := ladder(t, &m, start)
		if last.TimedOut || !last.Ended || at != 32*time.Second {
			t.Errorf("%+v at %v", last, at)
		}
	}
}

func TestRFC3261_17_TransportErrorsEnd(t *testing.T) {
	var ic InviteClient
	ic.Start(request, true, Timers{}, start)
	var c Client
	c.Start(request, true, Timers{}, start)
	var is InviteServer
	is.Start(true, Timers{})
	is.Respond(486, response, start)
	var s Server
	s.Start(false, Timers{})
	s.Respond(200, response, start)
	for name, fx := range map[string]Effects{
		"INVITE client": ic.Failed(), "client": c.Failed(), "INVITE server": is.Failed(), "server": s.Failed(),
	} {
		if !fx.Failed || !fx.Ended {
			t.Errorf("%s: %+v", name, fx)
		}
	}
	for name, m := range map[string]machine{"INVITE client": &ic, "client": &c, "INVITE server": &is, "server": &s} {
		if m.State() != Terminated || !m.Next().IsZero() {
			t.Errorf("%s: %v, due %v", name, m.State(), m.Next())
		}
	}
}

func TestRFC3261_9_1_AbandonedAfterCancel(t *testing.T) {
	var m InviteClient
	m.Start(request, false, Timers{}, start)
	m.Receive(180, ackOnce(t), start)
	if fx := m.Abandon(); !fx.Ended || m.State() != Terminated {
		t.Errorf("%+v, %v", fx, m.State())
	}
	if fx := m.Receive(200, ackOnce(t), start); fx.Deliver {
		t.Error("a 2xx after the end is delivered")
	}
}

// FuzzMachines drives all four with what comes, in any order: none acts after its
// end, and each ends once its time is over.
func FuzzMachines(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{2, 2, 6, 6, 1, 1, 0xff})
	statuses := []int{100, 180, 200, 299, 300, 486, 699}
	f.Fuzz(func(t *testing.T, in []byte) {
		now := start
		var ic InviteClient
		var c Client
		var is InviteServer
		var s Server
		reliable := len(in) > 0 && in[0]&1 == 1
		ic.Start(request, reliable, Timers{}, now)
		c.Start(request, reliable, Timers{}, now)
		is.Start(reliable, Timers{})
		s.Start(reliable, Timers{})
		for _, x := range in {
			status := statuses[int(x>>3)%len(statuses)]
			before := [...]State{ic.State(), c.State(), is.State(), s.State()}
			var fx [4]Effects
			switch x & 7 {
			case 0, 1:
				fx[0] = ic.Receive(status, func() []byte { return ackBytes }, now)
				fx[1] = c.Receive(status, now)
			case 2, 3:
				fx[2], fx[3] = is.Respond(status, response, now), s.Respond(status, response, now)
			case 4:
				fx[2], fx[3] = is.Repeated(), s.Repeated()
			case 5:
				fx[2] = is.Ack(now)
			default:
				now = now.Add(time.Duration(x) * 20 * time.Millisecond)
				fx = [4]Effects{ic.Tick(now), c.Tick(now), is.Tick(now), s.Tick(now)}
			}
			for i, was := range before {
				if was == Terminated && (fx[i].Send != nil || fx[i].Deliver || fx[i].TimedOut || fx[i].Ended) {
					t.Fatalf("machine %d acts after its end: %+v", i, fx[i])
				}
			}
		}
		for i, m := range []machine{&ic, &c, &is, &s} {
			open := m.State() == Proceeding || i == 3 && m.State() == Trying
			ladder(t, m, now)
			if !open && m.State() != Terminated {
				t.Fatalf("machine %d stays in %v", i, m.State())
			}
		}
	})
}
