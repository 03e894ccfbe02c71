package ras

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

func TestGRQ_H225_7_8_ConfirmNamesTheGatekeeperAndTheBackup(t *testing.T) {
	r := newRig(t)
	r.desk.decision.Alternates = []Alternate{{Address: homeAddr, Identifier: "gkB", Priority: 1}}
	got := r.ask(r.grq("2001"), phone)
	wants(t, got, `"gatekeeperConfirm"`, `"gatekeeperIdentifier":"gkA"`, `"ip":"c6336401","port":1719`,
		`"alternateGatekeeper":[{"rasAddress":{"ipAddress":{"ip":"c6336402","port":1719}},"gatekeeperIdentifier":"gkB","needToRegister":true,"priority":1}]`)
	if q := r.desk.asked[0]; q.Number != "2001" || q.Kind != KindDiscover || q.Agent != "testphone 1.0" {
		t.Errorf("asked %+v", q)
	}
	silent := r.grq("2001")
	silent.GatekeeperRequest.SupportsAltGK = false
	if got := r.ask(silent, phone); got.GatekeeperConfirm.AlternateGatekeeper != nil {
		t.Errorf("alternates to one who does not know them: %s", show(got))
	}
}

func TestFO1_GRJAndRRJNameTheHomeAndAreNotPermanent(t *testing.T) {
	r := newRig(t)
	r.desk.decision = Decision{Verdict: Refuse, Alternates: []Alternate{{Address: homeAddr, Identifier: "gkHome"}}}
	for name, m := range map[string]*h225.RasMessage{"gatekeeperReject": r.grq("2001"), "registrationReject": r.rrq(phone, "2001")} {
		got := r.ask(m, phone)
		wants(t, got, name, `"resourceUnavailable"`, `"ip":"c6336402"`, `"gatekeeperIdentifier":"gkHome"`, `"altGKisPermanent":false`)
	}
	if r.g.Len() != 0 || len(r.desk.recorded) != 0 {
		t.Error("a refused endpoint is registered")
	}
}

func TestFB4_ARefusedKeepAliveNamesTheHome(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	r.desk.decision = Decision{Verdict: Refuse, Alternates: []Alternate{{Address: homeAddr}}}
	wants(t, r.ask(r.keepAlive(id), phone), `"registrationReject"`, `"resourceUnavailable"`, `"altGKInfo"`, `"ip":"c6336402"`)
	r.desk.decision = Decision{}
	wants(t, r.ask(r.keepAlive(id), phone), `"registrationConfirm"`) // FB5: back, it finds the door open
}

func TestGRQ_H225_7_8_WrongGatekeeperIdentifierAndRevision(t *testing.T) {
	r := newRig(t)
	for id, want := range map[string]string{"gkA": "gatekeeperConfirm", "gkHome": "gatekeeperConfirm", "nobody": "terminalExcluded"} {
		m := r.grq("2001")
		m.GatekeeperRequest.GatekeeperIdentifier = bmp(id)
		wants(t, r.ask(m, phone), want)
	}
	m := r.grq("2001")
	m.GatekeeperRequest.ProtocolIdentifier = per.MustOID("0.0.8.245.0.7")
	wants(t, r.ask(m, phone), "invalidRevision")
	if r.g.Counters().WrongGatekeeper != 1 {
		t.Errorf("%+v", r.g.Counters())
	}
}

func TestGRQ_H225_7_8_MulticastIsAnsweredByTheTelephonesGatekeeperOnly(t *testing.T) {
	r := newRig(t)
	ask := func(m *h225.RasMessage) int {
		r.out.Reset()
		r.g.Receive(encode(t, m), From{Addr: phone, Multicast: true}, r.now, &r.out)
		return len(r.answers())
	}
	another := r.grq("2001")
	another.GatekeeperRequest.GatekeeperIdentifier = bmp("gkHome")
	if ask(another) != 0 || ask(r.grq("999")) != 0 || ask(r.rrq(phone, "2001")) != 0 {
		t.Error("answered what another gatekeeper of the group was asked, or nobody")
	}
	if ask(r.grq("2001")) != 1 || ask(r.grq()) != 1 {
		t.Error("no answer to our own telephone")
	}
	r.desk.decision = Decision{Verdict: Refuse}
	if ask(r.grq("2001")) != 0 {
		t.Error("refused by multicast")
	}
}

