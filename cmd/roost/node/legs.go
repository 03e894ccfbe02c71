package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"roost/certs"
	"roost/cmd/roost/config"
	"roost/cmd/roost/node/switchboard"
	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip"
)

// legs are the legs of calls (switchboard.Legs): all of them SIP, so far.
type legs struct{ *Node }

// Dial implements switchboard.Legs.
func (l legs) Dial(leg *switchboard.Leg, d call.Dial) {
	switch leg.Kind {
	case call.Phone:
		l.endpoint.Dial(sip.DialTarget{Kind: call.Phone, Registration: &leg.Target.Binding}, leg.ID, d)
	case call.System:
		l.voice.neighbours.begins(leg.ID)
		l.voice.neighbours.reach(leg.Name, l.endpoint.Alive, func(then func(registrar.FlowID, error)) { l.connectSystem(leg.Name, then) },
			func(flow registrar.FlowID, err error) {
				if l.voice.neighbours.began(leg.ID) { // else it was given up meanwhile
					l.dialNeighbour(leg, d, l.config().Realm, flow, err)
				}
			})
	case call.Trunk:
		l.dialTrunk(leg, d)
	}
}

func (l legs) dialNeighbour(leg *switchboard.Leg, d call.Dial, host string, flow registrar.FlowID, err error) {
	if err != nil {
		l.voice.quiet.Warn("no-way-out").Err(err).Str(leg.Kind.String(), leg.Name).Msg("a call could not go out")
		l.voice.board.LegEvent(call.Refused{Leg: leg.ID, Cause: call.Cause{Status: 503, Phrase: leg.Kind.String() + " " + leg.Name + " cannot be reached"}})
		return
	}
	l.endpoint.Dial(sip.DialTarget{Kind: leg.Kind, URI: "sip:" + escapeUser(d.To) + "@" + host, Flow: flow}, leg.ID, d)
}

// Do implements switchboard.Legs. A leg that waits for the connection to a system can
// only be given up.
func (l legs) Do(id call.LegID, a call.LegAction) bool {
	if _, cancel := a.(call.Cancel); cancel && l.voice.neighbours.began(id) {
		l.voice.board.LegEvent(call.Refused{Leg: id, Cause: call.Cause{Status: 487, Phrase: "given up before it was connected"}})
		return true
	}
	return l.endpoint.Do(id, a)
}

// Dialog implements switchboard.Legs.
func (l legs) Dialog(id call.LegID) (call.DialogID, bool) { return l.endpoint.Dialog(id) }

// ByDialog implements switchboard.Legs.
func (l legs) ByDialog(d call.DialogID) (call.LegID, bool) { return l.endpoint.LegByDialog(d) }

// neighbours are the connections to other systems, one to each that is used by calls.
type neighbours struct {
	mu    sync.Mutex
	flows map[string]registrar.FlowID
	names map[registrar.FlowID]string
	// waiting are the calls to a system that is being connected to.
	waiting map[string][]func(registrar.FlowID, error)
	// legs are those that wait.
	legs map[call.LegID]bool
}

// begins notes that a leg waits for a connection; began ends that, and says whether it
// still waited.
func (ns *neighbours) begins(leg call.LegID) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if ns.legs == nil {
		ns.legs = map[call.LegID]bool{}
	}
	ns.legs[leg] = true
}

func (ns *neighbours) began(leg call.LegID) bool {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	waited := ns.legs[leg]
	delete(ns.legs, leg)
	return waited
}

// reach gives the flow to a system to then, at once or when it is connected.
func (ns *neighbours) reach(name string, alive func(registrar.FlowID) bool, connect func(func(registrar.FlowID, error)), then func(registrar.FlowID, error)) {
	ns.mu.Lock()
	flow, ok := ns.flows[name]
	if ok && !alive(flow) { // it ended before we had noted it
		delete(ns.names, flow)
		delete(ns.flows, name)
		ok = false
	}
	if ok {
		ns.mu.Unlock()
		then(flow, nil)
		return
	}
	if ns.waiting == nil {
		ns.waiting = map[string][]func(registrar.FlowID, error){}
	}
	first := len(ns.waiting[name]) == 0
	ns.waiting[name] = append(ns.waiting[name], then)
	ns.mu.Unlock()
	if first {
		connect(func(flow registrar.FlowID, err error) { ns.connected(name, flow, err) })
	}
}

// connected lets go on what waited for a connection.
func (ns *neighbours) connected(name string, flow registrar.FlowID, err error) {
	if err == nil {
		ns.met(name, flow)
	}
	ns.mu.Lock()
	waiting := ns.waiting[name]
	delete(ns.waiting, name)
	ns.mu.Unlock()
	for _, then := range waiting {
		then(flow, err)
	}
}

