package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"roost/media"
)

// Relay implements media.Relay.
type Relay struct {
	config  Config
	log     zerolog.Logger
	began   time.Time
	timeout int64 // ns
	workers []*worker
	keys    keyring
	told    chan struct{} // the teller has ended
	ctx     context.Context
	cancel  context.CancelFunc
	tasks   sync.WaitGroup // handshakes

	mu         sync.Mutex
	pools      [2]*ports // IPv4, IPv6; nil without an address
	streams    map[*stream]struct{}
	owners     map[netip.AddrPort]owner
	gone       tally // of streams that are closed
	opened     uint64
	refused    uint64
	silent     uint64
	generation uint32
	closing    bool
	news       []func()
	newsCome   *sync.Cond
}

var _ media.Relay = (*Relay)(nil)

// bindTries is how many pairs are tried where other programs hold ports of the range.
const bindTries = 64

// New starts a relay; Close ends it. Errors wrap ErrConfig where the Config is at fault.
func New(c Config) (*Relay, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	r := &Relay{
		config: c, log: c.Log, began: time.Now(), timeout: int64(c.Timeout),
		told:    make(chan struct{}),
		streams: map[*stream]struct{}{}, owners: map[netip.AddrPort]owner{},
	}
	r.newsCome = sync.NewCond(&r.mu)
	if r.config.Certificate == nil {
		var err error
		if r.config.Certificate, err = certificate(); err != nil {
			return nil, err
		}
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for i, a := range []netip.Addr{c.Address, c.Address6} {
		if a.IsValid() {
			r.pools[i] = newPorts(c.First, c.Last)
		}
	}
	for range c.Workers {
		w, err := newWorker(r)
		if err != nil {
			r.cancel()
			for _, made := range r.workers {
				made.closeDescriptors()
			}
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	if low, high, n, err := Ephemeral(c.First, c.Last); err == nil && n > 0 {
		r.log.Warn().Uint16("from", low).Uint16("to", high).Int("ports", n).
			Msg("the kernel gives ports of the media range to other connections; move the range, or name it in net.ipv4.ip_local_reserved_ports")
	}
	for _, w := range r.workers {
		go w.serve()
	}
	go r.tell()
	return r, nil
}

// now is the time since the relay's start in nanoseconds, above zero.
func (r *Relay) now() int64 { return max(1, int64(time.Since(r.began))) }

func (r *Relay) advertised(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return r.config.Advertised
	}
	return r.config.Advertised6
}

// Open implements media.Relay. Errors wrap media.ErrNoPorts, ErrSide where there is no
// address of the family, or ErrClosed.
func (r *Relay) Open(o media.OpenStream) (media.Stream, error) {
	s := &stream{relay: r, call: o.Call, onSilent: o.Silent, opened: r.now()}
	s.lane.sides[0].raw, s.lane.sides[1].raw = o.Raw, o.Raw
	s.lane.own = r.ownPort
	for side := range s.ips {
		s.ips[side] = r.config.Address
		if o.IPv6[side] {
			s.ips[side] = r.config.Address6
		}
		if !s.ips[side].IsValid() {
			return nil, fmt.Errorf("no media address for side %s (IPv6: %v): %w", media.Side(side), o.IPv6[side], ErrSide)
		}
	}
	for side := range s.ips {
		if err := r.bind(s, side); err != nil {
			r.abandon(s, side)
			return nil, err
		}
	}
	if err := r.admit(s); err != nil {
		r.abandon(s, 2)
		return nil, err
	}
	var err error
	if !s.worker.call(func(int64) { err = s.worker.add(s) }) {
		err = ErrClosed
	}
	if err != nil {
		r.closed(s, [2]tally{})
		return nil, fmt.Errorf("%w: %w", media.ErrNoPorts, err)
	}
	return s, nil
}

// bind takes a pair of ports for a side.
func (r *Relay) bind(s *stream, side int) error {
	for range bindTries {
		port, err := r.take(s.ips[side])
		if err != nil {
			return err
		}
		fds, err := openPair(s.ips[side], port, r.config.DSCP)
		if err == nil {
			s.ports[side] = port
			s.lane.sides[side].fds = [2]int32{int32(fds[0]), int32(fds[1])}
			return nil
		}
		r.putBack(s.ips[side], port)
		if !errors.Is(err, unix.EADDRINUSE) {
			r.refuse()
			return fmt.Errorf("%w: %w", media.ErrNoPorts, err)
		}
	}
	r.refuse()
	return fmt.Errorf("%w: other programs hold %d pairs of the range %d to %d in a row", media.ErrNoPorts, bindTries, r.config.First, r.config.Last)
}

func (r *Relay) take(ip netip.Addr) (uint16, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return 0, ErrClosed
	}
	pool := r.pool(ip)
	port, ok := pool.take(time.Now())
	r.watch(pool)
	if !ok {
		r.refused++
		return 0, fmt.Errorf("%w: all %d pairs of %s, ports %d to %d, are taken or rest after use", media.ErrNoPorts, pool.total, ip, r.config.First, r.config.Last)
	}
	return port, nil
}

func (r *Relay) refuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused++
}

