package h323

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"roost/registrar"
	"roost/signaling/h323/ras"
)

// Options is what a Front needs. The sockets are the Front's from New on.
type Options struct {
	// Sockets are those of RAS, in the order of Gatekeeper.Addresses.
	Sockets []*net.UDPConn
	// Groups hear multicast discovery; answers leave from Sockets[0].
	Groups     []*net.UDPConn
	Gatekeeper ras.Config
	Office     ras.Office
	// Events is told what the gatekeeper does of its own accord, in order, without a
	// lock held. It must not wait.
	Events func(ras.Event)
	Log    zerolog.Logger
}

// Front is the H.323 front-end of one system.
type Front struct {
	o       Options
	log     zerolog.Logger
	mu      sync.Mutex // around gk
	gk      *ras.Gatekeeper
	waiting struct {
		sync.Mutex
		commands []command
	}
	wake    chan struct{}
	done    chan struct{}
	stop    sync.Once
	work    sync.WaitGroup
	panics  atomic.Uint64
	unread  atomic.Uint64
	unsent  atomic.Uint64
	journal journal
}

type command func(g *ras.Gatekeeper, now time.Time, out *ras.Out)

// Counters count since the start.
type Counters struct {
	ras.Counters
	Panics      uint64 // each cost one message
	ReadErrors  uint64
	WriteErrors uint64
}

// clockEvery is how often deadlines are looked at; they are seconds away.
const clockEvery = 100 * time.Millisecond

// New makes a Front; nothing is read before Start.
func New(o Options) (*Front, error) {
	if len(o.Sockets) == 0 || len(o.Sockets) != len(o.Gatekeeper.Addresses) {
		return nil, fmt.Errorf("H.323: %d sockets and %d addresses: each socket needs its address", len(o.Sockets), len(o.Gatekeeper.Addresses))
	}
	if o.Events == nil {
		o.Events = func(ras.Event) {}
	}
	gk, err := ras.New(o.Gatekeeper, o.Office)
	if err != nil {
		return nil, fmt.Errorf("H.323: %w", err)
	}
	return &Front{
		o: o, log: o.Log.With().Str("protocol", "h323").Logger(), gk: gk,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}, nil
}

// Start begins to serve.
func (f *Front) Start() {
	for i, socket := range f.o.Sockets {
		f.work.Go(func() { f.read(socket, ras.From{Socket: uint8(i)}) })
	}
	for _, group := range f.o.Groups {
		f.work.Go(func() { f.read(group, ras.From{Multicast: true}) })
	}
	f.work.Go(f.clock)
}

// Shutdown ends it and closes the sockets. No endpoint is told: its registration is its
// backup's to know.
func (f *Front) Shutdown(ctx context.Context) error {
	f.stop.Do(func() {
		close(f.done)
		for _, socket := range append(append([]*net.UDPConn{}, f.o.Sockets...), f.o.Groups...) {
			_ = socket.Close()
		}
	})
	ended := make(chan struct{})
	go func() { f.work.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("H.323: a reader has not ended: %w", ctx.Err())
	}
}

// SendHome has an endpoint told to register with other gatekeepers (URQ, maintenance);
// an event ras.UnregisterResult follows, at once if it is not registered here.
func (f *Front) SendHome(n registrar.Number, to []ras.Alternate) {
	f.do(func(g *ras.Gatekeeper, now time.Time, out *ras.Out) {
		if !g.Unregister(n, to, now, out) {
			out.Events = append(out.Events, ras.UnregisterResult{Number: n})
		}
	})
}

// Drop ends a registration without a word, unless the endpoint has registered anew
// after a time.
func (f *Front) Drop(n registrar.Number, notAfter time.Time) {
	f.do(func(g *ras.Gatekeeper, _ time.Time, _ *ras.Out) { g.Drop(n, notAfter) })
}

// Addresses are where RAS is heard.
func (f *Front) Addresses() []netip.AddrPort { return f.o.Gatekeeper.Addresses }

