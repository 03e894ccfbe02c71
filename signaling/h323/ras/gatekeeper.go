package ras

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// Gatekeeper is one gatekeeper. It is not safe for concurrent use.
type Gatekeeper struct {
	config Config
	office Office
	ids    []per.BMP // ours, then those of the peers

	endpoints table
	agenda    agenda
	pending   map[uint16]*pending
	sequence  uint16
	answers   answers
	strangers strangers
	proofs    map[registrar.Number]*proofs
	count     Counters
}

// From is where a packet came from.
type From struct {
	Addr netip.AddrPort
	// Socket is the index of our socket in Config.Addresses.
	Socket uint8
	// Multicast: it came to the discovery group, not to us.
	Multicast bool
}

// Packet is a packet to send.
type Packet struct {
	Socket uint8
	To     netip.AddrPort
	Data   []byte
}

// Out is what follows from a call. It is the caller's, to be used again after Reset;
// the Data of its packets is valid until then.
type Out struct {
	Packets []Packet
	Events  []Event
	buf     []byte
}

// Reset empties it for the next call.
func (o *Out) Reset() {
	clear(o.Events)
	if cap(o.buf) > 1<<20 {
		o.buf = nil
	}
	o.Packets, o.Events, o.buf = o.Packets[:0], o.Events[:0], o.buf[:0]
}

// ErrConfig is wrapped by what New returns.
var ErrConfig = errors.New("gatekeeper configuration")

// New makes a gatekeeper without endpoints.
func New(c Config, office Office) (*Gatekeeper, error) {
	c.defaults()
	switch {
	case c.Identifier == "" || len(bmp(c.Identifier)) > 2*maxIdentifier:
		return nil, fmt.Errorf("%w: the gatekeeper identifier %q has not 1 to %d characters", ErrConfig, c.Identifier, maxIdentifier)
	case len(c.Addresses) == 0 || slices.ContainsFunc(c.Addresses, func(a netip.AddrPort) bool { return !a.IsValid() }):
		return nil, fmt.Errorf("%w: a socket without an address for rasAddress: %v", ErrConfig, c.Addresses)
	case c.Random == nil || office == nil:
		return nil, fmt.Errorf("%w: it needs an office and a source of random numbers", ErrConfig)
	}
	g := &Gatekeeper{
		config: c, office: office,
		endpoints: newTable(),
		pending:   map[uint16]*pending{},
		answers:   newAnswers(c.Answers),
		strangers: newStrangers(&c),
		proofs:    map[registrar.Number]*proofs{},
	}
	for _, id := range append([]string{c.Identifier}, c.Peers...) {
		g.ids = append(g.ids, bmp(id))
	}
	return g, nil
}

// Counters are the counts so far.
func (g *Gatekeeper) Counters() Counters { return g.count }

// Len is how many endpoints are registered.
func (g *Gatekeeper) Len() int { return len(g.endpoints.byNumber) }

// Endpoint is the registration of a number; false if there is none.
func (g *Gatekeeper) Endpoint(n registrar.Number) (Endpoint, bool) {
	e, ok := g.endpoints.byNumber[n]
	if !ok {
		return Endpoint{}, false
	}
	return e.copy(), true
}

// All are the registered endpoints, in no order.
func (g *Gatekeeper) All() []Endpoint {
	all := make([]Endpoint, 0, len(g.endpoints.byNumber))
	for _, e := range g.endpoints.byNumber {
		all = append(all, e.copy())
	}
	return all
}

// request is a message that is being handled.
type request struct {
	from   From
	packet []byte
	key    answerKey
	now    time.Time
	out    *Out
	// signed is set once the sender has proved itself with H.235.1: answers are signed.
	signed signer
}

// Receive handles one packet. The packet may be changed (and is put right again) while
// it is looked at, and is not kept.
func (g *Gatekeeper) Receive(packet []byte, from From, now time.Time, out *Out) {
	from.Addr = netip.AddrPortFrom(from.Addr.Addr().Unmap(), from.Addr.Port())
	if int(from.Socket) >= len(g.config.Addresses) {
		from.Socket = 0
	}
	if !g.endpoints.knows(from.Addr.Addr()) && !g.strangers.allow(from.Addr.Addr(), now) {
		g.count.Throttled++
		return
	}
	r := request{from: from, packet: packet, now: now, out: out, key: g.answers.key(packet, from.Addr)}
	if data := g.answers.find(r.key, now, g.config.AnswersFor); data != nil {
		g.count.Repeated++
		at := len(out.buf)
		out.buf = append(out.buf, data...)
		out.Packets = append(out.Packets, Packet{from.Socket, from.Addr, out.buf[at:]})
		return
	}
	m, err := h225.DecodeRAS(packet)
	if err != nil {
		g.count.Undecodable++
		return
	}
	if int(m.Choice) < kinds {
		g.count.Received[m.Choice]++
	} else {
		g.count.Received[0]++
	}
	if from.Multicast && m.GatekeeperRequest == nil && m.LocationRequest == nil {
		return // H.225.0 7.8, 7.13: only discovery and location are asked of a group
	}
	g.dispatch(&r, m)
}

