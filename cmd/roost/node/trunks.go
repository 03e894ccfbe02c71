package node

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/certs"
	"roost/cmd/roost/config"
	"roost/cmd/roost/node/switchboard"
	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/trunk"
)

// trunks are the outside lines of a node.
type trunks struct {
	set *trunk.Set
	// legs are the legs whose INVITE a trunk's server has not taken yet, by call.LegID.
	legs    sync.Map
	refused atomic.Uint64 // calls to numbers that the trunk may not call
	// callers are the addresses that phones made emergency calls from, by
	// registrar.Number.
	callers sync.Map
}

// trunkLeg is where a leg went.
type trunkLeg struct {
	trunk  string
	server netip.AddrPort
}

// newTrunks makes the set; its trunks begin with startTrunks.
func (n *Node) newTrunks(r trunk.Resolver) {
	o := trunk.Options{
		Front: trunkFront{n}, Resolver: r, Watcher: trunkWatcher{n}, TLS: n.trunkTLS, Realm: n.config().Realm,
		Timers: trunkTimers(n.config().LabSpeed),
		Panicked: func(name string, value any) {
			n.panics.Add(1)
			n.log.Error().Interface("panic", value).Str("trunk", name).Msg("a panic in a trunk's work; it cost that trunk a while")
		},
	}
	_, _ = rand.Read(o.Seed[:]) // never fails, says crypto/rand
	n.trunks.set = trunk.New(o)
}

// trunkTimers are the times of trunks; a lab's pass faster.
func trunkTimers(speed int) trunk.Timers {
	t := trunk.DefaultTimers()
	for _, d := range []*time.Duration{&t.Ping, &t.Avoid, &t.RetryMin, &t.RetryMax} {
		*d = shorter(*d, speed)
	}
	return t
}

// nameServers are the machine's. A file that cannot be read is no reason not to serve
// phones: names are then looked for among the machine's hosts alone.
func (n *Node) nameServers() trunk.Resolver {
	d, err := trunk.DNSFrom("/etc/resolv.conf")
	if err != nil {
		n.log.Warn().Err(err).Msg("trunks' names are looked up in the hosts file only")
		return &trunk.DNS{Hosts: net.DefaultResolver}
	}
	return d
}

func (n *Node) startTrunks() error {
	n.trunks.set.Configure(n.trunkConfigs(n.config()))
	return nil
}

// trunksDrain is how much of an orderly end may go to taking registrations back.
const trunksDrain = 3 * time.Second

func (n *Node) stopTrunks(ctx context.Context) {
	short, cancel := context.WithTimeout(ctx, trunksDrain)
	defer cancel()
	if err := n.trunks.set.Stop(short); err != nil {
		n.log.Warn().Err(err).Msg("not every trunk's registration could be taken back")
	}
}

func (n *Node) trunkConfigs(c *config.Config) []trunk.Config {
	var all []trunk.Config
	for i := range c.Trunks {
		t := &c.Trunks[i]
		made := trunk.Config{
			Name: t.Name, Peer: t.Peer.Host, Port: t.Peer.Port, SRV: t.SRV, Transport: trunk.UDP, Register: t.Register,
			Expires: t.Expires.Std(), Credentials: trunk.Credentials{User: t.User, Password: t.Password.Plain},
			Domain: t.Realm, Line: lineContact(c.System, t),
		}
		switch t.Transport {
		case config.TCP:
			made.Transport = trunk.TCP
		case config.TLS:
			made.Transport = trunk.TLS
		}
		for _, s := range t.Sources {
			made.Sources = append(made.Sources, s.Prefix())
		}
		all = append(all, made)
	}
	return all
}

// lineContact is the user part of the contact that a trunk is registered with: nobody can
// guess it but who knows the password, and it is the same after a restart, so that the
// carrier replaces the old contact instead of keeping both.
func lineContact(system string, t *config.Trunk) string {
	mac := hmac.New(sha256.New, []byte(t.Password.Plain))
	fmt.Fprintf(mac, "roost trunk contact\n%s\n%s\n%s", system, t.Name, t.User)
	return "t" + hex.EncodeToString(mac.Sum(nil)[:12])
}

// trunkTLS are the settings for a trunk over TLS: its certificate must carry the name
// that is configured, and come from an authority of the machine's or of ours.
func (n *Node) trunkTLS(peer string) *tls.Config {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	path := n.config().Certificates.TrustedRoot
	own, err := certs.ReadCertificates(path)
	if err != nil {
		n.log.Error().Err(err).Str("file", path).Msg("trunks over TLS are checked against the machine's authorities only")
	}
	for _, root := range own {
		roots.AddCert(root)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: peer, RootCAs: roots, Time: time.Now, KeyLogWriter: n.keyLog,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair := n.certs.Current().TLSCertificate()
			return &pair, nil
		},
	}
}

