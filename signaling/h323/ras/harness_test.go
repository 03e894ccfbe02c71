package ras

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

var (
	start    = time.Unix(1_795_356_576, 0) // when h235-1-sha1-ok was captured
	phone    = netip.MustParseAddrPort("192.0.2.10:1719")
	other    = netip.MustParseAddrPort("192.0.2.66:1719")
	gk       = netip.MustParseAddrPort("198.51.100.1:1719")
	homeAddr = netip.MustParseAddrPort("198.51.100.2:1719")
)

// desk is an Office that knows the numbers 2001 to 2099 and does as it is told.
type desk struct {
	decision  Decision
	answer    Answer
	secrets   map[registrar.Number]Secret
	shared    map[string]Endpoint
	anyNumber bool
	asked     []Question
	recorded  []Registering
	quiet     bool // keeps no record (benchmarks)
}

func (d *desk) Known(n registrar.Number) bool {
	return d.anyNumber || len(n) == 4 && strings.HasPrefix(string(n), "20")
}

func (d *desk) Ask(q *Question) Decision {
	if !d.quiet {
		d.asked = append(d.asked, *q)
	}
	return d.decision
}

func (d *desk) Secret(n registrar.Number) (Secret, bool) { s, ok := d.secrets[n]; return s, ok }

func (d *desk) Register(r *Registering) Answer {
	if !d.quiet {
		kept := *r
		e := *r.Endpoint
		kept.Endpoint = &e
		d.recorded = append(d.recorded, kept)
	}
	return d.answer
}

func (d *desk) Shared(id string) (Endpoint, bool) { e, ok := d.shared[id]; return e, ok }

// rig is a gatekeeper with its desk and a clock.
type rig struct {
	t    testing.TB
	g    *Gatekeeper
	desk *desk
	now  time.Time
	out  Out
	sent [][]byte // everything that it sent
	seq  uint16
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	d := &desk{secrets: map[registrar.Number]Secret{}, shared: map[string]Endpoint{}}
	c := Config{
		Identifier: "gkA", Peers: []string{"gkHome"}, Addresses: []netip.AddrPort{gk},
		Open: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		Rate: -1, Random: counter(),
	}
	for _, f := range change {
		f(&c)
	}
	g, err := New(c, d)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, g: g, desk: d, now: start}
}

func counter() func() uint64 {
	n := uint64(0x9e3779b97f4a7c15)
	return func() uint64 { n = n*6364136223846793005 + 1442695040888963407; return n }
}

// raw gives octets to the gatekeeper and returns its packets, decoded.
func (r *rig) raw(data []byte, from netip.AddrPort) []*h225.RasMessage {
	r.t.Helper()
	r.out.Reset()
	was := bytes.Clone(data)
	r.g.Receive(data, From{Addr: from}, r.now, &r.out)
	if !bytes.Equal(was, data) {
		r.t.Fatal("the packet was changed")
	}
	return r.answers()
}

func (r *rig) answers() []*h225.RasMessage {
	r.t.Helper()
	var all []*h225.RasMessage
	for _, p := range r.out.Packets {
		data := bytes.Clone(p.Data)
		m, err := h225.DecodeRAS(data)
		if err != nil {
			r.t.Fatalf("what we sent cannot be decoded: %v: %x", err, data)
		}
		r.sent = append(r.sent, data)
		all = append(all, m)
	}
	return all
}

// ask sends a request and gives its one answer, nil if there was none.
func (r *rig) ask(m *h225.RasMessage, from netip.AddrPort) *h225.RasMessage {
	r.t.Helper()
	got := r.raw(encode(r.t, m), from)
	switch len(got) {
	case 0:
		return nil
	case 1:
		if to := r.out.Packets[0].To; to != from {
			r.t.Errorf("answered to %s, not to its source %s", to, from)
		}
		return got[0]
	}
	r.t.Fatalf("%d answers", len(got))
	return nil
}

func (r *rig) tick(d time.Duration) []*h225.RasMessage {
	r.t.Helper()
	r.now = r.now.Add(d)
	r.out.Reset()
	r.g.Tick(r.now, &r.out)
	return r.answers()
}