func TestGRQ_H235_TheStrongerAlgorithmIsChosen(t *testing.T) {
	r := newRig(t)
	for want, oids := range map[string][]per.OID{
		`"algorithmOID":"0.0.8.235.0.2.6"`:    {oidMD5, oidHMAC},
		`"algorithmOID":"1.2.840.113549.2.5"`: {per.MustOID("1.2.840.113548.10.1.2.1"), oidMD5},
	} {
		m := r.grq("2001")
		m.GatekeeperRequest.AuthenticationCapability = []h225.AuthenticationMechanism{{Choice: h225.AuthenticationMechanismPwdHash}}
		m.GatekeeperRequest.AlgorithmOIDs = oids
		wants(t, r.ask(m, phone), want, `"authenticationMode":{"pwdHash":null}`)
	}
	if got := r.ask(r.grq("2001"), phone); got.GatekeeperConfirm.AuthenticationMode != nil {
		t.Errorf("a mode for who offered none: %s", show(got))
	}
}

func TestRRQ_H225_7_9_FullRegistration(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Signalling = []netip.AddrPort{netip.MustParseAddrPort("198.51.100.1:1720")} })
	r.desk.answer = Answer{Granted: 20, Decision: Decision{Alternates: []Alternate{{Address: homeAddr, Identifier: "gkB"}}}}
	m := r.rrq(phone, "2001")
	m.RegistrationRequest.TimeToLive = per.Some(uint32(300))
	got := r.ask(m, phone)
	wants(t, got, `"registrationConfirm"`, `"timeToLive":20`, `"terminalAlias":[{"dialledDigits":"2001"}]`, `"port":1720`,
		`"alternateGatekeeper"`, `"supportsAdditiveRegistration"`)
	rec := r.desk.recorded[0]
	if rec.Asked != 300 || rec.Kind != KindRegister || rec.Slack != 9*time.Second || rec.Endpoint.Number != "2001" ||
		rec.Endpoint.Signalling.Port() != 1720 || rec.Endpoint.ID != got.RegistrationConfirm.EndpointIdentifier.String() {
		t.Errorf("recorded %+v %+v", rec, rec.Endpoint)
	}
	e, ok := r.g.Endpoint("2001")
	if !ok || e.Expires != r.now.Add(20*time.Second) || e.Source != phone || e.Agent != "testphone 1.0" {
		t.Errorf("registered %+v", e)
	}
}

func TestRRQ_TimeToLiveIsNeverMoreThanAskedOrConfigured(t *testing.T) {
	r := newRig(t)
	for asked, want := range map[uint32]uint32{0: 60, 30: 30, 4_294_967_295: 60, 1: 1} {
		m := r.rrq(phone, "2001")
		if asked > 0 {
			m.RegistrationRequest.TimeToLive = per.Some(asked)
		}
		if got := r.ask(m, phone); got.RegistrationConfirm.TimeToLive.V != want {
			t.Errorf("asked %d: %s", asked, show(got))
		}
	}
}

func TestRRQ_AnswersGoToTheSourceWhateverTheRASAddress(t *testing.T) {
	r := newRig(t)
	inside := netip.MustParseAddrPort("10.0.0.5:1719")
	if got := r.ask(r.rrq(inside, "2001"), phone); got.RegistrationConfirm == nil { // ask checks whereto
		t.Fatal(show(got))
	}
	e, _ := r.g.Endpoint("2001")
	if e.RAS != inside || e.Source != phone {
		t.Errorf("%+v", e)
	}
	moved := netip.AddrPortFrom(phone.Addr(), 40000) // the NAT has another port now
	wants(t, r.ask(r.keepAlive(e.ID), moved), `"registrationConfirm"`)
	if asked := r.tick(61 * time.Second); len(asked) != 1 || r.out.Packets[0].To != moved {
		t.Errorf("IRQ to %+v", r.out.Packets)
	}
}

func TestRRQ_H323_7_2_2_LightweightNeedsOnlyIdentifiers(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	r.now = r.now.Add(15 * time.Second)
	got := r.ask(r.keepAlive(id), phone)
	wants(t, got, `"registrationConfirm"`, `"timeToLive":60`)
	if got.RegistrationConfirm.TerminalAlias != nil {
		t.Error("aliases in the answer to a keep-alive")
	}
	if e, _ := r.g.Endpoint("2001"); e.Expires != r.now.Add(time.Minute) || len(e.Aliases) != 1 {
		t.Errorf("%+v", e)
	}
	if last := r.desk.recorded[1]; last.Kind != KindRefresh || last.Endpoint.Number != "2001" {
		t.Errorf("recorded %+v", last)
	}
}