// Endpoints are the registered endpoints, in no order.
func (f *Front) Endpoints() []ras.Endpoint {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gk.All()
}

// Endpoint is the registration of a number.
func (f *Front) Endpoint(n registrar.Number) (ras.Endpoint, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gk.Endpoint(n)
}

// Counters are the counts so far.
func (f *Front) Counters() Counters {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Counters{Counters: f.gk.Counters(), Panics: f.panics.Load(), ReadErrors: f.unread.Load(), WriteErrors: f.unsent.Load()}
}

// do puts a command into the queue of the goroutine that keeps time.
func (f *Front) do(c command) {
	f.waiting.Lock()
	f.waiting.commands = append(f.waiting.commands, c)
	f.waiting.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// read is a socket's one reader: a batch of messages, each handled in the order of
// arrival, then the batch of answers.
func (f *Front) read(socket *net.UDPConn, from ras.From) {
	io := newBatches(socket)
	answers := io
	if from.Multicast {
		answers = newBatches(f.o.Sockets[0])
	}
	var out ras.Out
	for {
		n, err := io.receive()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			f.unread.Add(1)
			select {
			case <-f.done:
				return
			case <-time.After(10 * time.Millisecond): // an error that stays must not spin
			}
			continue
		}
		now := time.Now()
		out.Reset()
		for i := range n {
			data, addr := io.packet(i)
			from.Addr = addr
			f.guarded(&out, func(g *ras.Gatekeeper) { g.Receive(data, from, now, &out) })
		}
		f.send(&out, answers, from.Socket)
		f.tell(&out)
	}
}

// guarded runs the gatekeeper under its lock. A panic costs this call: what it sent is
// taken back.
func (f *Front) guarded(out *ras.Out, what func(*ras.Gatekeeper)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	packets, events := len(out.Packets), len(out.Events)
	defer func() {
		if value := recover(); value != nil {
			out.Packets, out.Events = out.Packets[:packets], out.Events[:events]
			if f.panics.Add(1) <= 10 { // the others are counted
				f.log.Error().Interface("panic", value).Bytes("stack", debug.Stack()).Msg("a panic in the gatekeeper; it cost one message")
			}
		}
	}()
	what(f.gk)
}

// send sends packets, those of the reader's own socket in a batch.
func (f *Front) send(out *ras.Out, own *batches, socket uint8) {
	for i := range out.Packets {
		p := &out.Packets[i]
		if p.Socket == socket && own != nil {
			own.queue(p.Data, p.To)
			continue
		}
		if _, err := f.o.Sockets[p.Socket].WriteToUDPAddrPort(p.Data, p.To); err != nil {
			f.unsent.Add(1)
		}
	}
	if own != nil {
		failed, _ := own.flush()
		f.unsent.Add(uint64(failed))
	}
}

func (f *Front) tell(out *ras.Out) {
	for _, e := range out.Events {
		f.o.Events(e)
	}
}

// clock does what is due, and what was asked for.
func (f *Front) clock() {
	ticker := time.NewTicker(clockEvery)
	defer ticker.Stop()
	var out ras.Out
	for {
		select {
		case <-f.done:
			return
		case <-ticker.C:
		case <-f.wake:
		}
		now := time.Now()
		out.Reset()
		f.waiting.Lock()
		commands := f.waiting.commands
		f.waiting.commands = nil
		f.waiting.Unlock()
		for _, c := range commands {
			f.guarded(&out, func(g *ras.Gatekeeper) { c(g, now, &out) })
		}
		f.guarded(&out, func(g *ras.Gatekeeper) {
			if at, ok := g.Next(); ok && !at.After(now) {
				g.Tick(now, &out)
			}
		})
		f.send(&out, nil, 0)
		f.tell(&out)
		if f.journal.due(now) {
			f.journal.write(&f.log, f.Counters(), now)
		}
	}
}