// met remembers a connection with a system, whoever opened it: the next call to it goes
// there too (RFC 5923).
func (ns *neighbours) met(name string, flow registrar.FlowID) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if ns.flows == nil {
		ns.flows, ns.names = map[string]registrar.FlowID{}, map[registrar.FlowID]string{}
	}
	ns.names[flow] = name
	if _, ok := ns.flows[name]; !ok {
		ns.flows[name] = flow
	}
}

func (ns *neighbours) name(flow registrar.FlowID) (string, bool) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	name, ok := ns.names[flow]
	return name, ok
}

// lost: the line to a system is down. Calls that go on keep their connection; new ones
// make another, and learn within seconds if there is nobody.
func (ns *neighbours) lost(name string) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	delete(ns.flows, name)
}

// closed forgets a connection.
func (ns *neighbours) closed(flow registrar.FlowID) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	name, ok := ns.names[flow]
	if !ok {
		return
	}
	delete(ns.names, flow)
	if ns.flows[name] != flow {
		return
	}
	delete(ns.flows, name)
	for other, of := range ns.names {
		if of == name {
			ns.flows[name] = other
			return
		}
	}
}

// connectWithin bounds how long a call waits for the connection to another system.
const connectWithin = 4 * time.Second

// connectSystem opens a connection to another system, whose certificate must name it.
func (n *Node) connectSystem(name string, then func(registrar.FlowID, error)) {
	n.spawn(func() {
		flow, err := n.connectTo(name)
		then(flow, err)
	})
}

func (n *Node) connectTo(name string) (registrar.FlowID, error) {
	line := n.lineTo(name)
	if line == nil {
		return 0, fmt.Errorf("there is no line to %s", name)
	}
	at := line.SIPAddress()
	if at.IsZero() {
		return 0, fmt.Errorf("the line to %s has no address, and %s has opened no connection for calls; give network.lines[].sip", name, name)
	}
	ctx, cancel := context.WithTimeout(n.ctx, connectWithin)
	defer cancel()
	dialer := net.Dialer{KeepAlive: 15 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return 0, err
	}
	return n.endpoint.Connect(conn, n.certs.LineClient(certs.Line{Clock: time.Now, Peer: name}))
}

func (n *Node) lineTo(name string) *config.Line {
	lines := n.config().Network.Lines
	for i := range lines {
		if lines[i].System == name {
			return &lines[i]
		}
	}
	return nil
}

// neighbourOf says whether a flow is another system's or a trunk's: one that we opened,
// one that came in where systems call and shows a certificate of a system that a line
// goes to, or one from a trunk's address.
func (n *Node) neighbourOf(p sip.FlowPeer) (sip.Neighbour, bool) {
	if name, ok := n.voice.neighbours.name(p.Flow); ok {
		return sip.Neighbour{Kind: call.System, Name: name}, true
	}
	if p.TLS != nil && len(p.TLS.PeerCertificates) > 0 && n.forSystems(p.Local) {
		name, err := certs.SystemOf(p.TLS.PeerCertificates[0])
		if err != nil || n.lineTo(name) == nil {
			return sip.Neighbour{}, false
		}
		n.voice.neighbours.met(name, p.Flow)
		return sip.Neighbour{Kind: call.System, Name: name}, true
	}
	return n.trunkOf(p)
}

// forSystems: local is where other systems' calls come in.
func (n *Node) forSystems(local netip.AddrPort) bool {
	at := n.voice.systems
	return at.IsValid() && local.Port() == at.Port() && (at.Addr().IsUnspecified() || local.Addr().Unmap() == at.Addr())
}

func addrPortOf(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// systemsTLS makes a listener's settings ask for the certificate of who comes in where
// other systems call: mutual TLS 1.3, and the name of a system that a line goes to.
func (n *Node) systemsTLS(settings *tls.Config) {
	server := n.certs.LineServer(certs.Line{
		Clock: time.Now,
		Allow: func(system string) error {
			if n.lineTo(system) == nil {
				return fmt.Errorf("%s has no line here: name it under network.lines", system)
			}
			return nil
		},
		Refused: func(remote net.Addr, err error) {
			n.voice.turnedAway.Add(1)
			n.voice.quiet.Warn("no-neighbour").Err(err).Stringer("peer", remote).Msg("turned away where other systems call (network.sip)")
		},
	})
	settings.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if !n.forSystems(addrPortOf(hello.Conn.LocalAddr())) {
			return nil, nil // as for phones
		}
		return server.GetConfigForClient(hello)
	}
}

// escapeUser makes a number the user part of a SIP URI (RFC 3261 §25.1).
func escapeUser(number string) string {
	var out strings.Builder
	for i := range len(number) {
		c := number[i]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("-_.!~*'()&=+$,;?/", c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
