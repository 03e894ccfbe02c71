package sip

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/message"
)

var carrier = netip.MustParseAddrPort("127.0.9.9:5060")

func TestCall_CancelRacesTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		a, b := w.phoneAt("201", there), w.phoneAt("202", nearby)
		a.bind(t)
		b.bind(t)
		invite := a.invite("202", offerOfA)
		a.write(t, invite)
		a.response(t, 100)
		atB := b.expect(t, "INVITE")
		b.respond(t, atB, 180, "")
		a.response(t, 180)
		// A gives up; B answers before the CANCEL reaches it.
		a.write(t, cancelOf(invite))
		a.response(t, 200)
		a.response(t, 487)
		cancel := b.expect(t, "CANCEL")
		b.respond(t, atB, 200, answerOfB)
		b.expect(t, "ACK")
		bye := b.expect(t, "BYE")
		b.respond(t, cancel, 200, "")
		b.respond(t, bye, 200, "")
		a.write(t, ackOf(invite, "T"))
		pass(time.Minute)
		if s := w.Standing(); s.Legs != 0 || s.FadingLegs != 0 {
			t.Errorf("legs are left: %+v", s)
		}
		if _, ok := board.last(1).(call.Cancelled); !ok {
			t.Errorf("A's leg ended by %#v", board.last(1))
		}
	})
}

// cancelOf makes the CANCEL of an INVITE.
func cancelOf(invite string) string {
	head, _, _ := strings.Cut(strings.Replace(invite, "INVITE ", "CANCEL ", 1), "Content-Type")
	return strings.Replace(head, " INVITE\r\n", " CANCEL\r\n", 1) + "Content-Length: 0\r\n\r\n"
}

// ackOf makes the ACK of an INVITE's refusal.
func ackOf(invite, tag string) string {
	s := strings.ReplaceAll(cancelOf(invite), "CANCEL", "ACK")
	return strings.Replace(s, "@"+realm+">\r\nCall-ID", "@"+realm+">;tag="+tag+"\r\nCall-ID", 1)
}

func TestCall_RepeatedInviteMakesOneLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		a, b := w.phoneAt("201", there), w.phoneAt("202", nearby)
		a.bind(t)
		b.bind(t)
		invite := a.invite("202", offerOfA)
		for range 3 {
			a.write(t, invite)
			a.response(t, 100)
		}
		b.expect(t, "INVITE")
		synctest.Wait()
		if len(board.invited) != 1 || w.Standing().Legs != 2 {
			t.Errorf("invited %d times, %d legs", len(board.invited), w.Standing().Legs)
		}
		// The same request on another path (RFC 3261 §8.2.2.2).
		a.write(t, strings.Replace(invite, "branch=z9hG4bK", "branch=z9hG4bKother", 1))
		a.response(t, 482)
		if w.value(cMerged) != 1 {
			t.Error("not counted")
		}
	})
}

func TestCall_NobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wiredCalls(t)
		a := w.phoneAt("201", there)
		a.bind(t)
		invite := a.invite("404", offerOfA)
		a.write(t, invite)
		a.response(t, 100)
		r := a.response(t, 404)
		a.write(t, ackOf(invite, r.To.Tag()))
		pass(10 * time.Second)
		if w.Standing() != (Standing{}) {
			t.Errorf("left: %+v", w.Standing())
		}
	})
}

func TestCall_EndedLegsAreForgottenWhenTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wiredCalls(t, func(o *Options, _ *registrar.Config) { o.Limits.Legs = 3 })
		a := w.phoneAt("201", there)
		a.bind(t)
		for i := range 5 {
			a.callID = "call-" + string(rune('a'+i))
			a.write(t, a.invite("404", offerOfA))
			a.response(t, 100)
			a.response(t, 404) // and no ACK
		}
		synctest.Wait()
		if s := w.Standing(); s.Legs != 0 || s.FadingLegs != 3 || w.value(cLegsForgotten) != 2 || w.value(cLegsFull) != 0 {
			t.Errorf("%+v, %d forgotten, %d refused", s, w.value(cLegsForgotten), w.value(cLegsFull))
		}
		pass(time.Minute)
		if w.Standing() != (Standing{}) {
			t.Errorf("left: %+v", w.Standing())
		}
	})
}

func TestCall_StrangerIsChallengedBeforeAnythingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		a := w.phoneAt("201", there)
		a.write(t, a.phone.write(ask{method: "INVITE", uri: "sip:202@" + realm, to: "<sip:202@" + realm + ">",
			headers: []string{a.contact()}, body: offerOfA}))
		a.response(t, 401)
		if w.Standing().Legs != 0 || w.Standing().Transactions != 0 || len(board.invited) != 0 {
			t.Errorf("something is kept: %+v", w.Standing())
		}
	})
}

