package ras

import (
	"reflect"
	"testing"
	"time"

	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

func (r *rig) irr(seq uint16, id string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageInfoRequestResponse, InfoRequestResponse: &h225.InfoRequestResponse{
		RequestSeqNum: seq, EndpointType: terminal(), EndpointIdentifier: bmp(id), RasAddress: writeAddress(phone),
		CallSignalAddress: addresses(phone),
	}}
}

func TestTTL_H225_7_9_2_IRQBeforeURQ(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	if early := r.tick(59 * time.Second); len(early) != 0 {
		t.Fatalf("early: %s", show(early[0]))
	}
	for i, wait := range []time.Duration{time.Second, 3 * time.Second, 3 * time.Second} {
		got := r.tick(wait)
		if len(got) != 1 || got[0].InfoRequest == nil || r.out.Packets[0].To != phone {
			t.Fatalf("try %d: %d packets", i, len(got))
		}
	}
	got := r.tick(3 * time.Second)
	if len(got) != 1 {
		t.Fatal("no URQ")
	}
	wants(t, got[0], `"unregistrationRequest"`, `"ttlExpired"`, `"endpointIdentifier":"`+id+`"`, `"gatekeeperIdentifier":"gkA"`)
	if want := []Event{Gone{"2001", id, Expired}}; !reflect.DeepEqual(r.out.Events, want) {
		t.Errorf("%+v", r.out.Events)
	}
	if _, ok := r.g.Next(); ok || r.g.Len() != 0 || r.g.Counters().Lost != 1 {
		t.Errorf("something is left: %+v", r.g.Counters())
	}
}

func TestTTL_IRRGivesAnotherTimeToLive(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	irq := r.tick(61 * time.Second)[0].InfoRequest
	r.ask(r.irr(irq.RequestSeqNum+1, id), phone) // not the answer
	r.ask(r.irr(irq.RequestSeqNum, id), other)   // not from there
	if r.g.Len() != 1 || len(r.desk.recorded) != 1 {
		t.Fatal("a wrong IRR counts")
	}
	r.ask(r.irr(irq.RequestSeqNum, id), phone)
	if e, _ := r.g.Endpoint("2001"); e.Expires != r.now.Add(time.Minute) || len(r.desk.recorded) != 2 {
		t.Errorf("%+v", e)
	}
	if got := r.tick(59 * time.Second); len(got) != 0 {
		t.Error(show(got[0]))
	}
	if got := r.tick(2 * time.Second); len(got) != 1 || got[0].InfoRequest == nil {
		t.Error("not asked again")
	}
	wants(t, r.ask(r.keepAlive(id), phone), "registrationConfirm") // a late keep-alive
	if got := r.tick(10 * time.Second); len(got) != 0 {
		t.Errorf("still asked: %s", show(got[0]))
	}
}

func TestTTL_ManyRefreshesKeepTheAgendaSmall(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	for range 100 {
		wants(t, r.ask(r.keepAlive(id), phone), "registrationConfirm")
		if got := r.tick(15 * time.Second); len(got) != 0 {
			t.Fatalf("%s", show(got[0]))
		}
	}
	if len(r.g.agenda) != 1 {
		t.Errorf("%d items", len(r.g.agenda))
	}
}

func TestFB4_URQMaintenanceNamesTheHomeAndIsRepeated(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	r.out.Reset()
	if !r.g.Unregister("2001", []Alternate{{Address: homeAddr, Identifier: "gkHome"}}, r.now, &r.out) {
		t.Fatal("not registered")
	}
	urq := r.answers()[0]
	wants(t, urq, `"maintenance"`, `"endpointIdentifier":"`+id+`"`, `"gatekeeperIdentifier":"gkA"`, `"ip":"c6336402"`, `"gatekeeperIdentifier":"gkHome"`)
	again := r.tick(3 * time.Second)
	if len(again) != 1 || again[0].UnregistrationRequest.RequestSeqNum != urq.UnregistrationRequest.RequestSeqNum {
		t.Fatal("not repeated")
	}
	ucf := &h225.RasMessage{Choice: h225.RasMessageUnregistrationConfirm, UnregistrationConfirm: &h225.UnregistrationConfirm{
		RequestSeqNum: urq.UnregistrationRequest.RequestSeqNum}}
	r.ask(ucf, other)
	if r.g.Len() != 1 || r.g.Counters().Unexpected != 1 {
		t.Error("a stranger's UCF counts")
	}
	r.ask(ucf, phone)
	if want := []Event{UnregisterResult{"2001", true}, Gone{"2001", id, SentHome}}; !reflect.DeepEqual(r.out.Events, want) {
		t.Errorf("%+v", r.out.Events)
	}
	if len(r.tick(time.Minute)) != 0 || r.g.Len() != 0 {
		t.Error("something is left")
	}
	wants(t, r.ask(r.rrq(phone, "2001"), phone), "registrationConfirm") // FB5: the home refused it, the door is open
}

