package node

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

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
