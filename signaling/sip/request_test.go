package sip

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// toNeighbour is a request of ours to a neighbour at an address.
func (w *wired) toNeighbour(t testing.TB, line string) Request {
	t.Helper()
	id, err := w.FlowTo(here, there)
	if err != nil {
		t.Fatal(err)
	}
	return Request{
		Flow: id, Method: "REGISTER", URI: "sip:carrier.test", From: "<sip:u@carrier.test>", FromTag: "f1", To: "<sip:u@carrier.test>",
		CallID: "reg-1", CSeq: 7, ContactUser: line, Header: []message.HeaderLine{{Name: "Expires", Value: "600"}},
	}
}

func TestRequest_IsSentAndAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wiredCalls(t)
		carrier := w.phoneAt("777", there)
		got := make(chan Response, 1)
		go func() { got <- w.Request(t.Context(), w.toNeighbour(t, "line#1")) }()
		r := carrier.expect(t, "REGISTER")
		contact, _ := r.Get(message.HContact)
		if r.URI != "sip:carrier.test" || r.CSeq != 7 || r.From.Tag() != "f1" || r.CallID != "reg-1" || contact != "<sip:line%231@"+here.String()+">" {
			t.Errorf("sent\n%s", r.raw)
		}
		if v, _ := r.Expires(); v != 600 || !strings.HasPrefix(r.Via.Branch(), message.MagicCookie) {
			t.Errorf("sent\n%s", r.raw)
		}
		carrier.respond(t, r, 100, "")
		carrier.respond(t, r, 423, "", "Min-Expires: 1800")
		a := <-got
		if a.Status != 423 || a.Message == nil || a.Contact != "sip:line%231@"+here.String() {
			t.Fatalf("%+v", a)
		}
		if v, _ := a.Message.Get(message.HMinExpires); v != "1800" {
			t.Errorf("Min-Expires %q", v)
		}
	})
}

func TestRequest_NoAnswerAndNoFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wiredCalls(t)
		r := w.toNeighbour(t, "")
		begun := time.Now()
		if a := w.Request(t.Context(), r); a.Status != 408 || a.Message != nil || time.Since(begun) < 30*time.Second {
			t.Errorf("%+v after %v", a, time.Since(begun))
		}
		begun = time.Now()
		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if a := w.Request(short, r); a.Status != 408 || time.Since(begun) != 3*time.Second {
			t.Errorf("%+v after %v", a, time.Since(begun))
		}
		if s := w.Standing(); s.Clients != 0 {
			t.Errorf("%d requests are left", s.Clients)
		}
		r.Flow = 1 << 40
		if a := w.Request(t.Context(), r); a.Status != statusFlowFailed {
			t.Errorf("over no flow: %+v", a)
		}
	})
}

// A trunk that is called by the contact that it was registered with: who is dialled stands
// in P-Called-Party-ID or To. Nobody is a trunk by what he says of himself.
func TestCall_ToTheContactOfARegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wiredCalls(t)
		b.peerOf = func(p FlowPeer) (Neighbour, bool) {
			return Neighbour{Kind: call.Trunk, Name: "carrier", Line: true}, p.User == "t0123"
		}
		carrier := w.phoneAt("777", there)
		for i, c := range []struct{ header, want string }{{"Subject: x", "4930202"}, {"P-Called-Party-ID: <sip:4930203@carrier.test>", "4930203"}, {"p-called-party-id: <<", "4930202"}} {
			raw := carrier.phone.write(ask{method: "INVITE", uri: "sip:t0123@" + here.String(), to: "<sip:4930202@carrier.test>", auth: "-",
				headers: []string{carrier.contact(), "Content-Type: application/sdp", c.header}, body: offerOfA})
			carrier.write(t, raw)
			carrier.response(t, 100)
			carrier.response(t, 404)
			synctest.Wait()
			b.mu.Lock()
			if len(b.invited) != i+1 || b.invited[i].To != c.want || b.invited[i].Peer != call.Trunk || b.invited[i].PeerName != "carrier" {
				t.Errorf("invited %+v", b.invited)
			}
			b.mu.Unlock()
		}
		carrier.write(t, carrier.phone.write(ask{method: "INVITE", uri: "sip:t0124@" + here.String(), to: "<sip:4930202@carrier.test>", auth: "-",
			headers: []string{carrier.contact()}, body: ""}))
		carrier.response(t, 401)
	})
}

// GU6: no limit on legs stands in the way of an emergency call, in or out.
func TestGU6_LimitsOnLegsLetEmergencyCallsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wiredCalls(t, func(o *Options, _ *registrar.Config) { o.Limits.Legs, o.Limits.LegsPerNumber = 2, 1 })
		c := establish(t, w)
		another := w.phoneAt("203", nearby)
		another.bind(t)
		another.write(t, another.invite("201", offerOfA))
		another.response(t, 503)
		another.write(t, another.invite("112", offerOfA))
		another.response(t, 100)
		another.response(t, 404) // by the board: it got through
		b.mu.Lock()
		if last := b.invited[len(b.invited)-1]; last.To != "112" {
			t.Errorf("the last one invited: %+v", last)
		}
		b.mu.Unlock()
		all := b.desk.registrar.Lookup("202", time.Now())
		w.Dial(DialTarget{Kind: call.Phone, Registration: &all[0]}, b.NewLeg(), call.Dial{To: "202", Hops: 70, Emergency: true})
		c.b.expect(t, "INVITE")
	})
}

// An INVITE through a proxy that stays in the path: its Via and its Record-Route both come
// back as they were (RFC 3261 §8.2.6.2, §12.1.1). Kamailio found that they did not.
func TestRFC3261_12_1_1_RecordRouteDoesNotSpoilVia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wiredCalls(t)
		b.peerOf = func(FlowPeer) (Neighbour, bool) { return Neighbour{Kind: call.Trunk, Name: "carrier"}, true }
		carrier := w.phoneAt("777", there)
		route := "<sip:127.0.0.13;lr;ftag=f6wzrlc2cfpef37qoobnlbgbvy>"
		carrier.write(t, carrier.phone.write(ask{method: "INVITE", uri: "sip:777@" + here.String(), to: "<sip:777@carrier.test>", auth: "-",
			headers: []string{"Record-Route: " + route, carrier.contact(), "Content-Type: application/sdp"}, body: offerOfA}))
		trying := carrier.response(t, 100)
		if trying.Via.Branch() == "" || strings.Contains(trying.raw, "Record-Route") {
			t.Errorf("100 is\n%s", trying.raw)
		}
	})
}