// trunkFront is the SIP front-end, which is there before the first trunk begins.
type trunkFront struct{ *Node }

func (f trunkFront) Request(ctx context.Context, r sip.Request) sip.Response {
	return f.endpoint.Request(ctx, r)
}

func (f trunkFront) Connect(c net.Conn, t *tls.Config) (registrar.FlowID, error) {
	return f.endpoint.Connect(c, t)
}

func (f trunkFront) FlowTo(local, remote netip.AddrPort) (registrar.FlowID, error) {
	return f.endpoint.FlowTo(local, remote)
}

func (f trunkFront) CloseFlow(id registrar.FlowID) bool { return f.endpoint.CloseFlow(id) }

func (f trunkFront) Locals() []flow.Local { return f.endpoint.Locals() }

// trunkWatcher raises and clears a trunk's alarm.
type trunkWatcher struct{ *Node }

// TrunkUp implements trunk.Watcher.
func (w trunkWatcher) TrunkUp(name string) {
	w.journal.clear("trunk-down", name, "trunk "+name+" can be used again", time.Now())
}

// TrunkDown implements trunk.Watcher.
func (w trunkWatcher) TrunkDown(name, why string) {
	w.journal.raise("trunk-down", name, "major", "trunk "+name+" cannot be used: "+why, time.Now())
}

// trunkOf says whether a flow is a trunk's.
func (n *Node) trunkOf(p sip.FlowPeer) (sip.Neighbour, bool) {
	name, line, ok := n.trunks.set.Recognise(p, func(name, number string) bool {
		t := trunkNamed(n.config(), name)
		if t == nil {
			return false
		}
		_, has := t.Translate(config.Inward, number)
		return has
	})
	return sip.Neighbour{Kind: call.Trunk, Name: name, Line: line}, ok
}

// dialTrunk calls over a trunk.
func (l legs) dialTrunk(leg *switchboard.Leg, d call.Dial) {
	l.trunks.set.Reach(leg.Name, func(w trunk.Way, err error) {
		if err != nil {
			l.dialNeighbour(leg, d, "", 0, err)
			return
		}
		to := sip.DialTarget{Kind: call.Trunk, URI: w.URI(d.To), Routes: w.Routes, Flow: w.Flow, FromHost: w.Domain}
		if w.Credentials.User != "" {
			to.Authorize = w.Credentials.Answer
		}
		l.trunks.legs.Store(leg.ID, trunkLeg{leg.Name, w.Server})
		l.endpoint.Dial(to, leg.ID, d)
	})
}

// trunkTold learns from a leg's event whether a trunk's server takes calls (RFC 3263
// §4.3): 503, silence and a lost connection say that it does not.
func (n *Node) trunkTold(ev call.LegEvent) {
	id := call.LegOf(ev)
	kept, ok := n.trunks.legs.Load(id)
	if !ok {
		return
	}
	n.trunks.legs.Delete(id)
	refused, is := ev.(call.Refused)
	if !is {
		return
	}
	switch refused.Cause.Status {
	case 408, 430, 503:
		leg, _ := kept.(trunkLeg)
		n.trunks.set.Failed(leg.trunk, leg.server, time.Duration(refused.Cause.RetryAfter)*time.Second)
	}
}

// trunkNamed is a trunk's configuration.
func trunkNamed(c *config.Config, name string) *config.Trunk {
	i := slices.IndexFunc(c.Trunks, func(t config.Trunk) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Trunks[i]
}

// fromTrunk makes the number that a trunk calls the one that is meant here. A number
// that its patterns do not have is refused.
func (c calls) fromTrunk(i *call.Invited) call.Cause {
	t := trunkNamed(c.config(), i.PeerName)
	if t == nil {
		return call.Cause{Status: 404, Phrase: "no such number"}
	}
	to, ok := t.Translate(config.Inward, i.To)
	if !ok {
		if c.trunks.refused.Add(1) == 1 {
			c.log.Warn().Str("trunk", t.Name).Str("number", i.To).Msg("a trunk calls a number that its `in` patterns do not have: refused; further ones are only counted")
		}
		return call.Cause{Status: 404, Phrase: "no such number"}
	}
	i.To = to
	return call.Cause{}
}