func (g *Gatekeeper) dispatch(r *request, m *h225.RasMessage) {
	switch m.Choice {
	case h225.RasMessageGatekeeperRequest:
		g.discover(r, m.GatekeeperRequest)
	case h225.RasMessageRegistrationRequest:
		g.register(r, m.RegistrationRequest)
	case h225.RasMessageUnregistrationRequest:
		g.unregister(r, m.UnregistrationRequest)
	case h225.RasMessageAdmissionRequest:
		g.admit(r, m.AdmissionRequest)
	case h225.RasMessageBandwidthRequest:
		g.bandwidth(r, m.BandwidthRequest)
	case h225.RasMessageDisengageRequest:
		g.disengage(r, m.DisengageRequest)
	case h225.RasMessageLocationRequest:
		g.locate(r, m.LocationRequest)
	case h225.RasMessageInfoRequestResponse:
		g.informed(r, m.InfoRequestResponse)
	case h225.RasMessageResourcesAvailableIndicate:
		g.resources(r, m.ResourcesAvailableIndicate)
	case h225.RasMessageServiceControlIndication:
		g.serviceControl(r, m.ServiceControlIndication)
	case h225.RasMessageInfoRequest:
		g.unknown(r, m.InfoRequest.RequestSeqNum) // it is the gatekeeper who asks
	case h225.RasMessageNonStandardMessage:
		g.unknown(r, m.NonStandardMessage.RequestSeqNum)
	case per.Unknown:
		g.unknown(r, 1) // its sequence number is in what we cannot read
	default:
		g.answered(r, m)
	}
}

// unknown answers a message that is not for us to understand (H.225.0 7.16: XRS).
func (g *Gatekeeper) unknown(r *request, seq uint16) {
	g.count.Unknown++
	g.reply(r, &h225.RasMessage{
		Choice: h225.RasMessageUnknownMessageResponse,
		UnknownMessageResponse: &h225.UnknownMessageResponse{
			RequestSeqNum: seq, MessageNotUnderstood: bytes.Clone(r.packet[:min(len(r.packet), 512)]),
		},
	})
}

// reply sends the answer to a request to where that came from, whatever it says of
// addresses (NAT), and keeps it for when the request comes again.
func (g *Gatekeeper) reply(r *request, m *h225.RasMessage) {
	at := len(r.out.buf)
	if !g.write(r.out, m, r.signed, r.now) {
		return
	}
	data := r.out.buf[at:]
	r.out.Packets = append(r.out.Packets, Packet{r.from.Socket, r.from.Addr, data})
	g.answers.keep(r.key, data, r.now)
}

// write appends the octets of a message, signed where the other side can check it.
func (g *Gatekeeper) write(out *Out, m *h225.RasMessage, by signer, now time.Time) bool {
	at := len(out.buf)
	var mark [12]byte
	by.ok = by.ok && tokensIn(m) != nil
	if by.ok {
		mark = g.sign(m, by, now)
	}
	buf, err := m.Append(out.buf)
	if err != nil {
		g.count.Unanswerable++
		return false
	}
	out.buf = buf
	if by.ok && !seal(buf[at:], mark, by.key) {
		g.count.Unanswerable++
		out.buf = buf[:at]
		return false
	}
	g.count.Sent[m.Choice]++
	return true
}

// ours says whether a gatekeeperIdentifier is ours, or that of a system whose endpoints
// may come here; none at all is anybody's.
func (g *Gatekeeper) ours(id per.BMP) bool {
	if len(id) == 0 || slices.ContainsFunc(g.ids, func(known per.BMP) bool { return bytes.Equal(known, id) }) {
		return true
	}
	g.count.WrongGatekeeper++
	return false
}

// revision says whether a protocolIdentifier is one of H.225.0.
func revision(id per.OID) bool {
	ours := h225.ProtocolIdentifier
	return len(id) == len(ours) && bytes.Equal(id[:len(id)-1], ours[:len(ours)-1])
}

// identify finds the extension that aliases are those of.
func (g *Gatekeeper) identify(aliases []Alias) registrar.Number {
	for _, a := range aliases {
		if n := a.number(); n != "" && g.office.Known(n) {
			return n
		}
	}
	return ""
}

// candidate is the number that an endpoint would be of whom nobody knows: a system that
// does not know all numbers yet has a say about it (GU3).
func candidate(aliases []Alias) registrar.Number {
	for _, a := range aliases {
		if n := a.number(); n != "" {
			return n
		}
	}
	return ""
}

func readAliases(list []h225.AliasAddress) (aliases []Alias, ok bool) {
	if len(list) > maxAliases {
		return nil, false
	}
	aliases = make([]Alias, 0, len(list))
	for i := range list {
		a, ok := readAlias(&list[i])
		if !ok {
			return nil, false
		}
		aliases = append(aliases, a)
	}
	return aliases, true
}

func alternateGatekeepers(list []Alternate) []h225.AlternateGK {
	if len(list) == 0 {
		return nil
	}
	out := make([]h225.AlternateGK, len(list))
	for i, a := range list {
		out[i] = h225.AlternateGK{RasAddress: writeAddress(a.Address), NeedToRegister: true, Priority: min(a.Priority, 127)}
		if a.Identifier != "" {
			out[i].GatekeeperIdentifier = bmp(a.Identifier)
		}
	}
	return out
}

// altGKInfo is for rejects; never permanent, so that the endpoint comes back (FO1).
func altGKInfo(list []Alternate) per.Opt[h225.AltGKInfo] {
	if len(list) == 0 {
		return per.Opt[h225.AltGKInfo]{}
	}
	return per.Some(h225.AltGKInfo{AlternateGatekeeper: alternateGatekeepers(list)})
}
