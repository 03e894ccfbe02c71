package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
	"roost/signaling/sip/transaction"
)

// Options is what an Endpoint is made of.
type Options struct {
	// Realm is the digest realm and the SIP domain, "example.test".
	Realm string
	// Hosts are further names and addresses that a request for this system may
	// be addressed to, without port; the listeners' own addresses need not be
	// named.
	Hosts []string
	// Address is what phones are told where a socket is bound to no particular
	// address.
	Address netip.Addr
	// Proxies are the networks whose word on a Path is taken (RFC 3327): edge
	// proxies. A phone's is not.
	Proxies []netip.Prefix
	// Product stands in the Server header, e.g. "roost"; "" for none.
	Product string

	// UDP, TCP and TLS are the sockets; the Endpoint's from Start on. TLS are
	// plain listeners on which TLSConfig is spoken.
	UDP      []net.PacketConn
	TCP, TLS []net.Listener
	// WS and WSS are plain listeners on which WebSocket is spoken (RFC 7118), over TLS
	// for WSS. Origins are the pages that may connect, as flow.Table.ServeWS has them.
	WS, WSS   []net.Listener
	Origins   []string
	TLSConfig *tls.Config

	Office   Office
	Verifier *credentials.Verifier
	// Calls takes the calls; nil: INVITE is answered 501.
	Calls Calls
	// Texts takes the messages outside of calls, with Calls; nil: MESSAGE is answered 405.
	Texts Texts
	// CallTimers are the base timers of calls' transactions; zero: RFC 3261's.
	CallTimers transaction.Timers
	// SessionExpires is the session interval asked for (RFC 4028), 30 min by default,
	// < 0 for none; MinSE the least that is accepted, 90 s.
	SessionExpires, MinSE time.Duration

	// FlowTimer is the keep-alive interval told to RFC 5626 phones, 2 min by
	// default.
	FlowTimer time.Duration

	Flow    flow.Limits    // zero values: defaults
	Message message.Limits // zero values: defaults
	Limits  Limits         // zero values: defaults

	Log zerolog.Logger
	// Access, if not nil, is called for each request that was answered, in the
	// path: off by default, and it should sample or queue.
	Access func(Access)
}

// Limits bound what the endpoint keeps.
type Limits struct {
	// Transactions is how many server transactions may be open, 20,000.
	Transactions int
	// Clients is how many requests of ours may wait for their answer, 20,000.
	Clients int
	// Subscriptions is how many there may be in all (100,000), and
	// SubscriptionsPerPhone how many of one number (4; the oldest gives way).
	Subscriptions         int
	SubscriptionsPerPhone int
	// Legs is how many legs of calls may stand (20,000), and how many of ended ones are
	// remembered besides for what comes again; LegsPerNumber how many one phone may
	// have (64).
	Legs          int
	LegsPerNumber int
	// CallRate is how many calls a second one phone may begin (20), CallBurst how many at
	// once (40).
	CallRate, CallBurst float64
	// Behind is how long messages may lie unread in a socket before calls are refused
	// (150 ms: under T1, so that nobody repeats what is only waiting).
	Behind time.Duration
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.Transactions, 20_000)
	set(&l.Clients, 20_000)
	set(&l.Subscriptions, 100_000)
	set(&l.SubscriptionsPerPhone, 4)
	set(&l.Legs, 20_000)
	set(&l.LegsPerNumber, 64)
	if l.CallRate <= 0 {
		l.CallRate, l.CallBurst = 20, 40
	}
	if l.Behind <= 0 {
		l.Behind = 150 * time.Millisecond
	}
	return l
}

// Access is one line of the access log.
type Access struct {
	Method string
	Number registrar.Number // claimed, not proven
	Peer   Peer
	Status int // 0: not answered
	At     time.Time
	Took   time.Duration
}

