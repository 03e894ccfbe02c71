package ras

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
	"roost/signaling/h323/per/pertest"
)

func (r *rig) arq(id string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageAdmissionRequest, AdmissionRequest: &h225.AdmissionRequest{
		RequestSeqNum: r.next(), CallType: h225.CallType{Choice: h225.CallTypePointToPoint}, EndpointIdentifier: bmp(id),
		DestinationInfo: digits("2002"), SrcInfo: digits("2001"), BandWidth: 1280, CallReferenceValue: 77,
		CallIdentifier: per.Some(h225.CallIdentifier{Guid: [16]byte{1, 2, 3}}),
	}}
}

func (r *rig) brq(id string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageBandwidthRequest, BandwidthRequest: &h225.BandwidthRequest{
		RequestSeqNum: r.next(), EndpointIdentifier: bmp(id), CallReferenceValue: 77, BandWidth: 6400,
	}}
}

func (r *rig) drq(id string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageDisengageRequest, DisengageRequest: &h225.DisengageRequest{
		RequestSeqNum: r.next(), EndpointIdentifier: bmp(id), CallReferenceValue: 77,
		DisengageReason: h225.DisengageReason{Choice: h225.DisengageReasonNormalDrop},
	}}
}

func (r *rig) lrq(alias string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageLocationRequest, LocationRequest: &h225.LocationRequest{
		RequestSeqNum: r.next(), DestinationInfo: digits(alias), ReplyAddress: writeAddress(other),
	}}
}

func (r *rig) rai(id string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageResourcesAvailableIndicate, ResourcesAvailableIndicate: &h225.ResourcesAvailableIndicate{
		RequestSeqNum: r.next(), ProtocolIdentifier: h225.ProtocolIdentifier, EndpointIdentifier: bmp(id),
	}}
}

func (r *rig) sci(id string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageServiceControlIndication, ServiceControlIndication: &h225.ServiceControlIndication{
		RequestSeqNum: r.next(), EndpointIdentifier: bmp(id), ServiceControl: []h225.ServiceControlSession{{
			SessionId: 1, Reason: h225.ServiceControlSessionReason{Choice: h225.ServiceControlSessionReasonOpen}}},
	}}
}

func TestARQ_H225_7_11_WithoutCallSignallingNoCallIsAdmitted(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	wants(t, r.ask(r.arq(id), phone), `"admissionReject"`, `"requestDenied"`)
	wants(t, r.ask(r.arq(id), other), `"securityDenial"`)
	wants(t, r.ask(r.arq("nobody"), phone), `"callerNotRegistered"`)
}

func TestBRQAndDRQ_H225_7_12_OfCallsThatAreNotThere(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	wants(t, r.ask(r.brq(id), phone), `"bandwidthReject"`, `"invalidConferenceID"`)
	wants(t, r.ask(r.brq(id), other), `"securityDenial"`)
	wants(t, r.ask(r.brq("nobody"), phone), `"notBound"`)
	wants(t, r.ask(r.drq(id), phone), `"disengageConfirm"`)
	wants(t, r.ask(r.drq(id), other), `"disengageReject"`, `"securityDenial"`)
	wants(t, r.ask(r.drq("nobody"), phone), `"disengageReject"`, `"notRegistered"`)
}

// line is a Calls that admits everything.
type line struct {
	admitted []Admission
	ended    []registrar.Number
	why      h225.AdmissionRejectReasonChoice
}

var signalling = netip.MustParseAddrPort("198.51.100.1:1720")

func (l *line) Admit(a *Admission) Admitted {
	l.admitted = append(l.admitted, *a)
	if l.why != 0 {
		return Admitted{Reason: l.why}
	}
	return Admitted{Signalling: signalling, Bandwidth: min(a.BandwidthAsk, 1000)}
}
func (l *line) Bandwidth(b *Bandwidth) (uint32, bool)          { return min(b.Ask, 1000), b.CRV == 77 }
func (l *line) Ended(n registrar.Number, _ uint16, _ [16]byte) { l.ended = append(l.ended, n) }
func (l *line) Locate(n registrar.Number) (at netip.AddrPort, ok bool) {
	return signalling, n == "2001"
}

