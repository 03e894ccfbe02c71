package node

import (
	"crypto/md5"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// rasPhone is an H.323 endpoint written by hand: it discovers, registers, keeps alive
// and moves to where it is told, as H323Plus does.
type rasPhone struct {
	t      *testing.T
	number string
	conn   *net.UDPConn
	at     netip.AddrPort
	mute   bool // it never answers URQ

	mu         sync.Mutex
	seq        uint16
	gatekeeper netip.AddrPort // whom it talks to
	identifier per.BMP
	id         per.BMP
	alternates []netip.AddrPort
	registered bool
	urq        int // how often it was told to unregister
	rejects    []string
	done       chan struct{}
	ended      chan struct{}
	answers    chan *h225.RasMessage
}

func newRASPhone(t *testing.T, number, at string, home netip.AddrPort) *rasPhone {
	t.Helper()
	local := netip.AddrPortFrom(netip.MustParseAddr(at), rasPort)
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		t.Fatal(err)
	}
	p := &rasPhone{t: t, number: number, conn: conn, at: local, gatekeeper: home,
		done: make(chan struct{}), ended: make(chan struct{}, 2), answers: make(chan *h225.RasMessage, 16)}
	go p.listen()
	go p.live()
	t.Cleanup(p.stop)
	return p
}

func (p *rasPhone) stop() {
	close(p.done)
	_ = p.conn.Close()
	<-p.ended
	<-p.ended
}

// listen takes messages in and answers requests.
func (p *rasPhone) listen() {
	defer func() { p.ended <- struct{}{} }()
	buf := make([]byte, 65535)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, err := h225.DecodeRAS(append([]byte(nil), buf[:n]...))
		if err != nil {
			continue
		}
		switch {
		case m.UnregistrationRequest != nil:
			p.told(m.UnregistrationRequest, from)
		case m.InfoRequest != nil:
		default:
			select {
			case p.answers <- m:
			default:
			}
		}
	}
}

func (p *rasPhone) told(m *h225.UnregistrationRequest, from netip.AddrPort) {
	p.mu.Lock()
	p.urq++
	if !p.mute {
		p.registered = false
		if len(m.AlternateGatekeeper) > 0 {
			p.gatekeeper = addressOf(&m.AlternateGatekeeper[0].RasAddress)
		}
	}
	p.mu.Unlock()
	if !p.mute {
		p.send(&h225.RasMessage{Choice: h225.RasMessageUnregistrationConfirm,
			UnregistrationConfirm: &h225.UnregistrationConfirm{RequestSeqNum: m.RequestSeqNum}}, from)
	}
}

func addressOf(a *h225.TransportAddress) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a.IpAddress.Ip), a.IpAddress.Port)
}

func (p *rasPhone) send(m *h225.RasMessage, to netip.AddrPort) {
	data, err := m.Append(nil)
	if err != nil {
		p.t.Error(err)
		return
	}
	_, _ = p.conn.WriteToUDPAddrPort(data, to)
}

// live registers, and repeats that, as long as the test runs.
func (p *rasPhone) live() {
	defer func() { p.ended <- struct{}{} }()
	for {
		p.mu.Lock()
		registered, at := p.registered, p.gatekeeper
		p.mu.Unlock()
		wait := 300 * time.Millisecond
		if registered {
			p.keepAlive(at)
		} else if !p.discover(at) {
			p.elsewhere()
			wait = 50 * time.Millisecond
		}
		select {
		case <-p.done:
			return
		case <-time.After(wait):
		}
	}
}

// ask sends a request and waits for its answer, of whatever kind.
func (p *rasPhone) ask(m *h225.RasMessage, to netip.AddrPort) *h225.RasMessage {
	for len(p.answers) > 0 {
		<-p.answers
	}
	p.send(m, to)
	select {
	case a := <-p.answers:
		return a
	case <-p.done:
	case <-time.After(250 * time.Millisecond):
	}
	return nil
}

func (p *rasPhone) next() uint16 { p.seq++; return p.seq }

func (p *rasPhone) alias() []h225.AliasAddress {
	return []h225.AliasAddress{{Choice: h225.AliasAddressDialledDigits, DialledDigits: p.number}}
}

func (p *rasPhone) address(port uint16) h225.TransportAddress {
	return h225.TransportAddress{Choice: h225.TransportAddressIpAddress, IpAddress: h225.IPAddress{Ip: p.at.Addr().As4(), Port: port}}
}