func TestCall_StrangersByeWithAGuessedCallID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		c := establish(t, w)
		mallory := w.phoneAt("203", carrier)
		mallory.callID = c.a.callID
		mallory.write(t, mallory.phone.write(ask{method: "BYE", from: "201", auth: "-",
			to: "<sip:202@" + realm + ">;tag=guess", headers: []string{mallory.contact()}}))
		mallory.response(t, 481)
		// Even with our tag, the far end's is wrong.
		mallory.write(t, mallory.phone.write(ask{method: "BYE", from: "201", auth: "-",
			to: c.atA.header(message.HTo), headers: []string{mallory.contact()}}))
		mallory.response(t, 481)
		synctest.Wait()
		if w.value(cUnknownDialog) != 1 || w.value(cOdd) != 1 {
			t.Errorf("unknown dialog %d, stranger %d", w.value(cUnknownDialog), w.value(cOdd))
		}
		if _, ok := board.last(1).(call.Connected); !ok {
			t.Errorf("the call was harmed: %#v", board.last(1))
		}
	})
}

func TestVP4_PreservedDirectCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		board.preserved = call.DialogID{CallID: "call-201", ToTag: "home", FromTag: "f201"}
		a := w.phoneAt("201", there)
		stray := func(method string) string {
			return a.phone.write(ask{method: method, auth: "-", to: "<sip:202@" + realm + ">;tag=home", headers: []string{a.contact()}})
		}
		for _, method := range []string{"INVITE", "UPDATE", "REFER"} {
			a.write(t, stray(method))
			a.response(t, 481)
		}
		bye := stray("BYE")
		for range 2 {
			a.write(t, bye)
			a.response(t, 200)
		}
		if w.value(cPreserved) != 1 {
			t.Errorf("the record was ended %d times", w.value(cPreserved))
		}
		if w.Standing().Legs != 0 {
			t.Error("a leg was made")
		}
		pass(time.Minute)
	})
}

func TestCall_NeighbourIsNotChallenged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		board.peerOf = func(p FlowPeer) (Neighbour, bool) {
			return Neighbour{Kind: call.Trunk, Name: "carrier"}, p.Source == carrier && p.Local == here
		}
		b := w.phoneAt("202", nearby)
		b.bind(t)
		trunk := w.phoneAt("900", carrier)
		trunk.write(t, trunk.invite("202", offerOfA, "P-Asserted-Identity: <sip:+44123@carrier.test>"))
		trunk.response(t, 100)
		in := b.expect(t, "INVITE")
		if n, _ := in.From.URI.Number(); n != "+44123" {
			t.Errorf("B sees %q", n)
		}
		ev := board.invited[0]
		if ev.Peer != call.Trunk || ev.PeerName != "carrier" || board.origins[1].Number != "" {
			t.Errorf("%+v %+v", ev, board.origins[1])
		}
	})
}

func TestCall_LimitsAreCountedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wiredCalls(t, func(o *Options, _ *registrar.Config) { o.Limits.LegsPerNumber = 2 })
		a := w.phoneAt("201", there)
		b := w.phoneAt("202", nearby)
		a.bind(t)
		b.bind(t)
		for i, want := range []int{100, 100, 503} {
			a.callID = "call-" + string(rune('a'+i))
			a.write(t, a.invite("202", offerOfA))
			a.response(t, want)
		}
		if w.value(cLegsFull) != 1 {
			t.Error("not counted")
		}
	})
}

func TestCall_ForgottenUDPFlowIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wiredCalls(t)
		c := establish(t, w)
		for _, l := range w.legs.byID {
			w.CloseFlow(registrar.FlowID(l.dialog.Path().Flow))
		}
		c.a.write(t, c.a.within(c.atA, "BYE", c.cseq+1))
		c.a.response(t, 200)
		c.b.expect(t, "BYE")
	})
}