// Endpoint is the SIP front-end of a system. Its methods are safe for
// concurrent use.
type Endpoint struct {
	o         Options
	seed      maphash.Seed
	hosts     []string                  // names and addresses that are ours
	addrs     map[netip.Addr]bool       // addresses that are ours
	ports     map[uint16]bool           // ports that are served
	texts     map[netip.AddrPort]string // bound addresses as they are shown
	flowTimer string
	secret    func(user string) (credentials.Secret, bool)

	flows   *flow.Table
	count   counters
	quiet   *quiet
	bans    *banTable
	date    date
	works   sync.Pool
	servers *servers
	clients *clients
	subs    *subscriptions
	legs    *legs
	paces   *paces // of calls
	// turnedAway are INVITEs that were refused without a transaction.
	turnedAway *turnedAway
	// textPaces are those of messages outside of calls, of which a phone may send as many.
	textPaces *paces

	stopOnce  sync.Once
	stopSweep chan struct{}
	swept     sync.WaitGroup
}

// sweepEvery is how often expired subscriptions and bans are looked for.
const sweepEvery = time.Second

// New makes an endpoint; nothing is read before Start.
func New(o Options) (*Endpoint, error) {
	switch {
	case o.Realm == "":
		return nil, errors.New("sip endpoint: no realm; it is the SIP domain and the digest realm, e.g. example.test")
	case o.Office == nil || o.Verifier == nil:
		return nil, errors.New("sip endpoint: Office and Verifier are needed")
	case len(o.TLS)+len(o.WSS) > 0 && o.TLSConfig == nil:
		return nil, errors.New("sip endpoint: TLS listeners without a TLS configuration")
	}
	o.Limits = o.Limits.withDefaults()
	if o.FlowTimer <= 0 {
		o.FlowTimer = 2 * time.Minute
	}
	e := &Endpoint{
		o: o, seed: maphash.MakeSeed(), secret: o.Office.Secret,
		flowTimer: strconv.FormatInt(int64(o.FlowTimer/time.Second), 10),
		quiet:     newQuiet(o.Log, time.Now()), bans: newBanTable(),
		servers:   &servers{most: o.Limits.Transactions, open: make(map[string]*server)},
		stopSweep: make(chan struct{}),
	}
	e.works.New = func() any { return new(work) }
	e.clients = newClients(e, o.Limits.Clients)
	e.subs = newSubscriptions(e, o.Limits.Subscriptions, o.Limits.SubscriptionsPerPhone)
	e.legs = newLegs(e, o.Limits.Legs)
	e.turnedAway = newTurnedAway()
	e.paces = newPaces(o.Limits.CallRate, o.Limits.CallBurst)
	e.textPaces = newPaces(o.Limits.CallRate, o.Limits.CallBurst)
	e.flows = flow.New(flow.Config{Handler: e, Limits: o.Flow, Log: o.Log})
	return e, nil
}

// Start begins to serve the sockets. After an error Stop must be called.
func (e *Endpoint) Start() error {
	e.learnAddresses()
	for _, pc := range e.o.UDP {
		if err := e.flows.ServeUDP(pc); err != nil {
			return fmt.Errorf("sip endpoint: UDP %s: %w", pc.LocalAddr(), err)
		}
	}
	for _, l := range e.o.TCP {
		if err := e.flows.ServeTCP(l); err != nil {
			return fmt.Errorf("sip endpoint: TCP %s: %w", l.Addr(), err)
		}
	}
	for _, l := range e.o.TLS {
		if err := e.flows.ServeTLS(l, e.o.TLSConfig); err != nil {
			return fmt.Errorf("sip endpoint: TLS %s: %w", l.Addr(), err)
		}
	}
	for _, l := range e.o.WS {
		if err := e.flows.ServeWS(l, nil, e.o.Origins); err != nil {
			return fmt.Errorf("sip endpoint: WebSocket %s: %w", l.Addr(), err)
		}
	}
	for _, l := range e.o.WSS {
		if err := e.flows.ServeWS(l, e.o.TLSConfig, e.o.Origins); err != nil {
			return fmt.Errorf("sip endpoint: secure WebSocket %s: %w", l.Addr(), err)
		}
	}
	e.swept.Add(1)
	go e.sweep()
	e.legs.clock.start()
	return nil
}