// discover sends GRQ, and the full RRQ if that is confirmed; false: it has to try
// another gatekeeper.
func (p *rasPhone) discover(at netip.AddrPort) bool {
	a := p.ask(&h225.RasMessage{Choice: h225.RasMessageGatekeeperRequest, GatekeeperRequest: &h225.GatekeeperRequest{
		RequestSeqNum: p.next(), ProtocolIdentifier: h225.ProtocolIdentifier, RasAddress: p.address(rasPort),
		EndpointAlias: p.alias(), SupportsAltGK: true,
	}}, at)
	switch {
	case a == nil:
		return false
	case a.GatekeeperReject != nil:
		p.rejected("GRJ", a.GatekeeperReject.AltGKInfo)
		return true
	case a.GatekeeperConfirm != nil:
		p.learn(a.GatekeeperConfirm.AlternateGatekeeper)
		p.register(at)
	}
	return true
}

func (p *rasPhone) rrq() *h225.RegistrationRequest {
	return &h225.RegistrationRequest{
		RequestSeqNum: p.next(), ProtocolIdentifier: h225.ProtocolIdentifier,
		CallSignalAddress: []h225.TransportAddress{p.address(1720)}, RasAddress: []h225.TransportAddress{p.address(rasPort)},
		EndpointVendor: h225.VendorIdentifier{ProductId: []byte("handmade"), VersionId: []byte("1")},
		KeepAlive:      per.Some(false), SupportsAltGK: true,
	}
}

func (p *rasPhone) register(at netip.AddrPort) {
	m := p.rrq()
	m.TerminalAlias, m.DiscoveryComplete = p.alias(), true
	p.mu.Lock()
	if len(p.id) > 0 {
		m.EndpointIdentifier = p.id
	}
	p.mu.Unlock()
	p.confirmed(p.ask(&h225.RasMessage{Choice: h225.RasMessageRegistrationRequest, RegistrationRequest: m}, at))
}

func (p *rasPhone) keepAlive(at netip.AddrPort) {
	m := p.rrq()
	p.mu.Lock()
	m.KeepAlive, m.EndpointIdentifier, m.GatekeeperIdentifier = per.Some(true), p.id, p.identifier
	p.mu.Unlock()
	request := &h225.RasMessage{Choice: h225.RasMessageRegistrationRequest, RegistrationRequest: m}
	a := p.ask(request, at)
	if a == nil {
		a = p.ask(request, at)
	}
	if a == nil { // its gatekeeper is gone
		p.mu.Lock()
		p.registered = false
		p.mu.Unlock()
		p.elsewhere()
		return
	}
	p.confirmed(a)
}

func (p *rasPhone) confirmed(a *h225.RasMessage) {
	switch {
	case a == nil:
	case a.RegistrationConfirm != nil:
		p.mu.Lock()
		p.registered = true
		p.id, p.identifier = a.RegistrationConfirm.EndpointIdentifier, a.RegistrationConfirm.GatekeeperIdentifier
		p.mu.Unlock()
		p.learn(a.RegistrationConfirm.AlternateGatekeeper)
	case a.RegistrationReject != nil:
		p.rejected("RRJ", a.RegistrationReject.AltGKInfo)
		p.mu.Lock()
		p.registered = false
		p.mu.Unlock()
	}
}

func (p *rasPhone) learn(list []h225.AlternateGK) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range list {
		if at := addressOf(&list[i].RasAddress); at != p.gatekeeper {
			p.alternates = []netip.AddrPort{at}
		}
	}
}

func (p *rasPhone) rejected(with string, info per.Opt[h225.AltGKInfo]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if info.OK && len(info.V.AlternateGatekeeper) > 0 {
		with += " to " + info.V.AlternateGatekeeper[0].GatekeeperIdentifier.String()
		p.alternates = []netip.AddrPort{p.gatekeeper}
		p.gatekeeper = addressOf(&info.V.AlternateGatekeeper[0].RasAddress)
	}
	p.rejects = append(p.rejects, with)
}

// elsewhere makes its alternate its gatekeeper, and this one its alternate.
func (p *rasPhone) elsewhere() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.alternates) > 0 {
		p.gatekeeper, p.alternates[0] = p.alternates[0], p.gatekeeper
	}
}

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
