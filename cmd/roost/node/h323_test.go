package node

import (
	"crypto/md5"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// h323Site is a site whose home has an H.323 extension 205.
func h323Site(t *testing.T) *site {
	s := newSite(t)
	for _, name := range []string{"london", "paris"} {
		s.extra[name] = "h323: {listen: true, open: [127.0.0.0/8]}\n"
	}
	s.extra["london"] = "  - {number: \"205\", protocol: h323, base_user: \"205\"}\n" + s.extra["london"]
	s.start("london")
	s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	return s
}

func (s *site) gatekeeper(name string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(s.address(name)), rasPort)
}

func (s *site) hasEndpoint(name, number string) func(api.Status) bool {
	return func(api.Status) bool {
		_, ok := s.running[name].h323.front.Load().Endpoint(registrar.Number(number))
		return ok
	}
}

func TestFO2_FB4_GU2_AnH323EndpointGoesToTheBackupAndIsSentHome(t *testing.T) {
	s := h323Site(t)
	p := newRASPhone(t, "205", s.net+"105", s.gatekeeper("london"))
	status := s.until("london", "the endpoint is registered at home", allRegistered(1))
	if !strings.Contains(strings.Join(status.Listeners, " "), "h323 "+s.gatekeeper("london").String()) {
		t.Errorf("listeners %q", status.Listeners)
	}
	p.mu.Lock()
	id := p.id.String()
	if len(p.alternates) != 1 || p.alternates[0] != s.gatekeeper("paris") {
		t.Errorf("the backup was named as %v", p.alternates)
	}
	p.mu.Unlock()
	s.until("paris", "its identifier is shared", func(api.Status) bool {
		r, ok := s.running["paris"].known.endpoint(id)
		return ok && r.Number == "205" && len(r.H323.Aliases) == 1 && r.H323.CallSignalling.Port() == 1720
	})

	s.stop("london")
	status = s.until("paris", "the endpoint is a guest", func(st api.Status) bool { return len(st.Guests) == 1 })
	if g := status.Guests[0]; g.Number != "205" || g.Home != "london" || g.Agent != "handmade 1" || status.Licences.Used != 0 {
		t.Errorf("guest %+v, %d licences", g, status.Licences.Used)
	}
	p.mu.Lock()
	if p.id.String() != id {
		t.Errorf("its identifier changed from %s to %s", id, p.id)
	}
	p.mu.Unlock()

	s.start("london")
	s.until("london", "it is home", allRegistered(1))
	s.until("paris", "no guest is left", func(st api.Status) bool {
		return len(st.Guests) == 0 && homeState(st, "london") == "SYNCED" && !s.hasEndpoint("paris", "205")(st)
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.urq != 1 {
		t.Errorf("told %d times to go home", p.urq)
	}
}

func TestFO1_TheBackupSendsAnH323EndpointToItsVisibleHome(t *testing.T) {
	s := h323Site(t)
	p := newRASPhone(t, "205", s.net+"105", s.gatekeeper("paris"))
	s.until("london", "the endpoint is registered at home", allRegistered(1))
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rejects) == 0 || p.rejects[0] != "GRJ to london" {
		t.Errorf("rejected with %q", p.rejects)
	}
	if s.hasEndpoint("paris", "205")(api.Status{}) {
		t.Error("registered at the backup though the home is visible")
	}
}

// once sends an RRQ and gives its answer.
func (p *rasPhone) once(m *h225.RegistrationRequest, to netip.AddrPort) *h225.RasMessage {
	p.t.Helper()
	a := p.ask(&h225.RasMessage{Choice: h225.RasMessageRegistrationRequest, RegistrationRequest: m}, to)
	if a == nil {
		p.t.Fatalf("no answer from %s", to)
	}
	return a
}

// idle makes an endpoint that does nothing by itself.
func idle(t *testing.T, number, at string) *rasPhone {
	t.Helper()
	local := netip.AddrPortFrom(netip.MustParseAddr(at), rasPort)
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		t.Fatal(err)
	}
	p := &rasPhone{t: t, number: number, conn: conn, at: local,
		done: make(chan struct{}), ended: make(chan struct{}, 2), answers: make(chan *h225.RasMessage, 16)}
	go p.listen()
	p.ended <- struct{}{} // it does not live
	t.Cleanup(p.stop)
	return p
}

func (p *rasPhone) full() *h225.RegistrationRequest {
	m := p.rrq()
	m.TerminalAlias = p.alias()
	return m
}

