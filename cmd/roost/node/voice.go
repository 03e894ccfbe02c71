package node

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"roost/cmd/roost/config"
	"roost/cmd/roost/node/quiet"
	"roost/cmd/roost/node/switchboard"
	"roost/media"
	"roost/media/relay"
	"roost/registrar"
	"roost/registrar/directory"
	"roost/signaling/call"
	"roost/signaling/sip"
)

// voice is what a node has for calls.
type voice struct {
	board      *switchboard.Board
	relay      *relay.Relay
	neighbours neighbours
	// systems is where other systems call; not valid: nowhere.
	systems  netip.AddrPort
	records  *recordFile
	standing standingCalls
	// quiet writes of what strangers and phones do, since they may do it without end;
	// turnedAway counts who is no neighbour and came to where systems call.
	quiet      *quiet.Log
	turnedAway atomic.Uint64

	mu  sync.Mutex
	log *call.Log
}

// startVoice makes the relay and the switchboard. Their legs' sockets are the SIP
// front-end's, which is started after it.
func (n *Node) startVoice() error {
	c := n.config()
	n.voice.quiet = quiet.New(n.log)
	made, err := n.newRelay(c)
	if err != nil {
		return err
	}
	n.voice.relay = made
	n.voice.log = call.NewLog(c.Calls.Log, c.Capacity.Phones)
	n.voice.standing.preserved = call.NewPreserved(n.name, maxPreserved)
	n.voice.records, err = openRecords(c.Calls.Records, n.log)
	if err != nil {
		return err
	}
	n.work.Go(func() { n.voice.records.run(n.ctx) })
	n.voice.board = switchboard.New(switchboard.Options{
		System: n.name, Router: router{n}, Legs: legs{n}, Observer: listener{n}, Relay: made, Media: n.mediaConfig,
		Party: n.party, Random: rand.Reader, Emergency: n.isEmergency, Epoch: uint64(n.started.Unix()),
		Limits: func() switchboard.Limits {
			c := n.config()
			return switchboard.Limits{Calls: c.Calls.Max, PerPhone: c.Calls.PerPhone}
		},
		Call: func() call.Limits {
			c := n.config()
			return call.Limits{RingFor: c.Calls.RingTimeout.Std(), MemberRingFor: c.Calls.NoAnswer.Std()}
		},
		Log: n.log,
	})
	n.voice.board.Start()
	return nil
}

// callsDrain is how much of an orderly end may go to ending calls.
const callsDrain = 2 * time.Second

// stopCalls ends what calls cannot go on without this system, while the phones can
// still be told.
func (n *Node) stopCalls(ctx context.Context) {
	if n.voice.board == nil {
		return
	}
	short, cancel := context.WithTimeout(ctx, callsDrain)
	defer cancel()
	if err := n.voice.board.Stop(short); err != nil {
		n.log.Warn().Err(err).Msg("phones did not confirm the end of their calls in time")
	}
}

// stopMedia ends the relay, after the calls.
func (n *Node) stopMedia() error {
	if n.voice.relay == nil {
		return nil
	}
	return n.voice.relay.Close()
}

func (n *Node) newRelay(c *config.Config) (*relay.Relay, error) {
	made := relay.Config{
		First: c.Media.Ports.First, Last: c.Media.Ports.Last, Timeout: c.Media.Timeout.Std(), DSCP: c.Media.DSCP, Log: n.log,
		Scarce: n.portsScarce,
	}
	if c.Media.DSCP == 0 {
		made.DSCP = -1 // the relay's zero is its default
	}
	addresses, err := n.relayAddresses(c)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if a.Is6() {
			made.Address6 = a
		} else {
			made.Address = a
		}
	}
	for _, a := range c.Media.Advertised {
		if a.Addr().Is6() {
			made.Advertised6 = a.Addr()
		} else {
			made.Advertised = a.Addr()
		}
	}
	return relay.New(made)
}

// relayAddresses are those of media.relay, or the system's own.
func (n *Node) relayAddresses(c *config.Config) ([]netip.Addr, error) {
	var found []netip.Addr
	for _, a := range c.Media.Relay {
		found = append(found, a.Addr())
	}
	if len(found) > 0 {
		return found, nil
	}
	host := strings.Trim(c.Address, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(n.ctx, 5*time.Second)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w; name the relay's IP address by media.relay", host, err)
	}
	seen := map[bool]bool{}
	for _, a := range all {
		if a = a.Unmap(); !seen[a.Is6()] {
			seen[a.Is6()] = true
			found = append(found, a)
		}
	}
	return found, nil
}