func (r *Relay) pool(ip netip.Addr) *ports {
	if ip.Is4() {
		return r.pools[0]
	}
	return r.pools[1]
}

func (r *Relay) putBack(ip netip.Addr, port uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restPort(ip, port)
}

// restPort begins a pair's quarantine; mu is held.
func (r *Relay) restPort(ip netip.Addr, port uint16) {
	pool := r.pool(ip)
	now := time.Now()
	pool.rest(port, now.Add(r.config.Quarantine))
	pool.wake(now)
	r.watch(pool)
}

// rouse ends the quarantine of ports that have rested, so that scarcity is over also where
// no call comes or goes.
func (r *Relay) rouse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, pool := range r.pools {
		if pool != nil {
			pool.wake(time.Now())
			r.watch(pool)
		}
	}
}

// watch tells of scarcity; mu is held.
func (r *Relay) watch(pool *ports) {
	if !pool.crossed() || r.config.Scarce == nil {
		return
	}
	scarce, used, total := pool.scarce, pool.used(), pool.total
	r.news = append(r.news, func() { r.config.Scarce(scarce, used, total) })
	r.newsCome.Signal()
}

// abandon closes what was bound for the first n sides of a stream that does not come to be.
func (r *Relay) abandon(s *stream, n int) {
	for side := range n {
		for _, fd := range s.lane.sides[side].fds {
			unix.Close(int(fd)) //nolint:errcheck // nothing is lost
		}
		r.putBack(s.ips[side], s.ports[side])
	}
}

// admit gives a stream to the worker with the fewest.
func (r *Relay) admit(s *stream) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return ErrClosed
	}
	s.worker = r.workers[0]
	for _, w := range r.workers {
		if w.given < s.worker.given {
			s.worker = w
		}
	}
	s.worker.given++
	r.generation++
	s.generation = r.generation
	r.streams[s] = struct{}{}
	for side := range s.ips {
		r.owners[netip.AddrPortFrom(s.ips[side], s.ports[side])] = owner{s, media.Side(side)}
	}
	r.opened++
	return nil
}

// closed takes a stream out of the books, after its sockets were closed.
func (r *Relay) closed(s *stream, sums [2]tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.streams, s)
	s.worker.given--
	for side := range s.ips {
		delete(r.owners, netip.AddrPortFrom(s.ips[side], s.ports[side]))
		r.restPort(s.ips[side], s.ports[side])
		r.gone.add(&sums[side])
	}
}

// Counters gives how the relay stands.
func (r *Relay) Counters() Counters {
	var live tally
	for _, w := range r.workers {
		w.call(func(int64) {
			for _, s := range w.slots {
				if s != nil {
					live.add(&s.lane.sides[0].stats)
					live.add(&s.lane.sides[1].stats)
				}
			}
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	live.add(&r.gone)
	c := Counters{
		Streams: len(r.streams), Opened: r.opened, Refused: r.refused, Silent: r.silent,
		Packets: live.packets + live.rtcp, Octets: live.octets,
		Strange: live.strange, Forged: live.forged, Bad: live.bad, Replayed: live.replayed,
		Unagreed: live.unagreed, Held: live.held, Unsent: live.unsent, Foreign: live.foreign,
	}
	now := time.Now()
	for _, pool := range r.pools {
		if pool != nil {
			pool.wake(now)
			c.PairsTotal += pool.total
			c.PairsResting += len(pool.resting)
			c.PairsTaken += pool.used() - len(pool.resting)
		}
	}
	return c
}

// Close closes all streams and ends the workers; its error is always nil. Silent and
// Scarce must not call it.
func (r *Relay) Close() error {
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		<-r.told
		return nil
	}
	r.closing = true
	open := make([]*stream, 0, len(r.streams))
	for s := range r.streams {
		open = append(open, s)
	}
	r.newsCome.Signal()
	r.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	r.cancel()
	r.tasks.Wait()
	for _, w := range r.workers {
		w.stop()
	}
	<-r.told
	return nil
}
