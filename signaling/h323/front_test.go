package h323

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rs/zerolog"

	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
	"roost/signaling/h323/ras"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk lets every number from 2000 on register, but panics at 2666.
type desk struct{}

func (desk) Known(n registrar.Number) bool              { return len(n) == 4 }
func (desk) Secret(registrar.Number) (ras.Secret, bool) { return ras.Secret{}, false }
func (desk) Register(*ras.Registering) ras.Answer       { return ras.Answer{} }
func (desk) Shared(string) (e ras.Endpoint, ok bool)    { return }
func (desk) Ask(q *ras.Question) (d ras.Decision) {
	if q.Number == "2666" {
		panic("the office burns")
	}
	return d
}

// serve starts a Front on a loopback address.
func serve(t *testing.T, at string, groups ...*net.UDPConn) (*Front, netip.AddrPort, chan ras.Event) {
	t.Helper()
	socket, err := OpenUDP(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	address := AddressOf(socket)
	told := make(chan ras.Event, 16)
	f, err := New(Options{
		Sockets: []*net.UDPConn{socket}, Groups: groups, Office: desk{}, Log: zerolog.Nop(),
		Events: func(e ras.Event) { told <- e },
		Gatekeeper: ras.Config{
			Identifier: "gkA", Addresses: []netip.AddrPort{address}, Random: func() uint64 { return 4711 },
			Open: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return f, address, told
}

// phone is an endpoint written by hand.
type phone struct {
	t    *testing.T
	conn *net.UDPConn
}

func newPhone(t *testing.T, to netip.AddrPort) *phone {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &phone{t, conn}
}

func (p *phone) send(m *h225.RasMessage) {
	p.t.Helper()
	data, err := m.Append(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.conn.Write(data); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) hear() *h225.RasMessage {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 65535)
	n, err := p.conn.Read(buf)
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := h225.DecodeRAS(buf[:n])
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *phone) rrq(seq uint16, alias string) *h225.RasMessage {
	at := p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	address := h225.TransportAddress{Choice: h225.TransportAddressIpAddress, IpAddress: h225.IPAddress{Ip: [4]byte{127, 0, 0, 1}, Port: at.Port()}}
	return &h225.RasMessage{Choice: h225.RasMessageRegistrationRequest, RegistrationRequest: &h225.RegistrationRequest{
		RequestSeqNum: seq, ProtocolIdentifier: h225.ProtocolIdentifier,
		CallSignalAddress: []h225.TransportAddress{address}, RasAddress: []h225.TransportAddress{address},
		TerminalType:  h225.EndpointType{Terminal: per.Some(h225.TerminalInfo{})},
		TerminalAlias: []h225.AliasAddress{{Choice: h225.AliasAddressDialledDigits, DialledDigits: alias}},
		KeepAlive:     per.Some(false),
	}}
}

func TestFront_IPv4AndIPv6(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		f, address, _ := serve(t, at)
		p := newPhone(t, address)
		p.send(p.rrq(1, "2001"))
		if m := p.hear(); m.RegistrationConfirm == nil || m.RegistrationConfirm.RequestSeqNum != 1 {
			t.Errorf("%s: %+v", at, m)
		}
		if e, ok := f.Endpoint("2001"); !ok || e.Source.Addr() != address.Addr() || len(f.Endpoints()) != 1 {
			t.Errorf("%s: %+v", at, e)
		}
	}
}

func TestFront_APanicCostsOneMessage(t *testing.T) {
	f, address, _ := serve(t, "127.0.0.1:0")
	p := newPhone(t, address)
	p.send(p.rrq(1, "2666"))
	p.send(p.rrq(2, "2001"))
	if m := p.hear(); m.RegistrationConfirm == nil || m.RegistrationConfirm.RequestSeqNum != 2 {
		t.Errorf("%+v", m)
	}
	if c := f.Counters(); c.Panics != 1 || c.Received[h225.RasMessageRegistrationRequest] != 2 {
		t.Errorf("%+v", c)
	}
}

func TestFB4_SendHomeTellsTheEndpointAndItsResult(t *testing.T) {
	f, address, told := serve(t, "127.0.0.1:0")
	p := newPhone(t, address)
	p.send(p.rrq(1, "2001"))
	p.hear()
	f.SendHome("2001", []ras.Alternate{{Address: netip.MustParseAddrPort("127.0.0.9:1719")}})
	urq := p.hear().UnregistrationRequest
	if urq == nil || urq.Reason.V.Choice != h225.UnregRequestReasonMaintenance || len(urq.AlternateGatekeeper) != 1 {
		t.Fatalf("%+v", urq)
	}
	p.send(&h225.RasMessage{Choice: h225.RasMessageUnregistrationConfirm, UnregistrationConfirm: &h225.UnregistrationConfirm{RequestSeqNum: urq.RequestSeqNum}})
	if e := <-told; e != (ras.UnregisterResult{Number: "2001", Confirmed: true}) {
		t.Errorf("%+v", e)
	}
	if e, ok := (<-told).(ras.Gone); !ok || e.Why != ras.SentHome {
		t.Errorf("%+v", e)
	}
	f.SendHome("2001", nil)
	if e := <-told; e != (ras.UnregisterResult{Number: "2001"}) {
		t.Errorf("one who is not here: %+v", e)
	}
}

func TestFront_ManyAtOnceAreAllAnswered(t *testing.T) {
	f, address, _ := serve(t, "127.0.0.1:0")
	p := newPhone(t, address)
	for i := range 200 {
		p.send(p.rrq(uint16(i+1), "2001"))
	}
	seen := map[uint16]bool{}
	for range 200 {
		seen[p.hear().RegistrationConfirm.RequestSeqNum] = true
	}
	if len(seen) != 200 || len(f.Endpoints()) != 1 {
		t.Errorf("%d answers", len(seen))
	}
}

// TestFront_DiscoveryThroughAGroupIsAnsweredFromTheRASSocket uses a socket on loopback
// in the place of the group's: not every machine that runs tests passes multicast on.
func TestFront_DiscoveryThroughAGroupIsAnsweredFromTheRASSocket(t *testing.T) {
	group, err := OpenUDP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, address, _ := serve(t, "127.0.0.1:0", group)
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := &phone{t, conn}
	grq := &h225.RasMessage{Choice: h225.RasMessageGatekeeperRequest, GatekeeperRequest: &h225.GatekeeperRequest{
		RequestSeqNum: 9, ProtocolIdentifier: h225.ProtocolIdentifier, RasAddress: p.rrq(1, "2001").RegistrationRequest.RasAddress[0],
		EndpointAlias: []h225.AliasAddress{{Choice: h225.AliasAddressDialledDigits, DialledDigits: "2001"}},
	}}
	data, err := grq.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WriteToUDP(data, group.LocalAddr().(*net.UDPAddr)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 65535)
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := h225.DecodeRAS(buf[:n])
	if err != nil || m.GatekeeperConfirm == nil || from != address {
		t.Errorf("from %s: %+v, %v", from, m, err)
	}
}

func TestOpenGroup_NeedsAnInterfaceWithTheAddress(t *testing.T) {
	if _, err := OpenGroup(DiscoveryGroup, netip.MustParseAddr("192.0.2.250")); err == nil {
		t.Error("an address that no interface has")
	}
}

func TestNew_EachSocketNeedsItsAddress(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("no socket")
	}
}
