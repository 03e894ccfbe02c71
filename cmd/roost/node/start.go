package node

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"roost/cmd/roost/config"
	"roost/cmd/roost/console"
	"roost/registrar/credentials"
	"roost/resilience"
	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
	"roost/resilience/mirror/service"
	"roost/signaling/sip"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

func (n *Node) newKeeper() (*keeper, error) {
	machine, err := resilience.New(machineConfig(n.config(), n.homes.all(), n.homes.network()), n.started)
	if err != nil {
		return nil, err
	}
	return newKeeper(machine, n.carry), nil
}

// startMirror opens the lines and shares what is configured.
func (n *Node) startMirror() error {
	c := n.config()
	carrier, err := natscarrier.Start(n.carrierConfig(c))
	if err != nil {
		return err
	}
	n.carrier = carrier
	var seed [4]byte
	_, _ = rand.Read(seed[:]) // never fails, says crypto/rand
	t := c.Timers()
	n.mirror, err = service.New(service.Options{
		Config: mirror.Config{
			Self: n.name, Epoch: mirror.NewEpoch(n.started, binary.LittleEndian.Uint32(seed[:])),
			Sets: sets(c), Peers: linesOf(c),
			Wants: wants(c, n.directory()), Compared: compared(c),
			HeartbeatEvery: t.Heartbeat, SilentAfter: t.VisibleWithin, Patience: t.BehindAlarm,
			RetryMin: shorter(500*time.Millisecond, c.LabSpeed), RetryMax: shorter(15*time.Second, c.LabSpeed),
			PullDeadline: 5 * time.Second,
		},
		Carrier: carrier, Callbacks: mirrored{n},
	})
	if err != nil {
		return err
	}
	n.mirror.Handle(evidenceVerb, n.answerEvidence)
	n.share = newSharing(n.name, n.mirror, n.log)
	n.share.security = sharedSecurity(c)
	n.share.h323 = n.h323.of
	n.share.directory(nil, n.directory())
	n.share.groups(nil, groupNumbers(c))
	n.newNonceKey()
	return n.mirror.Start(n.ctx)
}

// shorter divides a time for a lab that runs so much faster, but not below what a
// busy machine needs.
func shorter(d time.Duration, speed int) time.Duration {
	return max(d/time.Duration(max(1, speed)), 50*time.Millisecond)
}

func (n *Node) carrierConfig(c *config.Config) natscarrier.Config {
	made := natscarrier.Config{
		System: n.name, Identity: n.certs, Log: n.log,
		Timing: natscarrier.Timing{}.Scaled(c.LabSpeed),
	}
	if !c.Network.Listen.IsZero() {
		made.Listen = c.Network.Listen.At(c.Address)
	}
	for i := range c.Network.Lines {
		line := &c.Network.Lines[i]
		peer := natscarrier.Peer{System: line.System, Member: line.NetworkingLevel != config.LevelSCN}
		if !line.Address.IsZero() {
			peer.Address = line.Address.String()
		}
		made.Peers = append(made.Peers, peer)
	}
	if len(c.Network.NATS.URLs) > 0 {
		made.Outside = &natscarrier.Outside{URLs: c.Network.NATS.URLs}
	}
	return made
}

// newNonceKey makes the key of this start's nonces and shares it.
func (n *Node) newNonceKey() {
	var random [20]byte
	_, _ = rand.Read(random[:])
	n.keys = credentials.NewKeyRing(credentials.NewKey(random))
	n.share.nonceKey(peersOf(n.config()), n.keys.Own())
}

