package sip

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/signaling/sip/message"
)

// counted is one of the endpoint's counters.
func (w *wired) counted(name string) uint64 {
	for _, c := range w.Counters() {
		if c.Name == name {
			return c.Value
		}
	}
	return 0
}

// Who knows all names of a call, and is elsewhere, does nothing to it: it is asked for
// credentials, and others' are refused. The phone itself may move, if it proves who it is,
// or registers there.
func TestCall_RequestsFromElsewhereMustProveWhoSentThem(t *testing.T) {
	elsewhere := netip.MustParseAddrPort("127.0.9.9:5070")
	t.Run("a stranger", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, _ := wiredCalls(t)
			c := establish(t, w)
			thief := &set{newPhone("201"), udpLine{w.udp, elsewhere}}
			thief.via, thief.callID = elsewhere.String(), c.a.callID
			for i, method := range []string{"BYE", "INFO", "UPDATE", "REFER", "OPTIONS", "INVITE"} {
				thief.write(t, thief.within(c.atA, method, c.cseq+1+i, c.a.contact(), "Refer-To: <sip:203@"+realm+">"))
				thief.response(t, 401)
			}
			other := newPhone("202")
			other.via, other.callID = elsewhere.String(), c.a.callID
			thief.write(t, thief.within(c.atA, "BYE", c.cseq+9))
			other.learn(t, thief.response(t, 401))
			text := other.write(ask{method: "BYE", uri: "sip:x@127.0.0.11", from: "201", to: c.atA.header(message.HTo), cseq: c.cseq + 10})
			thief.write(t, swapTag(text, "f202", "f201"))
			thief.response(t, 403)
			if got := c.b.read(t, time.Second); got != "" {
				t.Errorf("B got\n%s", got)
			}
			if n := w.counted("leg_elsewhere"); n != 8 {
				t.Errorf("leg_elsewhere is %d, want 8", n)
			}
			c.a.write(t, c.a.within(c.atA, "BYE", c.cseq+1))
			c.a.response(t, 200)
			c.b.respond(t, c.b.expect(t, "BYE"), 200, "")
		})
	})
	t.Run("the phone, with proof", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, _ := wiredCalls(t)
			c := establish(t, w)
			moved := &set{c.a.phone, udpLine{w.udp, elsewhere}}
			moved.via = elsewhere.String()
			moved.write(t, moved.within(c.atA, "BYE", c.cseq+1))
			moved.learn(t, moved.response(t, 401))
			proven := moved.phone.write(ask{method: "BYE", uri: "sip:x@127.0.0.11", to: c.atA.header(message.HTo), cseq: c.cseq + 2})
			moved.write(t, proven)
			moved.response(t, 200)
			c.b.respond(t, c.b.expect(t, "BYE"), 200, "")
			moved.write(t, proven) // repeated: the same answer
			moved.response(t, 200)
			synctest.Wait()
		})
	})
	t.Run("the phone, registered there", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, _ := wiredCalls(t)
			c := establish(t, w)
			was := c.a.callID
			moved := w.phoneAt("201", elsewhere)
			moved.callID = "another"
			moved.bind(t)
			moved.callID = was
			moved.write(t, moved.within(c.atA, "BYE", c.cseq+1))
			moved.response(t, 200)
			c.b.respond(t, c.b.expect(t, "BYE"), 200, "")
			synctest.Wait()
		})
	})
	t.Run("who is called", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, _ := wiredCalls(t)
			c := establish(t, w)
			thief := &set{newPhone("202"), udpLine{w.udp, elsewhere}}
			thief.via, thief.callID = elsewhere.String(), c.atB.CallID
			text := thief.phone.write(ask{method: "BYE", uri: "sip:x@127.0.0.11", to: c.atB.header(message.HFrom), cseq: 5, auth: "-"})
			thief.write(t, swapTag(text, "f202", "t202"))
			thief.response(t, 401)
			c.a.write(t, c.a.within(c.atA, "BYE", c.cseq+1))
			c.a.response(t, 200)
			c.b.respond(t, c.b.expect(t, "BYE"), 200, "")
			synctest.Wait()
		})
	})
}

func swapTag(text, from, to string) string { return strings.Replace(text, "tag="+from, "tag="+to, 1) }

// Emergency calls have room where others have none, and not without end.
func TestGU6_RoomForEmergencyCallsIsBounded(t *testing.T) {
	s := newLegs(&Endpoint{o: Options{Limits: Limits{LegsPerNumber: 2}}}, 10)
	s.live, s.byNumber["201"] = 10, 2
	for range emergencyLegsPerNumber {
		if s.room("201", false) || !s.room("201", true) {
			t.Fatalf("with %d legs of the phone", s.byNumber["201"])
		}
		s.live, s.byNumber["201"] = s.live+1, s.byNumber["201"]+1
	}
	if s.room("201", true) || !s.room("202", true) {
		t.Error("one phone has all the room, or another none")
	}
	if s.live = 10 + emergencyLegs; s.room("202", true) {
		t.Error("there is room without end")
	}
}