func (n *Node) portsScarce(scarce bool, used, total int) {
	if !scarce {
		n.journal.clear("media-ports", n.name, "there are media ports again", time.Now())
		return
	}
	n.journal.raise("media-ports", n.name, "minor", fmt.Sprintf(
		"%d of %d pairs of media ports are in use or at rest; when none is left, calls that need the relay are refused: widen media.ports", used, total), time.Now())
}

// mediaConfig is what holds for each session of media.
func (n *Node) mediaConfig() media.Config {
	c := n.config()
	made := media.Config{Own: n.ownSocket, Direct: c.Media.Direct, SRTCP: c.Media.SRTCP, Lab: c.Lab || onLoopback(c.Address), Fingerprint: n.voice.relay.Fingerprint()}
	for _, name := range c.Media.Suites {
		if suite, ok := media.ParseSuite(string(name)); ok {
			made.Suites = append(made.Suites, suite)
		}
	}
	return made
}

// onLoopback: nobody but programs of this machine reaches a system of this address, so
// that loopback is believed from them, as in `roost demo` from the other system.
func onLoopback(address string) bool {
	a, err := netip.ParseAddr(strings.Trim(address, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

// ownSocket: media is never sent to where signalling is heard.
func (n *Node) ownSocket(a netip.AddrPort) bool {
	for _, l := range n.endpoint.Locals() {
		if l.Addr.Port() == a.Port() && (l.Addr.Addr() == a.Addr().Unmap() || l.Addr.Addr().IsUnspecified()) {
			return true
		}
	}
	return false
}

// party is what media has to know of a leg.
func (n *Node) party(leg *switchboard.Leg) media.Party {
	c := n.config()
	p := media.Party{Protocol: media.SIP, Direct: c.Media.Direct, Security: mediaSecurity(c.Media.Security), Emergency: leg.Emergency}
	switch leg.Kind {
	case call.System:
		p.Kind, p.Transport, p.Source = media.System, media.AnyTransport, leg.Origin.Source.Addr()
		return p
	case call.Trunk:
		p.Kind, p.Transport, p.Source = media.Trunk, media.ClearTransport, leg.Origin.Source.Addr()
		for i := range c.Trunks {
			if t := &c.Trunks[i]; t.Name == leg.Name {
				if t.MediaSecurity != "" {
					p.Security = mediaSecurity(t.MediaSecurity)
				}
				if t.Transport == config.TLS {
					p.Transport = media.SecureTransport
				}
			}
		}
		return p
	}
	p.Kind = media.Phone
	p.Security = n.phoneSecurity(leg.Number)
	source, over, contact := leg.Origin.Source, leg.Origin.Transport, leg.Origin.Contact
	if leg.Out {
		b := &leg.Target.Binding
		source, over, contact = b.Source, b.Transport, b.Contact
	}
	p.Source = source.Addr().Unmap()
	p.Transport = media.ClearTransport
	if over.Secure() {
		p.Transport = media.SecureTransport
	}
	p.Web = over == registrar.WS || over == registrar.WSS
	p.NAT = behindNAT(contact, p.Source)
	return p
}

// behindNAT: the contact names another address than the phone is seen at.
func behindNAT(contact string, source netip.Addr) bool {
	host, ok := hostOf(contact)
	if !ok {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err == nil && source.IsValid() && a.Unmap() != source
}

// phoneSecurity is the media security of a phone: its own, or the system's. A guest's
// comes from its home (VP6).
func (n *Node) phoneSecurity(number registrar.Number) media.Security {
	var is registrar.MediaSecurity
	if e, own := n.directory().Extension(number); own {
		is = e.MediaSecurity
	} else if e, guest := n.known.extension(number); guest {
		is = e.MediaSecurity
	}
	switch is {
	case registrar.MediaSecurityDisabled:
		return media.Disabled
	case registrar.MediaSecurityPreferred:
		return media.Preferred
	case registrar.MediaSecurityEnforced:
		return media.Enforced
	default:
		return mediaSecurity(n.config().Media.Security)
	}
}

func mediaSecurity(s config.MediaSecurity) media.Security {
	switch s {
	case config.SecurityEnforced:
		return media.Enforced
	case config.SecurityPreferred:
		return media.Preferred
	default:
		return media.Disabled
	}
}

// calls is whom the SIP front-end tells of calls (sip.Calls).
type calls struct{ *Node }

// NewLeg implements sip.Calls.
func (c calls) NewLeg() call.LegID { return c.voice.board.NewLeg() }

// LegEvent implements sip.Calls.
func (c calls) LegEvent(ev call.LegEvent) {
	c.trunkTold(ev)
	c.voice.board.LegEvent(ev)
}

// Invited implements sip.Calls. A phone of another system that calls without having
// registered here is made a guest first (FO8).
func (c calls) Invited(i call.Invited, o sip.Origin) {
	cause := call.Cause{}
	switch i.Peer {
	case call.Phone:
		c.noteCaller(o.Number, i.To, o.Source.Addr())
		cause = c.admitCaller(&i, &o)
	case call.Trunk:
		cause = c.fromTrunk(&i)
	}
	if cause.Status != 0 {
		c.endpoint.Do(i.Leg, call.Refuse{Cause: cause})
		return
	}
	c.voice.board.Invited(i, switchboard.Origin{
		Source: o.Source, Transport: o.Transport, Secure: o.Secure, Contact: o.Contact, Agent: o.Agent})
}

// admitCaller fills in who the phone is that calls.
func (c calls) admitCaller(i *call.Invited, o *sip.Origin) call.Cause {
	number := o.Number
	i.Home = c.name
	if e, own := c.directory().Extension(number); own {
		u, _ := c.directory().User(e.BaseUser)
		i.From = call.Party{Number: number, Name: u.Name, Private: i.From.Private}
		return call.Cause{}
	}
	mirrored, ok := c.known.extension(number)
	if !ok {
		return call.Cause{Status: 403, Phrase: "no phone of this system"}
	}
	i.Guest, i.Home = true, mirrored.home
	u, _ := c.known.user(mirrored.home, mirrored.BaseUser)
	i.From = call.Party{Number: number, Name: u.Name, Private: i.From.Private}
	now := time.Now()
	if len(c.registrar.Lookup(number, now)) > 0 {
		return call.Cause{}
	}
	if cause := c.guestByCall(i, o, now); !c.isEmergency(i.To) {
		return cause
	}
	return call.Cause{} // as a guest or not: who proved itself is not refused an emergency call
}

// guestByCall makes a guest of a phone that only sends calls to its backup (FO8). Its
// contact lives as long as a guest's registration; a REGISTER takes its place.
func (c calls) guestByCall(i *call.Invited, o *sip.Origin, now time.Time) call.Cause {
	r := sip.Registering{Kind: sip.KindRegister, Now: now, Update: registrar.Update{
		Number: o.Number, Protocol: registrar.SIP, Transport: o.Transport, Source: o.Source, Flow: o.Flow,
		UserAgent: o.Agent, CallID: o.CallID, CSeq: 1,
		Contacts: []registrar.Contact{{URI: o.Contact, Expires: guestByCallSeconds}},
	}}
	var a sip.Answer
	office{c.Node}.registerGuest(&r, &a)
	switch {
	case a.Decision.Verdict != sip.Proceed:
		return call.Cause{Status: 503, Phrase: a.Decision.Phrase}
	case a.Err != nil:
		c.voice.quiet.Info("no-guest-by-call").Err(a.Err).Str("phone", string(o.Number)).Msg("a phone that called could not be made a guest")
		return call.Cause{Status: 503, Phrase: "not taken in as a guest"}
	}
	c.log.Info().Str("phone", string(o.Number)).Str("home", i.Home).Msg("a phone called without having registered here, and is a guest now")
	return call.Cause{}
}

// guestByCallSeconds is what is asked for on behalf of such a phone; the machine grants
// a guest's time.
const guestByCallSeconds = 120

// Stray implements sip.Calls (VP4).
func (c calls) Stray(d call.DialogID, method string) bool { return c.standing(d, method, time.Now()) }

// Neighbour implements sip.Calls.
func (c calls) Neighbour(p sip.FlowPeer) (sip.Neighbour, bool) { return c.neighbourOf(p) }

// settingsOf are a user's settings for calls.
func (n *Node) settingsOf(u *directory.User, phone registrar.Number) call.Settings {
	c := n.config()
	f := &u.Settings.Forwards
	s := call.Settings{
		DoNotDisturb: u.Settings.DoNotDisturb, Always: f.Always, OnBusy: f.Busy, NoAnswer: f.NoAnswer,
		InCalls: n.voice.board.Calls(phone) >= c.Calls.PerPhone, IdleSince: n.voice.board.IdleSince(phone),
	}
	if f.NoAnswer != "" {
		s.RingFor = c.Calls.NoAnswer.Std()
		if f.NoAnswerAfter > 0 {
			s.RingFor = time.Duration(f.NoAnswerAfter) * time.Second
		}
	}
	return s
}