func TestARQ_H225_7_11_WithCallSignalling(t *testing.T) {
	calls := &line{}
	r := newRig(t, func(c *Config) { c.Calls = calls })
	id := r.registered("2001")
	wants(t, r.ask(r.arq(id), phone), `"admissionConfirm"`, `"bandWidth":1000`, `"gatekeeperRouted"`, `"ip":"c6336401","port":1720`)
	if a := calls.admitted[0]; a.Number != "2001" || a.CRV != 77 || a.Call != [16]byte{1, 2, 3} || !reflect.DeepEqual(a.Destination, []Alias{{Digits, "2002"}}) {
		t.Errorf("%+v", a)
	}
	wants(t, r.ask(r.brq(id), phone), `"bandwidthConfirm"`, `"bandWidth":1000`)
	wants(t, r.ask(r.drq(id), phone), `"disengageConfirm"`)
	if len(calls.ended) != 1 {
		t.Error("the call's end was not told")
	}
	calls.why = h225.AdmissionRejectReasonCalledPartyNotRegistered
	wants(t, r.ask(r.arq(id), phone), `"calledPartyNotRegistered"`)
}

func TestDRQ_H225_7_12_OfTheGatekeeper(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	r.out.Reset()
	r.g.Disengage("2001", 77, [16]byte{9}, [16]byte{8}, r.now, &r.out)
	m := r.answers()[0]
	wants(t, m, `"disengageRequest"`, `"forcedDrop"`, `"callReferenceValue":77`, id)
	r.ask(&h225.RasMessage{Choice: h225.RasMessageDisengageConfirm, DisengageConfirm: &h225.DisengageConfirm{
		RequestSeqNum: m.DisengageRequest.RequestSeqNum}}, phone)
	if want := []Event{Disengaged{"2001", 77, true}}; !reflect.DeepEqual(r.out.Events, want) {
		t.Errorf("%+v", r.out.Events)
	}
}

func TestLRQ_H225_7_13_OfNeighboursAndStrangers(t *testing.T) {
	neighbour := netip.MustParseAddrPort("203.0.113.1:1719")
	calls := &line{}
	r := newRig(t, func(c *Config) {
		c.Neighbours = []netip.Prefix{netip.MustParsePrefix("203.0.113.1/32")}
		c.Calls = calls
	})
	r.registered("2001")
	wants(t, r.ask(r.lrq("2001"), neighbour), `"locationConfirm"`, `"port":1720`, `"port":1719`)
	wants(t, r.ask(r.lrq("2002"), neighbour), `"locationReject"`, `"notRegistered"`)
	wants(t, r.ask(r.lrq("2001"), other), `"invalidPermission"`)
	r.g.config.Calls = nil
	wants(t, r.ask(r.lrq("2001"), neighbour), `"requestDenied"`)
}

func TestLRQ_H225_7_13_OfTheGatekeeper(t *testing.T) {
	neighbour := netip.MustParseAddrPort("203.0.113.1:1719")
	for name, answer := range map[string]*h225.RasMessage{
		"found": {Choice: h225.RasMessageLocationConfirm, LocationConfirm: &h225.LocationConfirm{
			CallSignalAddress: writeAddress(signalling), RasAddress: writeAddress(neighbour)}},
		"not found": {Choice: h225.RasMessageLocationReject, LocationReject: &h225.LocationReject{
			RejectReason: h225.LocationRejectReason{Choice: h225.LocationRejectReasonNotRegistered}}},
	} {
		r := newRig(t)
		r.out.Reset()
		r.g.Locate(5, Alias{Digits, "31"}, neighbour, 0, r.now, &r.out)
		m := r.answers()[0]
		wants(t, m, `"locationRequest"`, `"dialledDigits":"31"`, `"replyAddress":{"ipAddress":{"ip":"c6336401","port":1719}}`)
		want := Located{ID: 5}
		if answer.LocationConfirm != nil {
			answer.LocationConfirm.RequestSeqNum, want.Found, want.Signalling = m.LocationRequest.RequestSeqNum, true, signalling
		} else {
			answer.LocationReject.RequestSeqNum = m.LocationRequest.RequestSeqNum
		}
		r.ask(answer, neighbour)
		if !reflect.DeepEqual(r.out.Events, []Event{want}) {
			t.Errorf("%s: %+v", name, r.out.Events)
		}
	}
}

