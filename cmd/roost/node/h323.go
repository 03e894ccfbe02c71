package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"roost/cmd/roost/config"
	"roost/registrar"
	"roost/registrar/record"
	"roost/resilience"
	"roost/signaling/h323"
	"roost/signaling/h323/ras"
)

const rasPort = 1719

// startH323 opens the gatekeeper's sockets, where it is switched on.
func (n *Node) startH323() error {
	c := n.config()
	if !c.H323.Listen {
		return nil
	}
	at := config.HostPort{Port: rasPort}.At(c.Address)
	socket, err := h323.OpenUDP(n.ctx, at)
	if err != nil {
		return cannotListen("udp (h323.listen)", at, err)
	}
	o := h323.Options{
		Sockets: []*net.UDPConn{socket}, Office: gatekeeper{n}, Events: n.gatekeeperSays, Log: n.log,
		Gatekeeper: gatekeeperConfig(c, h323.AddressOf(socket)),
	}
	if c.H323.Discovery {
		local, _ := netip.ParseAddr(c.Address)
		group, err := h323.OpenGroup(h323.DiscoveryGroup, local)
		if err != nil {
			_ = socket.Close()
			return cannotListen("udp (h323.discovery)", h323.DiscoveryGroup.String(), err)
		}
		o.Groups = append(o.Groups, group)
	}
	front, err := h323.New(o)
	if err != nil {
		_ = socket.Close()
		for _, group := range o.Groups {
			_ = group.Close()
		}
		return err
	}
	front.Start()
	n.h323.front.Store(front)
	return nil
}

func gatekeeperConfig(c *config.Config, at netip.AddrPort) ras.Config {
	g := ras.Config{
		Identifier: c.System, Peers: linesOf(c), Addresses: []netip.AddrPort{at},
		TimeToLive: shorter(c.H323.TimeToLive.Std(), c.LabSpeed),
		Repeat:     shorter(3*time.Second, c.LabSpeed),
		Window:     c.H323.Window.Std(),
		Rate:       float64(c.SIP.UDPRate),
		Random: func() uint64 {
			var b [8]byte
			_, _ = rand.Read(b[:]) // never fails, says crypto/rand
			return binary.BigEndian.Uint64(b[:])
		},
	}
	if g.Rate == 0 {
		g.Rate = -1
	}
	for _, network := range c.H323.Open {
		g.Open = append(g.Open, network.Prefix())
	}
	return g
}

func (n *Node) stopH323(ctx context.Context) error {
	if front := n.h323.front.Load(); front != nil {
		return front.Shutdown(ctx)
	}
	return nil
}

// gatekeeperSays takes over what the gatekeeper does of its own accord.
func (n *Node) gatekeeperSays(e ras.Event) {
	now := time.Now()
	switch e := e.(type) {
	case ras.Gone:
		n.h323.forget(e.Number, e.ID)
		n.changed(n.registrar.Drop(e.Number, goneReason(e.Why), now), now)
	case ras.UnregisterResult:
		n.keeper.step(resilience.TriggerResult{Phone: resilience.Phone(e.Number), Trigger: resilience.TriggerURQ, Delivered: e.Confirmed})
	}
}

// goneReason puts it in the registrar's words: who was sent home keeps its place as one
// whose connection was closed (FB5).
func goneReason(why ras.Why) registrar.Reason {
	switch why {
	case ras.Unregistered:
		return registrar.Unregistered
	case ras.SentHome:
		return registrar.FlowEnded
	default:
		return registrar.Expired
	}
}

// gatekeeper answers the H.323 front-end (ras.Office). Its lock is held meanwhile.
type gatekeeper struct{ *Node }

// Known implements ras.Office.
func (o gatekeeper) Known(n registrar.Number) bool {
	if _, own := o.directory().Extension(n); own {
		return true
	}
	_, elsewhere := o.known.homeOf(n)
	return elsewhere
}