func encode(t testing.TB, m *h225.RasMessage) []byte {
	t.Helper()
	data, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func digits(all ...string) (out []h225.AliasAddress) {
	for _, d := range all {
		out = append(out, h225.AliasAddress{Choice: h225.AliasAddressDialledDigits, DialledDigits: d})
	}
	return out
}

func addresses(a ...netip.AddrPort) (out []h225.TransportAddress) {
	for _, at := range a {
		out = append(out, writeAddress(at))
	}
	return out
}

func vendor() h225.VendorIdentifier {
	return h225.VendorIdentifier{Vendor: h225.H221NonStandard{T35CountryCode: 9, ManufacturerCode: 61}, ProductId: []byte("testphone"), VersionId: []byte("1.0\x00")}
}

func terminal() h225.EndpointType {
	v := vendor()
	return h225.EndpointType{Vendor: &v, Terminal: per.Some(h225.TerminalInfo{})}
}

func (r *rig) next() uint16 { r.seq = r.seq%65535 + 1; return r.seq }

func (r *rig) grq(aliases ...string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageGatekeeperRequest, GatekeeperRequest: &h225.GatekeeperRequest{
		RequestSeqNum: r.next(), ProtocolIdentifier: h225.ProtocolIdentifier, RasAddress: writeAddress(phone),
		EndpointType: terminal(), EndpointAlias: digits(aliases...), SupportsAltGK: true,
	}}
}

// rrq is a full registration of an endpoint that calls its signalling address its
// source's, port 1720.
func (r *rig) rrq(at netip.AddrPort, aliases ...string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageRegistrationRequest, RegistrationRequest: &h225.RegistrationRequest{
		RequestSeqNum: r.next(), ProtocolIdentifier: h225.ProtocolIdentifier, DiscoveryComplete: true,
		CallSignalAddress: addresses(netip.AddrPortFrom(at.Addr(), 1720)), RasAddress: addresses(at),
		TerminalType: terminal(), TerminalAlias: digits(aliases...), EndpointVendor: vendor(),
		KeepAlive: per.Some(false), SupportsAltGK: true,
	}}
}

func (r *rig) keepAlive(id string) *h225.RasMessage {
	m := r.rrq(phone)
	m.RegistrationRequest.KeepAlive = per.Some(true)
	m.RegistrationRequest.DiscoveryComplete = false
	if id != "" {
		m.RegistrationRequest.EndpointIdentifier = bmp(id)
	}
	return m
}

func (r *rig) urqFor(id string) *h225.RasMessage {
	return &h225.RasMessage{Choice: h225.RasMessageUnregistrationRequest, UnregistrationRequest: &h225.UnregistrationRequest{
		RequestSeqNum: r.next(), CallSignalAddress: addresses(netip.AddrPortFrom(phone.Addr(), 1720)), EndpointIdentifier: bmp(id),
	}}
}

// registered registers a number from phone and gives its identifier.
func (r *rig) registered(number string) string {
	r.t.Helper()
	got := r.ask(r.rrq(phone, number), phone)
	if got == nil || got.RegistrationConfirm == nil {
		r.t.Fatalf("%s was not registered: %s", number, show(got))
	}
	return got.RegistrationConfirm.EndpointIdentifier.String()
}

func show(m *h225.RasMessage) string {
	if m == nil {
		return "no answer"
	}
	text, err := per.JSON(m)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// wants fails unless the answer's JSON has all the parts.
func wants(t testing.TB, m *h225.RasMessage, parts ...string) {
	t.Helper()
	text := show(m)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
}

// captured gives the messages of a capture in testdata/h323, by name and number.
func captured(t testing.TB, file string) map[string][]byte {
	t.Helper()
	content, err := os.ReadFile("../../../testdata/h323/" + file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for line := range strings.Lines(string(content)) {
		name, octets, _ := strings.Cut(strings.TrimSpace(line), " ")
		data, err := hex.DecodeString(octets)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = data
	}
	return all
}