func TestCall_DeadStreamIs430AndAReturnedOneIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		a := w.phoneAt("201", there)
		a.bind(t)
		b := w.tcpPhone("202")
		b.bind(t)
		a.write(t, a.invite("202", offerOfA))
		cseq := a.cseq
		a.response(t, 100)
		atB := b.expect(t, "INVITE")
		if atB.Via.Transport != "TCP" {
			t.Errorf("Via %s", atB.Via.Text)
		}
		b.respond(t, atB, 200, answerOfB)
		b.expect(t, "ACK")
		atA := a.response(t, 200)
		a.write(t, a.within(atA, "ACK", cseq))
		synctest.Wait()
		// B's connection breaks; it comes back and registers with the same contact.
		contact := w.desk.registrar.Lookup("202", time.Now())[0].Contact
		b.close()
		synctest.Wait()
		again := w.tcpPhone("202")
		again.callID = "again"
		again.bind(t)
		if now := w.desk.registrar.Lookup("202", time.Now())[0].Contact; now != contact {
			t.Fatalf("the test's phone came back as %s, was %s", now, contact)
		}
		a.write(t, a.within(atA, "BYE", cseq+1))
		a.response(t, 200)
		again.expect(t, "BYE")
		if w.value(cLegMoved) != 1 {
			t.Error("not counted")
		}
		// A call to a flow that is gone is refused at once.
		r := w.desk.registrar.Lookup("202", time.Now())[0]
		again.close()
		synctest.Wait()
		id := board.NewLeg()
		w.Dial(DialTarget{Kind: call.Phone, Registration: &r}, id, call.Dial{To: "202", Offer: call.Body{Type: "application/sdp", Data: []byte(offerOfA)}})
		if ev, ok := board.last(id).(call.Refused); !ok || ev.Cause.Status != 430 {
			t.Errorf("%#v", board.last(id))
		}
	})
}

func TestCall_HoldPassesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wiredCalls(t)
		c := establish(t, w)
		hold := strings.Replace(answerOfB, "m=audio", "a=sendonly\r\nm=audio", 1)
		// B holds; A agrees.
		c.b.write(t, c.b.phone.write(ask{
			method: "INVITE", uri: "sip:201@127.0.0.11:5060", auth: "-", body: hold,
			to:      c.atB.header(message.HFrom),
			headers: []string{c.b.contact(), "Content-Type: application/sdp"},
		}))
		if r := c.b.response(t, 481); r == nil { // B's own From has another tag and Call-ID
			t.Fatal("no answer")
		}
		c.b.callID = c.atB.CallID
		raw := strings.Replace(c.b.phone.write(ask{
			method: "INVITE", uri: "sip:201@127.0.0.11:5060", auth: "-", body: hold,
			to:      c.atB.header(message.HFrom),
			headers: []string{c.b.contact(), "Content-Type: application/sdp"},
		}), "tag=f202", "tag=t202", 1)
		c.b.write(t, raw)
		re := c.a.expect(t, "INVITE")
		if re.Body != hold {
			t.Errorf("offer at A %q", re.Body)
		}
		c.a.write(t, string(message.AppendResponse(nil, &re.Message, message.Reply{
			Status: 200, Reason: "OK", Header: []message.HeaderLine{{Name: "Contact", Value: "<sip:201@127.0.1.1:5070>"}},
			ContentType: "application/sdp", Body: []byte(offerOfA),
		})))
		c.a.expect(t, "ACK")
		if ok := c.b.response(t, 200); ok.Body != offerOfA {
			t.Errorf("answer at B %q", ok.Body)
		}
	})
}

func TestCall_PanicOfTheSwitchboardCostsOneLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		c := establish(t, w)
		board.mu.Lock()
		board.panics = true
		board.mu.Unlock()
		c.a.write(t, c.a.within(c.atA, "INFO", c.cseq+1))
		synctest.Wait()
		board.mu.Lock()
		board.panics = false
		board.mu.Unlock()
		if w.value(cPanics) != 1 {
			t.Errorf("%d panics", w.value(cPanics))
		}
		if ev, ok := board.last(1).(call.Ended); !ok || ev.Cause.Status != 500 {
			t.Errorf("%#v", board.last(1))
		}
		c.b.expect(t, "BYE")
	})
}

func TestRFC3327_PathIsTheRouteToAPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, board := wiredCalls(t)
		edge := w.phoneAt("202", nearby)
		w.Dial(DialTarget{Kind: call.Phone, Registration: &registrar.Registration{
			Number: "202", Transport: registrar.UDP, Source: nearby, Contact: "sip:202@10.0.0.2",
			Path: "<sip:edge.example.test;lr>, <sip:inner.example.test;lr>",
		}}, board.NewLeg(), call.Dial{To: "202", Hops: 9, Offer: call.Body{Type: "application/sdp", Data: []byte(offerOfA)}})
		in := edge.expect(t, "INVITE")
		if got := strings.Join(in.all(message.HRoute), " "); in.URI != "sip:202@10.0.0.2" ||
			got != "<sip:edge.example.test;lr> <sip:inner.example.test;lr>" {
			t.Errorf("%s via %s", in.URI, got)
		}
		edge.respond(t, in, 486, "")
		edge.expect(t, "ACK")
		if ev, ok := board.last(1).(call.Refused); !ok || ev.Cause.Status != 486 {
			t.Errorf("%#v", board.last(1))
		}
	})
}