// Ask implements ras.Office.
func (o gatekeeper) Ask(q *ras.Question) ras.Decision {
	if e, own := o.directory().Extension(q.Number); own {
		if e.Protocol != registrar.H323 || o.refusing.Load() {
			return ras.Decision{Verdict: ras.Refuse}
		}
		return ras.Decision{Alternates: o.backupOf(q.Source.Addr())}
	}
	home, _ := o.known.homeOf(q.Number)
	mirrored, isMirrored := o.known.extension(q.Number)
	if isMirrored {
		home = mirrored.home
	}
	if home == "" && !(office{o.Node}).blind() {
		return ras.Decision{} // nobody has this number
	}
	return o.decided(o.keeper.ask(resilience.PhoneAsks{
		Phone: resilience.Phone(q.Number), Home: resilience.System(home), Known: isMirrored, Proven: o.rebooted(q),
		Kind: rasKind(q.Kind), Protocol: resilience.H323,
	}), home)
}

// rebooted says whether a discovery, which brings no token, is that of a guest by all
// that such an endpoint ever proves: it registered without one, from this address. Then
// it can be told at once to go home, which is heard sooner than at its RRQ.
func (o gatekeeper) rebooted(q *ras.Question) bool {
	if q.Kind != ras.KindDiscover || !slices.ContainsFunc(o.config().H323.Open, func(s config.Subnet) bool {
		return s.Prefix().Contains(q.Source.Addr())
	}) {
		return false
	}
	bindings := o.registrar.Lookup(q.Number, q.Now)
	return len(bindings) == 1 && bindings[0].Guest && bindings[0].Nonce == 0 && bindings[0].Source.Addr() == q.Source.Addr()
}

// decided puts the machine's decision in the gatekeeper's words.
func (o gatekeeper) decided(effect resilience.Effect, home string) ras.Decision {
	d := ras.Decision{Alternates: o.gatekeeperOf(home)}
	if r, refused := effect.(resilience.Refuse); refused {
		if r.Cause == resilience.UnknownPhone {
			return ras.Decision{}
		}
		d.Verdict = ras.Refuse
	}
	return d
}

func rasKind(k ras.Kind) resilience.AskKind {
	switch k {
	case ras.KindDiscover:
		return resilience.AskDiscover
	case ras.KindRefresh:
		return resilience.AskRefresh
	case ras.KindUnregister:
		return resilience.AskUnregister
	default:
		return resilience.AskRegister
	}
}

// Secret implements ras.Office: an endpoint proves itself with its base user's
// password, a mirrored one with the mirrored password (FO5).
func (o gatekeeper) Secret(n registrar.Number) (ras.Secret, bool) {
	d := o.directory()
	if e, own := d.Extension(n); own {
		u, ok := d.User(e.BaseUser)
		return ras.Secret{Password: string(u.H235)}, ok
	}
	e, ok := o.known.extension(n)
	if !ok {
		return ras.Secret{}, false
	}
	u, ok := o.known.user(e.home, e.BaseUser)
	floor := o.known.floor(e.home, n)
	return ras.Secret{Password: string(u.H235), Used: ras.Used{Time: uint32(floor.Nonce), Mark: floor.Count}}, ok
}

// Register implements ras.Office.
func (o gatekeeper) Register(r *ras.Registering) ras.Answer {
	n := r.Endpoint.Number
	if e, own := o.directory().Extension(n); own {
		if e.Protocol != registrar.H323 {
			return ras.Answer{Decision: ras.Decision{Verdict: ras.Refuse}}
		}
		a := ras.Answer{Granted: granted(r, shorter(o.config().H323.TimeToLive.Std(), o.config().LabSpeed))}
		a.Alternates = o.backupOf(r.Endpoint.Source.Addr())
		_, a.Full = o.record(r, a.Granted, o.name, false)
		return a
	}
	return o.registerGuest(r)
}