func TestRRQ_UnknownKeepAliveGetsFullRegistrationRequired(t *testing.T) {
	r := newRig(t)
	for _, id := range []string{"", "1234_gkX", strings.Repeat("x", 128)} {
		wants(t, r.ask(r.keepAlive(id), phone), `"fullRegistrationRequired"`)
	}
	id := r.registered("2001")
	wants(t, r.ask(r.keepAlive(id), other), `"fullRegistrationRequired"`) // from another address
	if r.g.Counters().UnknownEndpoint != 3 {
		t.Errorf("%+v", r.g.Counters())
	}
}

func TestRRQ_IdentifierOfTheHomeBecomesAGuestAtOnce(t *testing.T) {
	r := newRig(t)
	r.desk.shared["77_gkHome"] = Endpoint{
		ID: "77_gkHome", Number: "2001", Aliases: []Alias{{Digits, "2001"}}, RAS: phone, Source: phone,
		Signalling: netip.AddrPortFrom(phone.Addr(), 1720),
	}
	stranger := r.keepAlive("77_gkHome")
	wants(t, r.ask(stranger, other), `"fullRegistrationRequired"`)
	m := r.keepAlive("77_gkHome")
	m.RegistrationRequest.GatekeeperIdentifier = bmp("gkHome") // as H323Plus has it at a temporary alternate
	got := r.ask(m, phone)
	wants(t, got, `"registrationConfirm"`, `"endpointIdentifier":"77_gkHome"`, `"gatekeeperIdentifier":"gkA"`)
	if rec := r.desk.recorded[0]; rec.Kind != KindRefresh || rec.Endpoint.Number != "2001" {
		t.Errorf("recorded %+v", rec)
	}
	wants(t, r.ask(r.keepAlive("77_gkHome"), phone), `"registrationConfirm"`)
}

func TestRRQ_FullWithTheHomesIdentifierKeepsIt(t *testing.T) {
	r := newRig(t)
	r.desk.shared["77_gkHome"] = Endpoint{ID: "77_gkHome", Number: "2001"}
	m := r.rrq(phone, "2001")
	m.RegistrationRequest.EndpointIdentifier = bmp("77_gkHome")
	wants(t, r.ask(m, phone), `"endpointIdentifier":"77_gkHome"`)
	stranger := r.rrq(other, "2002")
	stranger.RegistrationRequest.EndpointIdentifier = bmp("77_gkHome")
	if got := r.ask(stranger, other); got.RegistrationConfirm == nil || got.RegistrationConfirm.EndpointIdentifier.String() == "77_gkHome" {
		t.Errorf("2002 has the identifier of 2001: %s", show(got))
	}
}

func TestRRQ_H225_7_9_AdditiveAddsAliases(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	m := r.rrq(phone)
	m.RegistrationRequest.AdditiveRegistration = true
	m.RegistrationRequest.EndpointIdentifier = bmp(id)
	m.RegistrationRequest.TerminalAlias = []h225.AliasAddress{{Choice: h225.AliasAddressH323ID, H323ID: bmp("Anna")}}
	wants(t, r.ask(m, phone), `"registrationConfirm"`)
	e, _ := r.g.Endpoint("2001")
	if len(e.Aliases) != 2 || e.Aliases[1] != (Alias{H323ID, "Anna"}) {
		t.Errorf("%+v", e.Aliases)
	}
	m = r.rrq(phone, "2002")
	m.RegistrationRequest.AdditiveRegistration = true
	m.RegistrationRequest.EndpointIdentifier = bmp(id)
	wants(t, r.ask(m, phone), `"duplicateAlias":[{"dialledDigits":"2002"}]`) // another extension's
	m = r.rrq(phone, "7")
	m.RegistrationRequest.AdditiveRegistration = true
	m.RegistrationRequest.EndpointIdentifier = bmp("none")
	wants(t, r.ask(m, phone), `"fullRegistrationRequired"`)
}