func TestFB4_URQThatIsRejectedOrIgnored(t *testing.T) {
	for name, reject := range map[string]bool{"URJ": true, "no answer": false} {
		r := newRig(t)
		r.registered("2001")
		r.out.Reset()
		r.g.Unregister("2001", nil, r.now, &r.out)
		urq := r.answers()[0].UnregistrationRequest
		if reject {
			r.ask(&h225.RasMessage{Choice: h225.RasMessageUnregistrationReject, UnregistrationReject: &h225.UnregistrationReject{
				RequestSeqNum: urq.RequestSeqNum, RejectReason: h225.UnregRejectReason{Choice: h225.UnregRejectReasonCallInProgress},
			}}, phone)
		} else {
			r.tick(3 * time.Second)
			r.tick(3 * time.Second)
			r.tick(3 * time.Second)
		}
		if want := []Event{UnregisterResult{"2001", false}}; !reflect.DeepEqual(r.out.Events, want) || r.g.Len() != 1 {
			t.Errorf("%s: %+v", name, r.out.Events)
		}
	}
	if r := newRig(t); r.g.Unregister("2001", nil, r.now, &r.out) {
		t.Error("unregistered nobody")
	}
}

func TestRIP_H225_7_15_PutsARepeatOff(t *testing.T) {
	r := newRig(t)
	r.registered("2001")
	r.out.Reset()
	r.g.Unregister("2001", nil, r.now, &r.out)
	seq := r.answers()[0].UnregistrationRequest.RequestSeqNum
	r.ask(&h225.RasMessage{Choice: h225.RasMessageRequestInProgress, RequestInProgress: &h225.RequestInProgress{RequestSeqNum: seq, Delay: 65535}}, phone)
	if got := r.tick(29 * time.Second); len(got) != 0 {
		t.Errorf("repeated all the same: %s", show(got[0]))
	}
	if got := r.tick(2 * time.Second); len(got) != 1 { // no more than 30 s
		t.Error("put off for ever")
	}
}

func TestURQ_H225_7_10_OfAnEndpoint(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	wants(t, r.ask(r.urqFor(id), other), `"unregistrationReject"`, `"securityDenial"`)
	wants(t, r.ask(r.urqFor(id), phone), `"unregistrationConfirm"`)
	if want := []Event{Gone{"2001", id, Unregistered}}; !reflect.DeepEqual(r.out.Events, want) {
		t.Errorf("%+v", r.out.Events)
	}
	if last := r.desk.asked[len(r.desk.asked)-1]; last.Kind != KindUnregister || last.Number != "2001" {
		t.Errorf("asked %+v", last)
	}
	wants(t, r.ask(r.urqFor(id), phone), `"notCurrentlyRegistered"`)
	r.desk.shared["9_gkHome"] = Endpoint{ID: "9_gkHome", Number: "2002"} // registered elsewhere, takes leave of us
	wants(t, r.ask(r.urqFor("9_gkHome"), phone), `"unregistrationConfirm"`)
}

func TestURQ_H225_7_10_OfSomeAliasesOnly(t *testing.T) {
	r := newRig(t)
	r.ask(r.rrq(phone, "2001", "7", "8"), phone)
	e, _ := r.g.Endpoint("2001")
	m := r.urqFor(e.ID)
	m.UnregistrationRequest.EndpointAlias = digits("7")
	wants(t, r.ask(m, phone), `"unregistrationConfirm"`)
	if e, ok := r.g.Endpoint("2001"); !ok || len(e.Aliases) != 2 || len(r.out.Events) != 0 {
		t.Errorf("%+v", e)
	}
	wants(t, r.ask(r.rrq(other, "2002", "7"), other), "registrationConfirm") // 7 is free now
	m = r.urqFor("")
	m.UnregistrationRequest.EndpointIdentifier = nil
	m.UnregistrationRequest.EndpointAlias = digits("8", "2001")
	wants(t, r.ask(m, phone), `"unregistrationConfirm"`)
	if r.g.Len() != 1 {
		t.Error("still registered")
	}
}

func TestIRR_H225_7_14_2_UnsolicitedIsAcknowledged(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	m := r.irr(500, id)
	if got := r.ask(m, phone); got != nil {
		t.Errorf("%s", show(got))
	}
	m.InfoRequestResponse.NeedResponse = per.Some(true)
	wants(t, r.ask(m, phone), `"infoRequestAck"`)
	wants(t, r.ask(m, other), `"infoRequestNak"`, `"securityDenial"`)
	m.InfoRequestResponse.EndpointIdentifier = bmp("nobody")
	wants(t, r.ask(m, phone), `"infoRequestNak"`, `"notRegistered"`)
}

func TestDrop_SaysNothingAndAKeepAliveRegistersAnew(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	if r.g.Drop("2001", r.now.Add(-1)) || !r.g.Drop("2001", r.now) || r.g.Drop("2001", r.now) {
		t.Error("dropped")
	}
	if got := r.tick(time.Hour); len(got) != 0 || len(r.out.Events) != 0 {
		t.Errorf("%+v", r.out.Events)
	}
	wants(t, r.ask(r.keepAlive(id), phone), `"fullRegistrationRequired"`)
}