// learnAddresses finds what is ours before the first message can arrive.
func (e *Endpoint) learnAddresses() {
	e.hosts = append([]string{e.o.Realm}, e.o.Hosts...)
	e.addrs, e.ports = make(map[netip.Addr]bool), make(map[uint16]bool)
	e.texts = make(map[netip.AddrPort]string)
	add := func(a net.Addr) {
		ap, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return
		}
		e.ports[ap.Port()] = true
		bound := netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
		e.texts[bound] = e.shown(bound).String()
		if !ap.Addr().IsUnspecified() {
			e.hosts = append(e.hosts, ap.Addr().Unmap().String())
		}
	}
	for _, pc := range e.o.UDP {
		add(pc.LocalAddr())
	}
	for _, listeners := range [][]net.Listener{e.o.TCP, e.o.TLS, e.o.WS, e.o.WSS} {
		for _, l := range listeners {
			add(l.Addr())
		}
	}
	if e.o.Address.IsValid() {
		e.hosts = append(e.hosts, e.o.Address.Unmap().String())
	}
	for _, h := range e.hosts {
		if a, err := netip.ParseAddr(h); err == nil {
			e.addrs[a.Unmap()] = true
		}
	}
}

func (e *Endpoint) sweep() {
	defer e.swept.Done()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			e.guarded("the sweep panicked", func() { e.subs.sweep(now); e.bans.sweep(now); e.paces.sweep(now); e.textPaces.sweep(now) })
		case <-e.stopSweep:
			return
		}
	}
}

// Stop drains: nothing more is accepted, requests of ours that wait are given
// up, and what is written already gets until ctx ends to leave. Then all flows
// are closed and all goroutines are gone. Office.FlowClosed is called for each
// stream with flow.Draining. A second Stop does nothing.
func (e *Endpoint) Stop(ctx context.Context) error {
	var err error
	e.stopOnce.Do(func() { err = e.stop(ctx) })
	return err
}

func (e *Endpoint) stop(ctx context.Context) error {
	e.flows.StopAccepting()
	close(e.stopSweep)
	e.swept.Wait()
	e.clients.stop()
	e.legs.close()
	err := e.flows.Shutdown(ctx)
	e.servers.stop()
	if err != nil {
		return fmt.Errorf("sip endpoint: %w", err)
	}
	return nil
}

// shown is the address that others are told for a bound one.
func (e *Endpoint) shown(bound netip.AddrPort) netip.AddrPort {
	if bound.Addr().IsUnspecified() && e.o.Address.IsValid() {
		return netip.AddrPortFrom(e.o.Address, bound.Port())
	}
	return bound
}

// shownText is shown as text; for the addresses that sockets are bound to it is made
// beforehand.
func (e *Endpoint) shownText(bound netip.AddrPort) string {
	if s, ok := e.texts[bound]; ok {
		return s
	}
	return e.shown(bound).String()
}

// aor is a phone's address of record.
func (e *Endpoint) aor(n registrar.Number) string { return "sip:" + string(n) + "@" + e.o.Realm }

// CloseFlow closes a flow; false if it was gone.
func (e *Endpoint) CloseFlow(id registrar.FlowID) bool { return e.flows.Close(flow.ID(id)) }

// Flows are the flow table's counters and how things stand there.
func (e *Endpoint) Flows() flow.Counters { return e.flows.Counters() }

// Locals are the addresses that are served, in the order UDP, TCP, TLS, WS, WSS.
func (e *Endpoint) Locals() []flow.Local { return e.flows.Locals() }

// Counters are the endpoint's own counters, always in the same order.
func (e *Endpoint) Counters() []Count { return e.count.list() }

// Standing says how much the endpoint keeps at the moment.
func (e *Endpoint) Standing() Standing {
	standing, fading := e.legs.count()
	return Standing{
		Transactions: e.servers.count(), Clients: e.clients.count(),
		Subscriptions: e.subs.count(), BanEntries: e.bans.size(), Legs: standing, FadingLegs: fading,
	}
}

// Standing is how many of each there are. FadingLegs are legs of calls that ended and
// still remember their transactions.
type Standing struct{ Transactions, Clients, Subscriptions, BanEntries, Legs, FadingLegs int }