func TestRRQ_AliasesOfAllKinds(t *testing.T) {
	r := newRig(t)
	data := captured(t, "crafted-ras.txt")["RRQ-full-all-alias-kinds"]
	m, err := h225.DecodeRAS(data)
	if err != nil {
		t.Fatal(err)
	}
	m.RegistrationRequest.TerminalAlias = append(digits("2001"), m.RegistrationRequest.TerminalAlias...)
	wants(t, r.ask(m, phone), `"registrationConfirm"`)
	e, _ := r.g.Endpoint("2001")
	if len(e.Aliases) != len(m.RegistrationRequest.TerminalAlias) {
		t.Errorf("%d of %d aliases", len(e.Aliases), len(m.RegistrationRequest.TerminalAlias))
	}
	kinds := map[AliasKind]bool{}
	for _, a := range e.Aliases {
		kinds[a.Kind] = true
		if again, err := ParseAlias(a.String()); err != nil || again != a {
			t.Errorf("%s is parsed as %v, %v", a, again, err)
		}
	}
	for kind := Digits; kind <= Party; kind++ {
		if !kinds[kind] {
			t.Errorf("no alias of kind %d in %v", kind, e.Aliases)
		}
	}
}

func TestRRQ_TheNumberIsFoundInAnyKindOfAlias(t *testing.T) {
	for name, a := range map[string]h225.AliasAddress{
		"h323-ID":  {Choice: h225.AliasAddressH323ID, H323ID: bmp("2001")},
		"url-ID":   {Choice: h225.AliasAddressUrlID, UrlID: "h323:2001@example.com"},
		"email-ID": {Choice: h225.AliasAddressEmailID, EmailID: "2001@example.com"},
		"party": {Choice: h225.AliasAddressPartyNumber, PartyNumber: &h225.PartyNumber{
			Choice: h225.PartyNumberE164Number, E164Number: h225.PublicPartyNumber{
				PublicTypeOfNumber: h225.PublicTypeOfNumber{Choice: h225.PublicTypeOfNumberUnknown}, PublicNumberDigits: "2001"}}},
	} {
		r := newRig(t)
		m := r.rrq(phone)
		m.RegistrationRequest.TerminalAlias = []h225.AliasAddress{a}
		if got := r.ask(m, phone); got.RegistrationConfirm == nil || r.g.Len() != 1 {
			t.Errorf("%s: %s", name, show(got))
		}
	}
}

func TestRRQ_DuplicateAliasIsNeverATakeoverWithoutCredentials(t *testing.T) {
	r := newRig(t)
	id := r.registered("2001")
	wants(t, r.ask(r.rrq(other, "2001"), other), `"duplicateAlias":[{"dialledDigits":"2001"}]`)
	spoofed := r.rrq(phone, "2001") // names the standing address, but comes from elsewhere
	wants(t, r.ask(spoofed, other), `"duplicateAlias"`)
	extra := r.rrq(other, "2002", "2001")
	wants(t, r.ask(extra, other), `"duplicateAlias":[{"dialledDigits":"2001"}]`)
	if e, _ := r.g.Endpoint("2001"); e.Source != phone || e.ID != id {
		t.Errorf("taken over: %+v", e)
	}
	if got := r.ask(r.rrq(phone, "2001"), phone); got.RegistrationConfirm == nil { // the same device rebooted
		t.Error(show(got))
	}
	wants(t, r.ask(r.keepAlive(id), phone), `"fullRegistrationRequired"`) // its former identifier is gone
	if r.g.Counters().DuplicateAlias != 3 || r.g.Len() != 1 {
		t.Errorf("%+v", r.g.Counters())
	}
}

func TestRRQ_H225_RejectReasonsForBadRequests(t *testing.T) {
	r := newRig(t)
	for want, change := range map[string]func(*h225.RegistrationRequest){
		"invalidRevision":          func(m *h225.RegistrationRequest) { m.ProtocolIdentifier = per.MustOID("1.2.3") },
		"discoveryRequired":        func(m *h225.RegistrationRequest) { m.GatekeeperIdentifier = bmp("nobody") },
		"invalidCallSignalAddress": func(m *h225.RegistrationRequest) { m.CallSignalAddress = nil },
		"invalidRASAddress":        func(m *h225.RegistrationRequest) { m.RasAddress = addresses(netip.MustParseAddrPort("0.0.0.0:1719")) },
		"invalidTerminalType": func(m *h225.RegistrationRequest) {
			m.TerminalType.Gatekeeper = per.Some(h225.GatekeeperInfo{})
		},
		"invalidAlias": func(m *h225.RegistrationRequest) { m.TerminalAlias = digits("31") },
	} {
		m := r.rrq(phone, "2001")
		change(m.RegistrationRequest)
		wants(t, r.ask(m, phone), `"registrationReject"`, want)
	}
	many := r.rrq(phone, strings.Split(strings.Repeat("7 ", maxAliases+1), " ")[:maxAliases+1]...)
	wants(t, r.ask(many, phone), "invalidAlias")
	r.desk.answer = Answer{Full: true}
	wants(t, r.ask(r.rrq(phone, "2001"), phone), "resourceUnavailable")
	if r.g.Len() != 0 || r.g.Counters().Full != 1 {
		t.Errorf("%d registered, %+v", r.g.Len(), r.g.Counters())
	}
}