func (o gatekeeper) registerGuest(r *ras.Registering) ras.Answer {
	n := r.Endpoint.Number
	mirrored, ok := o.known.extension(n)
	if !ok || mirrored.Protocol != registrar.H323 {
		return ras.Answer{Decision: ras.Decision{Verdict: ras.Refuse}}
	}
	effect := o.keeper.ask(resilience.PhoneAsks{
		Phone: resilience.Phone(n), Home: resilience.System(mirrored.home), Known: true, Proven: true,
		Kind: rasKind(r.Kind), Protocol: resilience.H323,
	})
	a := ras.Answer{Decision: o.decided(effect, mirrored.home)}
	if a.Verdict != ras.Proceed {
		return a
	}
	lease := shorter(o.config().H323.TimeToLive.Std(), o.config().LabSpeed)
	if admit, ok := effect.(resilience.Admit); ok && admit.Expires > 0 {
		lease = admit.Expires
	}
	a.Granted = granted(r, lease)
	var bound registrar.Registration
	if bound, a.Full = o.record(r, a.Granted, mirrored.home, true); a.Full {
		return a
	}
	o.keeper.registered(resilience.PhoneRegistered{
		Phone: resilience.Phone(n), Home: resilience.System(mirrored.home), At: r.Now, Protocol: resilience.H323,
		Agent: r.Endpoint.Agent, Location: o.known.location(mirrored.home, r.Endpoint.Source.Addr()),
	})
	o.share.guest(o.guestRecord(&bound), bound.Expires, r.Now)
	return a
}

// granted is the time to live in seconds: at most what was asked for.
func granted(r *ras.Registering, lease time.Duration) uint32 {
	seconds := leaseSeconds(lease)
	if r.Asked > 0 {
		seconds = min(seconds, r.Asked)
	}
	return seconds
}

// record puts an endpoint's registration to the registrar, for as long as the
// gatekeeper holds it, and tells who must know.
func (o gatekeeper) record(r *ras.Registering, granted uint32, home string, guest bool) (bound registrar.Registration, full bool) {
	e := r.Endpoint
	lease := granted + leaseSeconds(r.Slack) + 1
	u := registrar.Update{
		Number: e.Number, Protocol: registrar.H323, Transport: registrar.UDP, Source: e.Source,
		CallID: e.ID, CSeq: o.h323.sequence.Add(1), UserAgent: e.Agent, Home: home, Guest: guest,
		Nonce: uint64(e.Used.Time), NonceCount: e.Used.Mark,
		Contacts:   []registrar.Contact{{URI: h323Contact(e), Expires: registrar.AskDefault}},
		MinExpires: lease, MaxExpires: lease,
	}
	o.h323.keep(e)
	result, err := o.registrar.Register(u, r.Now)
	o.registered(result.Changes, r.Now)
	if err != nil || len(result.Bound) == 0 {
		o.log.Debug().Err(err).Str("number", string(e.Number)).Msg("an H.323 endpoint was not registered")
		return registrar.Registration{}, true
	}
	return result.Bound[0], false
}

func h323Contact(e *ras.Endpoint) string {
	return fmt.Sprintf("h323:%s@%s", e.Number, cmp.Or(e.Signalling, e.Source))
}

// Shared implements ras.Office: a registration at its home, as that shared it.
func (o gatekeeper) Shared(id string) (ras.Endpoint, bool) {
	r, ok := o.known.endpoint(id)
	if !ok {
		return ras.Endpoint{}, false
	}
	e := ras.Endpoint{
		ID: id, Number: r.Number, RAS: r.H323.RAS, Signalling: r.H323.CallSignalling, Source: r.Source, Agent: r.UserAgent,
	}
	for _, written := range r.H323.Aliases {
		if a, err := ras.ParseAlias(written); err == nil {
			e.Aliases = append(e.Aliases, a)
		}
	}
	return e, true
}

// backupOf names the backup of an own endpoint at an address, by its location (SH5).
func (n *Node) backupOf(source netip.Addr) []ras.Alternate {
	return n.gatekeeperOf(n.directory().BackupFor(source))
}

// gatekeeperOf is another system as an alternate; none if its line has no address.
func (n *Node) gatekeeperOf(system string) []ras.Alternate {
	for _, line := range n.config().Network.Lines {
		if line.System != system {
			continue
		}
		if at, err := netip.ParseAddr(line.Address.Host); err == nil {
			return []ras.Alternate{{Address: netip.AddrPortFrom(at, rasPort), Identifier: system}}
		}
	}
	return nil
}

// h323Record is what a backup is told of an endpoint beside its registration (SH1).
func h323Record(e *ras.Endpoint) record.H323 {
	r := record.H323{RAS: e.RAS, CallSignalling: e.Signalling, EndpointID: e.ID}
	for _, a := range e.Aliases {
		r.Aliases = append(r.Aliases, a.String())
	}
	return r
}