func TestRAIAndSCI_H225_7_17_7_18(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	wants(t, r.ask(r.rai(id), phone), `"resourcesAvailableConfirm"`)
	wants(t, r.ask(r.sci(id), phone), `"serviceControlResponse"`, `"notAvailable"`)
	if r.ask(r.rai("nobody"), phone) != nil || r.ask(r.sci(id), other) != nil {
		t.Error("answered a stranger")
	}
}

func TestXRS_H225_7_16_UnknownMessages(t *testing.T) {
	r := newRig(t)
	got := r.raw([]byte{0xa8, 0x03, 0xaa, 0xbb, 0xcc}, phone) // alternative 40 behind the extension marker
	wants(t, got[0], `"unknownMessageResponse"`, `"messageNotUnderstood":"a803aabbcc"`)
	all := captured(t, "crafted-ras.txt")
	wants(t, r.raw(all["NSM"], phone)[0], `"unknownMessageResponse"`, `"requestSeqNum":95`)
	wants(t, r.raw(all["IRQ"], phone)[0], `"unknownMessageResponse"`)
	if got := r.raw(all["XRS"], phone); len(got) != 0 {
		t.Error("an XRS was answered") // two of us would go on for ever
	}
}

// TestRAS_NoAnswerIsAnswered: whatever is an answer gets none, so that no two
// gatekeepers can keep each other busy.
func TestRAS_NoAnswerIsAnswered(t *testing.T) {
	r := newRig(t)
	r.registered("2001")
	for name, data := range captured(t, "crafted-ras.txt") {
		m, err := h225.DecodeRAS(data)
		if err != nil {
			t.Fatal(err)
		}
		switch m.Choice {
		case h225.RasMessageInfoRequestResponse: // answered where the endpoint wants that, with IACK or INAK
			if got := r.raw(data, phone); len(got) > 0 != m.InfoRequestResponse.NeedResponse.V {
				t.Errorf("%s: %d answers", name, len(got))
			}
		case h225.RasMessageGatekeeperRequest, h225.RasMessageRegistrationRequest, h225.RasMessageUnregistrationRequest,
			h225.RasMessageAdmissionRequest, h225.RasMessageBandwidthRequest, h225.RasMessageDisengageRequest,
			h225.RasMessageLocationRequest, h225.RasMessageNonStandardMessage, h225.RasMessageInfoRequest:
			if len(r.raw(data, phone)) != 1 {
				t.Errorf("%s: no answer", name)
			}
		default:
			if got := r.raw(data, phone); len(got) != 0 {
				t.Errorf("%s is answered with %s", name, show(got[0]))
			}
		}
	}
}

func TestRAS_BadInput(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	bad := uint64(0)
	for name, data := range captured(t, "crafted-ras.txt") {
		for cut := range data {
			if got := r.raw(bytes.Clone(data[:cut]), phone); len(got) != 0 {
				t.Fatalf("%s cut to %d octets is answered", name, cut)
			}
			bad++
		}
		r.raw(append(bytes.Clone(data), 0), phone)
		bad++
	}
	counts := append([]byte{0x0e, 0, 9, 6, 0, 8, 0x91, 0x4a, 0, 4, 0, 0xbf, 0xff}, make([]byte, 60000)...)
	r.raw(counts, phone)
	r.raw(make([]byte, 65536), phone)
	if r.g.Counters().Undecodable != bad+2 {
		t.Errorf("%d of %d counted", r.g.Counters().Undecodable, bad+2)
	}
	if _, ok := r.g.Endpoint("2001"); !ok {
		t.Error("the endpoint is gone")
	}
	wants(t, r.ask(r.keepAlive(id), phone), "registrationConfirm")
}