func TestFO5_AKeepAliveWithTheHomesIdentifierMakesAGuestAtOnce(t *testing.T) {
	s := h323Site(t)
	p := idle(t, "205", s.net+"105")
	rcf := p.once(p.full(), s.gatekeeper("london")).RegistrationConfirm
	if rcf == nil {
		t.Fatal("not registered at home")
	}
	s.until("paris", "its identifier is shared", func(api.Status) bool {
		_, ok := s.running["paris"].known.endpoint(rcf.EndpointIdentifier.String())
		return ok
	})
	keepAlive := p.rrq()
	keepAlive.KeepAlive, keepAlive.EndpointIdentifier, keepAlive.GatekeeperIdentifier = per.Some(true), rcf.EndpointIdentifier, rcf.GatekeeperIdentifier
	if a := p.once(keepAlive, s.gatekeeper("paris")); a.RegistrationReject == nil || !a.RegistrationReject.AltGKInfo.OK {
		t.Errorf("FO1: while the home is visible: %+v", a)
	}
	s.stop("london")
	s.until("paris", "london is served", func(st api.Status) bool { return homeState(st, "london") == "SERVING" })
	keepAlive.RequestSeqNum = p.next()
	if a := p.once(keepAlive, s.gatekeeper("paris")); a.RegistrationConfirm == nil {
		t.Errorf("its first keep-alive: %+v", a.RegistrationReject)
	}
	s.until("paris", "it is a guest", func(st api.Status) bool { return len(st.Guests) == 1 })
	foreign := idle(t, "205", s.net+"106")
	keepAlive.RequestSeqNum = foreign.next()
	if a := foreign.once(keepAlive, s.gatekeeper("paris")); a.RegistrationReject == nil ||
		a.RegistrationReject.RejectReason.Choice != h225.RegistrationRejectReasonFullRegistrationRequired {
		t.Errorf("the identifier from another address: %+v", a)
	}
	if a := foreign.once(foreign.full(), s.gatekeeper("paris")); a.RegistrationReject == nil ||
		a.RegistrationReject.RejectReason.Choice != h225.RegistrationRejectReasonDuplicateAlias {
		t.Errorf("the number from another address: %+v", a)
	}
}

// TestFB8_ManualFailbackMovesNobodyButWhoRebootsOrLogsOut: two guests reboot, one
// with and one without discovery, another logs out, none is sent.
func TestFB8_ManualFailbackMovesNobodyButWhoRebootsOrLogsOut(t *testing.T) {
	s := newSite(t)
	s.extra["paris"] = "h323: {listen: true, open: [127.0.0.0/8]}\n"
	s.extra["london"] = "  - {number: \"205\", protocol: h323, base_user: \"205\"}\n  - {number: \"206\", protocol: h323, base_user: \"206\"}\n  - {number: \"207\", protocol: h323, base_user: \"207\"}\n" + s.extra["paris"]
	s.manual = true
	s.start("london")
	s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	s.stop("london")
	s.until("paris", "london is served", func(st api.Status) bool { return homeState(st, "london") == "SERVING" })
	reboots, logsOut, rebootsLater := idle(t, "205", s.net+"105"), idle(t, "206", s.net+"106"), idle(t, "207", s.net+"107")
	all := []*rasPhone{reboots, logsOut, rebootsLater}
	var ids []per.BMP
	for _, p := range all {
		a := p.once(p.full(), s.gatekeeper("paris"))
		if a.RegistrationConfirm == nil {
			t.Fatalf("%s is no guest: %+v", p.number, a.RegistrationReject)
		}
		ids = append(ids, a.RegistrationConfirm.EndpointIdentifier)
	}
	s.start("london")
	keepAlive := func(p *rasPhone, id per.BMP) *h225.RasMessage {
		m := p.rrq()
		m.KeepAlive, m.EndpointIdentifier = per.Some(true), id
		return p.once(m, s.gatekeeper("paris"))
	}
	var since time.Time // for longer than the failback delay
	s.until("paris", "nobody is moved", func(st api.Status) bool {
		for i, p := range all {
			if a := keepAlive(p, ids[i]); a.RegistrationConfirm == nil {
				t.Fatalf("%s was moved: %+v", p.number, a.RegistrationReject)
			}
		}
		if homeState(st, "london") == "SERVING" {
			return false
		}
		if since.IsZero() {
			since = st.Now
		}
		return st.Now.Sub(since) > 3*time.Second
	})
	grq := &h225.RasMessage{Choice: h225.RasMessageGatekeeperRequest, GatekeeperRequest: &h225.GatekeeperRequest{
		RequestSeqNum: reboots.next(), ProtocolIdentifier: h225.ProtocolIdentifier, RasAddress: reboots.address(rasPort), EndpointAlias: reboots.alias(),
	}}
	if a := reboots.ask(grq, s.gatekeeper("paris")); a == nil || a.GatekeeperReject == nil || !a.GatekeeperReject.AltGKInfo.OK {
		t.Errorf("the one that rebooted: %+v", a)
	}
	urq := &h225.RasMessage{Choice: h225.RasMessageUnregistrationRequest, UnregistrationRequest: &h225.UnregistrationRequest{
		RequestSeqNum: logsOut.next(), CallSignalAddress: []h225.TransportAddress{logsOut.address(1720)}, EndpointIdentifier: ids[1],
	}}
	if a := logsOut.ask(urq, s.gatekeeper("paris")); a == nil || a.UnregistrationConfirm == nil {
		t.Errorf("the one that logged out: %+v", a)
	}
	if a := rebootsLater.once(rebootsLater.full(), s.gatekeeper("paris")); a.RegistrationReject == nil || !a.RegistrationReject.AltGKInfo.OK {
		t.Errorf("the one that rebooted and sends RRQ: %+v", a)
	}
	for _, p := range all {
		if a := p.once(p.full(), s.gatekeeper("london")); a.RegistrationConfirm == nil {
			t.Errorf("%s at home: %+v", p.number, a.RegistrationReject)
		}
		if p.urq != 0 {
			t.Errorf("%s was sent", p.number)
		}
	}
	s.until("paris", "no guest is left", func(st api.Status) bool { return len(st.Guests) == 0 })
}