func (n *Node) startSIP() error {
	c := n.config()
	o := sip.Options{
		Realm: c.Realm, Hosts: []string{c.Address}, Product: "roost",
		TLSConfig: n.phonesTLS(),
		Office:    office{n},
		Calls:     calls{n},
		Texts:     calls{n},
		Verifier:  credentials.NewVerifier(credentials.Config{Realm: c.Realm, Algorithms: algorithms(c)}, n.keys),
		FlowTimer: c.SIP.FlowTimer.Std(),
		Flow:      flowLimits(&c.SIP),
		Message:   message.Limits{Size: c.SIP.MaxMessage},
		Log:       n.log,
	}
	if address, err := netip.ParseAddr(c.Address); err == nil { // a host name is no address to put into a Via
		o.Address = address
	}
	for _, network := range c.SIP.Proxies {
		o.Proxies = append(o.Proxies, network.Prefix())
	}
	o.Origins = c.SIP.Origins
	if err := n.listen(c, &o); err != nil {
		closeAll(&o)
		return err
	}
	endpoint, err := sip.New(o)
	if err != nil {
		closeAll(&o)
		return err
	}
	n.endpoint = endpoint
	return endpoint.Start()
}

func (n *Node) phonesTLS() *tls.Config {
	settings := n.certs.ForPhones(time.Now)
	n.systemsTLS(settings)
	settings.KeyLogWriter = n.keyLog
	if n.keyLog != nil {
		n.log.Warn().Msg("lab: the keys of the phones' TLS connections are logged; who has them reads everything")
	}
	return settings
}

func algorithms(c *config.Config) []credentials.Algorithm {
	var offered []credentials.Algorithm
	for _, d := range c.SIP.Digest {
		if d == config.DigestMD5 {
			offered = append(offered, credentials.MD5)
		} else {
			offered = append(offered, credentials.SHA256)
		}
	}
	return offered
}

func flowLimits(s *config.SIP) flow.Limits {
	l := flow.DefaultLimits()
	l.Connections = s.MaxConnections
	l.PerSource = s.MaxConnectionsPerSource
	l.Handshakes = s.MaxHandshakes
	l.Rate = float64(s.UDPRate)
	if s.UDPRate == 0 {
		l.Rate = -1
	}
	return l
}

func (n *Node) listen(c *config.Config, o *sip.Options) error {
	if at, on := c.SIPListen(); on {
		listener, err := flow.OpenTCP(n.ctx, at.At(c.Address))
		if err != nil {
			return cannotListen("tcp (network.sip)", at.At(c.Address), err)
		}
		n.voice.systems = addrPortOf(listener.Addr())
		o.TLS = append(o.TLS, listener)
	}
	for _, l := range c.SIP.Listen {
		at := l.At(c.Address)
		if l.Transport == config.UDP {
			socket, err := flow.OpenUDP(n.ctx, at)
			if err != nil {
				return cannotListen("udp", at, err)
			}
			o.UDP = append(o.UDP, socket)
			continue
		}
		listener, err := flow.OpenTCP(n.ctx, at)
		if err != nil {
			return cannotListen("tcp", at, err)
		}
		switch l.Transport {
		case config.TLS:
			o.TLS = append(o.TLS, listener)
		case config.WS:
			o.WS = append(o.WS, listener)
		case config.WSS:
			o.WSS = append(o.WSS, listener)
		default:
			o.TCP = append(o.TCP, listener)
		}
	}
	return nil
}

func cannotListen(network, at string, err error) error {
	return fmt.Errorf("cannot listen on %s %s: %w; is another program there, or the address not this machine's?", network, at, err)
}

func closeAll(o *sip.Options) {
	for _, socket := range o.UDP {
		_ = socket.Close()
	}
	for _, listeners := range [][]net.Listener{o.TCP, o.TLS, o.WS, o.WSS} {
		for _, l := range listeners {
			_ = l.Close()
		}
	}
}

func (n *Node) startConsole() error {
	c := n.config()
	if c.Console.Listen.IsZero() {
		return nil
	}
	at := c.Console.Listen.String()
	listener, err := net.Listen("tcp", at)
	if err != nil {
		return cannotListen("tcp", at, err)
	}
	n.console = console.New(listener, n.log)
	n.console.Serve(console.NewHandler(source{n}, n.metrics()))
	return nil
}

// Console is the address of the console, empty if it is off.
func (n *Node) Console() string {
	if n.console == nil {
		return ""
	}
	return n.console.Address()
}
