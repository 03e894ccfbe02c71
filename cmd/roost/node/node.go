package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"roost/certs"
	"roost/cmd/roost/config"
	"roost/cmd/roost/console"
	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/directory"
	natscarrier "roost/resilience/mirror/nats"
	"roost/resilience/mirror/service"
	"roost/signaling/sip"
	"roost/signaling/sip/trunk"
)

// Options is what a Node needs besides its configuration.
type Options struct {
	Log zerolog.Logger
	// Version stands in the status and in the Server header; "" for "dev".
	Version string
	// Hung is called once if the system cannot serve any more; `roost serve` ends
	// the process then. nil: nobody watches.
	Hung func()
	// KeyLog gets the keys of the phones' TLS connections, in the format of
	// SSLKEYLOGFILE, so that a capture can be judged; only with lab: true, since who
	// has it reads everything. nil: no keys are written.
	KeyLog io.Writer
	// Resolver finds the servers of trunks; nil: by the machine's name servers.
	Resolver trunk.Resolver
}

// Node is one system. New makes it, Start runs it, Stop ends it; a stopped node
// is not started again.
type Node struct {
	name    string
	version string
	log     zerolog.Logger
	started time.Time

	hung   func()
	keyLog io.Writer // nil but in a lab

	cfg      atomic.Pointer[config.Config]
	dir      atomic.Pointer[directory.Directory]
	profiles atomic.Pointer[directory.Profiles]

	certs     *certs.Source
	registrar *registrar.Registrar
	keys      *credentials.KeyRing
	keeper    *keeper
	journal   *journal
	known     *known
	homes     *homes
	share     *sharing

	carrier  *natscarrier.Carrier
	mirror   *service.Service
	endpoint *sip.Endpoint
	console  *console.Server

	voice    voice
	trunks   trunks
	h323     h323State
	away     awayPhones
	heard    lastHeard
	busy     busySet
	peerKeys peerKeys
	cold     atomic.Bool // some home was never mirrored whole since our start
	refusing atomic.Bool // a lab made us refuse
	ready    atomic.Bool
	panics   atomic.Uint64
	unread   atomic.Uint64 // shared records that were not understood

	reloading sync.Mutex
	// ctx ends with Stop, and with it what spawn started.
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// New puts a system together. Nothing listens and nothing runs before Start.
func New(c *config.Config, o Options) (*Node, error) {
	if o.KeyLog != nil && !c.Lab {
		return nil, fmt.Errorf("%s: a log of TLS keys was asked for: only a system with lab: true writes one", c.Path)
	}
	dir, err := c.Directory()
	if err != nil {
		return nil, err
	}
	profiles, err := c.PhoneProfiles()
	if err != nil {
		return nil, err
	}
	source, err := certs.Open(c.Certificates.Files())
	if err != nil {
		return nil, fmt.Errorf("%s: certificates: %w", c.Path, err)
	}
	n := &Node{
		name: c.System, version: o.Version, log: o.Log.With().Str("system", c.System).Logger(),
		started: time.Now(), hung: o.Hung, keyLog: o.KeyLog, certs: source, known: newKnown(), homes: newHomes(peersOf(c), linesOf(c)),
	}
	if n.version == "" {
		n.version = "dev"
	}
	n.cfg.Store(c)
	n.dir.Store(dir)
	n.profiles.Store(&profiles)
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.journal = newJournal(n.log)
	n.registrar = registrar.New(registrarConfig(c), n.started)
	if n.keeper, err = n.newKeeper(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	n.cold.Store(len(n.homes.all()) > 0)
	if o.Resolver == nil {
		o.Resolver = n.nameServers()
	}
	n.newTrunks(o.Resolver)
	return n, nil
}

// linesOf are the systems that a line goes to.
func linesOf(c *config.Config) []string {
	var systems []string
	for _, line := range c.Network.Lines {
		systems = append(systems, line.System)
	}
	return systems
}

// peersOf are those with which phones are backed up: over lines of networking level
// scn only (NE1). The others hear of the directory.
func peersOf(c *config.Config) []string {
	var peers []string
	for _, line := range c.Network.Lines {
		if line.NetworkingLevel == config.LevelSCN {
			peers = append(peers, line.System)
		}
	}
	return peers
}

func (n *Node) config() *config.Config          { return n.cfg.Load() }
func (n *Node) directory() *directory.Directory { return n.dir.Load() }

// spawn runs f in a goroutine that Stop waits for. f must end when n.ctx does.
func (n *Node) spawn(f func()) {
	n.work.Go(func() {
		defer func() {
			if value := recover(); value != nil {
				n.panics.Add(1)
				n.log.Error().Interface("panic", value).Msg("a panic in the background; it cost that task only")
			}
		}()
		f()
	})
}

// Start opens the sockets and begins to serve: first the lines, so that what is
// registered is shared from the first phone on, then the phones, then the console.
func (n *Node) Start() error {
	steps := []struct {
		what string
		do   func() error
	}{
		{"media", n.startVoice},
		{"lines", n.startMirror},
		{"SIP", n.startSIP},
		{"H.323", n.startH323},
		{"trunks", n.startTrunks},
		{"console", n.startConsole},
	}
	n.checkCertificates(time.Now())
	for _, step := range steps {
		if err := step.do(); err != nil {
			err = fmt.Errorf("%s: %s: %w", n.name, step.what, err)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			return errors.Join(err, n.Stop(ctx))
		}
	}
	n.work.Go(func() { n.keeper.run(n.ctx) })
	n.work.Go(n.housekeeping)
	if n.hung != nil {
		n.work.Go(func() { n.watch(n.hung) })
	}
	n.ready.Store(true)
	n.mirror.SetReady(true)
	n.journal.happened("started", n.name, n.name+" serves", n.started)
	return nil
}

// consoleDrain is how long a request at the console may keep an orderly end waiting.
const consoleDrain = 500 * time.Millisecond

// Stop ends the system in order: the backups are told that it is not ready any
// more, phones are let go, then the lines. What is not done when ctx ends is cut.
func (n *Node) Stop(ctx context.Context) error {
	var err error
	n.ready.Store(false)
	if n.mirror != nil {
		n.mirror.SetReady(false)
	}
	if n.console != nil {
		// Whoever holds a connection open there must not take the phones' time.
		short, cancel := context.WithTimeout(ctx, consoleDrain)
		err = errors.Join(err, n.console.Stop(short))
		cancel()
	}
	n.stopCalls(ctx)
	n.stopTrunks(ctx)
	if n.endpoint != nil {
		err = errors.Join(err, n.endpoint.Stop(ctx))
	}
	err = errors.Join(err, n.stopH323(ctx))
	err = errors.Join(err, n.stopMedia())
	n.cancel()
	n.work.Wait()
	if n.mirror != nil {
		n.mirror.Stop()
	}
	if n.carrier != nil {
		n.carrier.Close()
	}
	return err
}

// housekeeping is what is due now and then: leases that ended, systems that knock in
// vain, certificates that changed or are about to expire.
func (n *Node) housekeeping() {
	sweep := time.NewTicker(time.Second)
	defer sweep.Stop()
	files := time.NewTicker(10 * time.Second)
	defer files.Stop()
	var lines oneSided
	for {
		select {
		case <-n.ctx.Done():
			return
		case now := <-sweep.C:
			n.changed(n.registrar.Sweep(now), now)
			lines.review(n, now)
			n.reviewStanding(now)
		case now := <-files.C:
			n.reloadCertificates(now)
		}
	}
}