func TestFB4_AnEndpointThatIgnoresURQIsSentHomeByItsKeepAlive(t *testing.T) {
	s := h323Site(t)
	p := newRASPhone(t, "205", s.net+"105", s.gatekeeper("london"))
	p.mu.Lock()
	p.mute = true
	p.mu.Unlock()
	s.until("london", "the endpoint is registered at home", allRegistered(1))
	s.stop("london")
	s.until("paris", "the endpoint is a guest", func(st api.Status) bool { return len(st.Guests) == 1 })
	p.mu.Lock()
	p.rejects = nil
	p.mu.Unlock()
	s.start("london")
	s.until("london", "it is home", allRegistered(1))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.urq == 0 || !slices.Contains(p.rejects, "RRJ to london") {
		t.Errorf("%d URQ, rejected with %q", p.urq, p.rejects)
	}
}

// md5Token is a cryptoEPPwdHash of H.235 made by hand.
func md5Token(t *testing.T, number, password string, at time.Time) h225.CryptoH323Token {
	t.Helper()
	clear := h225.ClearToken{TokenOID: per.MustOID("0.0"), TimeStamp: per.Some(uint32(at.Unix())),
		Password: per.NewBMP(password + "\x00"), GeneralID: per.NewBMP(number + "\x00")}
	data, err := clear.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(data)
	return h225.CryptoH323Token{Choice: h225.CryptoH323TokenCryptoEPPwdHash, CryptoEPPwdHash: &h225.CryptoH323TokenCryptoEPPwdHashValue{
		Alias:     h225.AliasAddress{Choice: h225.AliasAddressDialledDigits, DialledDigits: number},
		TimeStamp: uint32(at.Unix()),
		Token:     h225.Hashed{AlgorithmOID: per.MustOID("1.2.840.113549.2.5"), Hash: per.BitString{Octets: sum[:], Len: 128}},
	}}
}

func TestSH1_FO5_AnEndpointProvesItselfAtTheBackupWithTheSharedPassword(t *testing.T) {
	s := newSite(t)
	s.extra["paris"] = "h323: {listen: true}\n"
	s.extra["london"] = s.extra["paris"]
	s.h323 = "203" // one of london's phones, with the password secret203
	s.start("london")
	s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	s.stop("london")
	s.until("paris", "london is served", func(st api.Status) bool { return homeState(st, "london") == "SERVING" })
	p := idle(t, "203", s.net+"103")
	for _, c := range []struct {
		password string
		want     bool
	}{{"", false}, {"wrong", false}, {"secret203", true}} {
		m := p.full()
		if c.password != "" {
			m.CryptoTokens = []h225.CryptoH323Token{md5Token(t, "203", c.password, time.Now())}
		}
		a := p.once(m, s.gatekeeper("paris"))
		if (a.RegistrationConfirm != nil) != c.want {
			t.Errorf("password %q: %+v", c.password, a)
		}
		if !c.want && (a.RegistrationReject == nil || a.RegistrationReject.RejectReason.Choice != h225.RegistrationRejectReasonSecurityDenial) {
			t.Errorf("password %q: %+v", c.password, a.RegistrationReject)
		}
	}
	s.until("paris", "it is a guest", func(st api.Status) bool { return len(st.Guests) == 1 && st.Guests[0].Number == "203" })
}