// TestRAS_TsharkReadsWhatTheGatekeeperSends takes all that a gatekeeper sends in a life
// with every message.
func TestRAS_TsharkReadsWhatTheGatekeeperSends(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Signalling = []netip.AddrPort{signalling} })
	r.desk.secrets["2005"] = Secret{Password: "secret"}
	r.desk.decision.Alternates = []Alternate{{Address: homeAddr, Identifier: "gkB"}}
	r.desk.answer.Alternates = r.desk.decision.Alternates
	for id := range captured(t, "crafted-ras.txt") {
		r.raw(captured(t, "crafted-ras.txt")[id], phone)
	}
	id := r.registered("2001")
	signedRRQ := r.rrq(other, "2005")
	r.raw(signed(t, r, signedRRQ, &signedRRQ.RegistrationRequest.CryptoTokens, "2005", "secret", 1), other)
	six := netip.MustParseAddrPort("[2001:db8::5]:1719")
	for _, m := range []*h225.RasMessage{
		r.grq("2001"), r.keepAlive(id), r.rrq(six, "2001"), r.arq(id), r.brq(id), r.drq(id), r.rai(id), r.sci(id), r.urqFor("none"),
		r.arq("none"), r.brq("none"), r.drq("none"), r.lrq("2001"),
	} {
		r.ask(m, phone)
	}
	irr := r.irr(900, id)
	irr.InfoRequestResponse.NeedResponse = per.Some(true)
	r.ask(irr, phone)
	r.ask(irr, other)
	r.out.Reset()
	r.g.Unregister("2005", r.desk.decision.Alternates, r.now, &r.out)
	r.g.Disengage("2001", 1, [16]byte{1}, [16]byte{2}, r.now, &r.out)
	r.g.Locate(1, Alias{H323ID, "Anna"}, other, 0, r.now, &r.out)
	r.answers()
	r.desk.decision.Verdict = Refuse
	r.ask(r.grq("2001"), phone)
	r.ask(r.keepAlive(id), phone)
	r.desk.decision.Verdict = Proceed
	for range 5 {
		r.tick(time.Minute)
	}
	r.g.config.Calls = &line{}
	id = r.registered("2001")
	r.ask(r.arq(id), phone)
	r.ask(r.brq(id), phone)
	r.ask(r.lrq("2001"), other)
	r.g.config.Neighbours = []netip.Prefix{netip.MustParsePrefix("192.0.2.66/32")}
	r.ask(r.lrq("2001"), other)
	r.ask(r.urqFor(id), phone)

	kinds := map[string]bool{}
	for i, reading := range pertest.Tshark(t, "h225.ras", r.sent) {
		m, err := h225.DecodeRAS(r.sent[i])
		if err != nil {
			t.Fatal(err)
		}
		kinds[m.Choice.Name()] = true
		text, err := per.JSON(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(reading.Faults) > 0 {
			t.Errorf("tshark: %q\n%x\n%s", reading.Faults, r.sent[i], text)
			continue
		}
		names, err := pertest.Names(text)
		if err != nil {
			t.Fatal(err)
		}
		for name := range names {
			if !reading.Names[name] {
				t.Errorf("tshark shows no %q\n%x\n%s", name, r.sent[i], text)
			}
		}
	}
	for _, kind := range []string{
		"gatekeeperConfirm", "gatekeeperReject", "registrationConfirm", "registrationReject", "unregistrationRequest",
		"unregistrationConfirm", "unregistrationReject", "admissionConfirm", "admissionReject", "bandwidthConfirm", "bandwidthReject",
		"disengageRequest", "disengageConfirm", "disengageReject", "locationRequest", "locationConfirm", "locationReject",
		"infoRequest", "infoRequestAck", "infoRequestNak", "resourcesAvailableConfirm", "serviceControlResponse", "unknownMessageResponse",
	} {
		if !kinds[kind] {
			t.Errorf("no %s was sent", kind)
		}
	}
}