func TestRRQ_StrangersNeedAToken(t *testing.T) {
	r := newRig(t)
	far := netip.MustParseAddrPort("203.0.113.9:1719")
	for _, number := range []string{"2001", "31"} { // known and unknown numbers look alike
		wants(t, r.ask(r.rrq(far, number), far), `"registrationReject"`, `"securityDenial"`)
	}
	if r.g.Counters().TokenMissing != 2 {
		t.Errorf("%+v", r.g.Counters())
	}
}

func TestGU3_ASystemThatKnowsNoNumbersYetRefusesInAWayThatKeepsTrying(t *testing.T) {
	r := newRig(t)
	r.desk.decision = Decision{Verdict: Refuse}
	wants(t, r.ask(r.rrq(phone, "31"), phone), `"resourceUnavailable"`)
	wants(t, r.ask(r.grq("31"), phone), `"gatekeeperReject"`, `"resourceUnavailable"`)
	for _, q := range r.desk.asked {
		if q.Number != "31" {
			t.Errorf("asked about %q", q.Number)
		}
	}
}

func TestRRQ_IPv6(t *testing.T) {
	r := newRig(t)
	six := netip.MustParseAddrPort("[2001:db8::5]:1719")
	if got := r.ask(r.rrq(six, "2001"), six); got.RegistrationConfirm == nil {
		t.Fatal(show(got))
	}
	if e, _ := r.g.Endpoint("2001"); e.Signalling.Addr() != six.Addr() || e.Source != six {
		t.Errorf("%+v", e)
	}
}

func TestRAS_ARequestThatComesAgainIsAnsweredWithTheSameOctets(t *testing.T) {
	r := newRig(t)
	data := encode(t, r.rrq(phone, "2001"))
	r.raw(data, phone)
	r.now = r.now.Add(3 * time.Second)
	r.raw(data, phone)
	if !bytes.Equal(r.sent[0], r.sent[1]) || len(r.desk.recorded) != 1 || r.g.Counters().Repeated != 1 {
		t.Errorf("%x\n%x, recorded %d times", r.sent[0], r.sent[1], len(r.desk.recorded))
	}
	r.raw(data, netip.AddrPortFrom(phone.Addr(), 999)) // of another source it is another request
	r.now = r.now.Add(time.Minute)
	r.raw(data, phone)
	if r.g.Counters().Repeated != 1 {
		t.Errorf("%+v", r.g.Counters())
	}
}

func TestRAS_AnAnswerIsNotGivenAgainOnceTheRegistrationEnded(t *testing.T) {
	r := newRig(t)
	data := encode(t, r.rrq(phone, "2001"))
	first := r.raw(data, phone)[0].RegistrationConfirm.EndpointIdentifier.String()
	wants(t, r.ask(r.urqFor(first), phone), `"unregistrationConfirm"`)
	r.raw(data, phone) // an endpoint that rebooted and counts from the start again
	if r.g.Len() != 1 {
		t.Error("confirmed from memory, but not registered")
	}
}

func TestRAS_StrangersAreBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Rate, c.Burst = 10, 20 })
	r.registered("2001")
	answered := 0
	for range 100 {
		if r.ask(r.grq("2001"), other) != nil {
			answered++
		}
		if r.ask(r.grq("2001"), phone) == nil {
			t.Fatal("a registered endpoint is kept waiting")
		}
	}
	if answered != 20 || r.g.Counters().Throttled != 80 {
		t.Errorf("%d answered, %+v", answered, r.g.Counters().Throttled)
	}
	r.now = r.now.Add(time.Second)
	if r.ask(r.grq("2001"), other) == nil {
		t.Error("never again")
	}
}

func TestRAS_CapacityIsBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxEndpoints = 1 })
	id := r.registered("2001")
	wants(t, r.ask(r.rrq(other, "2002"), other), "resourceUnavailable")
	wants(t, r.ask(r.keepAlive(id), phone), "registrationConfirm")
}
