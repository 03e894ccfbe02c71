package flow

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Config is what a Table is made of.
type Config struct {
	// Handler takes the messages.
	Handler Handler
	// Limits; the zero value means DefaultLimits.
	Limits Limits
	// Log gets one line for each kind of trouble, at most one in 10 s a kind.
	Log zerolog.Logger
}

// Info is what is known of a flow.
type Info struct {
	ID            ID
	Transport     Transport
	Local, Remote netip.AddrPort
	// Opened and LastSeen: when it began, and when anything was last heard on it.
	Opened, LastSeen time.Time
	// Proven tells whether Prove was called.
	Proven bool
	// TLS is the state of a TLS flow (peer certificates, version, server name), else nil.
	TLS *tls.ConnectionState
}

// Local is a listener's address.
type Local struct {
	Transport Transport
	Addr      netip.AddrPort
}

// Table is the flows of one endpoint. All its methods are safe for concurrent use.
type Table struct {
	handler    Handler
	limits     Limits
	journal    journal
	generation uint32 // where every slot's generations begin
	count      counters
	lender     lender
	sources    sources
	unproven   unproven
	cutting    atomic.Int64 // connections that gave way and have not ended yet
	handshakes chan struct{}
	halfSent   atomic.Int64 // bytes of buffers that hold the beginnings of messages

	stop       chan struct{} // closed by StopAccepting
	draining   chan struct{} // closed by Shutdown
	accepters  sync.WaitGroup
	readers    sync.WaitGroup // readers, handshakes, writers of queues
	shutdown   sync.Once
	stopAccept sync.Once

	mu      sync.RWMutex
	streams [256]*streamListener // by index; 0 is never used
	sockets [256]*udpSocket
	locals  []Local
}

// New makes a Table without listeners. Shutdown ends it.
func New(cfg Config) *Table {
	limits := cfg.Limits.orDefault()
	t := &Table{
		handler: cfg.Handler, limits: limits,
		handshakes: make(chan struct{}, limits.Handshakes),
		stop:       make(chan struct{}), draining: make(chan struct{}),
	}
	t.journal.log = cfg.Log
	t.sources = sources{
		of: make(map[netip.Addr]*source), perSource: limits.PerSource, handshakes: limits.HandshakesPerSource,
	}
	var g [4]byte
	_, _ = rand.Read(g[:]) // never fails (crypto/rand)
	t.generation = nextGeneration(binary.BigEndian.Uint32(g[:]))
	return t
}

// nextGeneration counts in 24 bits without 0, so that no ID is 0.
func nextGeneration(g uint32) uint32 {
	if g = (g + 1) & generationMask; g == 0 {
		g = 1
	}
	return g
}

// add gives a listener its index.
func (t *Table) add(l any, local Local) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	index := len(t.locals) + 1
	switch {
	case t.stopped():
		return ErrShutdown
	case index >= ownTCP:
		return ErrListeners
	}
	switch l := l.(type) {
	case *streamListener:
		l.index = uint8(index)
		t.streams[index] = l
		t.accepters.Add(1)
	case *udpSocket:
		l.index = uint8(index)
		t.sockets[index] = l
		t.readers.Add(1)
	}
	t.locals = append(t.locals, local)
	return nil
}

func (t *Table) stopped() bool {
	select {
	case <-t.stop:
		return true
	default:
		return false
	}
}

func (t *Table) stream(id ID) *stream {
	t.mu.RLock()
	sl := t.streams[id.listener()]
	t.mu.RUnlock()
	if sl == nil {
		return nil
	}
	return sl.find(id)
}

func (t *Table) socket(id ID) *udpSocket {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.sockets[id.listener()]
}

// Locals gives the addresses and transports of the listeners, in the order they were
// handed in.
func (t *Table) Locals() []Local {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return append([]Local(nil), t.locals...)
}

// handle calls the Handler; a panic in it costs this message only.
func (t *Table) handle(in *Inbound) {
	defer func() {
		if r := recover(); r != nil {
			in.Answer = nil
			t.panicked(in.Flow, r)
		}
	}()
	t.handler.Handle(in)
}

// follow calls what was to follow answers that are written now, and gives the empty list.
func (t *Table) follow(id ID, then []func()) []func() {
	for _, f := range then {
		t.guarded(id, f)
	}
	clear(then)
	return then[:0]
}

func (t *Table) guarded(id ID, f func()) {
	defer func() {
		if r := recover(); r != nil {
			t.panicked(id, r)
		}
	}()
	f()
}

func (t *Table) flowClosed(id ID, why Reason) {
	t.guarded(id, func() { t.handler.FlowClosed(id, why) })
}

func (t *Table) panicked(id ID, r any) {
	t.count.panics.Add(1)
	if e := t.journal.event(troublePanic); e != nil {
		e.Stringer("flow", id).Interface("panic", r).Bytes("stack", debug.Stack()).
			Msg("handling a message panicked; the message is lost, the system goes on")
	}
}

// logClosed writes a line for the ends that are somebody's fault.
func (t *Table) logClosed(s *stream, why Reason) {
	kind := troubleSilent
	switch why {
	case Silent:
	case HalfSent:
		kind = troubleHalfSent
	case NotReading:
		kind = troubleNotReading
	default:
		return
	}
	t.journal.event(kind).Stringer("peer", s.remote).Stringer("flow", s.id).
		Stringer("transport", s.l.transport).Stringer("why", why).Msg("connection closed")
}

// StopAccepting closes the listeners for TCP and TLS; flows go on.
func (t *Table) StopAccepting() {
	t.stopAccept.Do(func() {
		t.mu.Lock()
		close(t.stop)
		listeners := t.streams
		t.mu.Unlock()
		for _, sl := range listeners {
			if sl != nil && sl.l != nil {
				_ = sl.l.Close()
			}
		}
		t.accepters.Wait()
	})
}

// Shutdown stops accepting, lets the readers finish the message under way, writes
// what is queued until ctx ends, closes all flows and sockets and waits for all the
// Table's goroutines. FlowClosed(id, Draining) is called for each flow. The error is
// ctx's where connections had to be cut.
func (t *Table) Shutdown(ctx context.Context) error {
	t.StopAccepting()
	t.shutdown.Do(func() { close(t.draining) })
	t.mu.RLock()
	streams, sockets := t.streams, t.sockets
	t.mu.RUnlock()
	for _, sl := range streams {
		if sl != nil {
			sl.drain()
		}
	}
	for _, u := range sockets {
		if u != nil {
			u.wake()
		}
	}
	done := make(chan struct{})
	go func() {
		t.readers.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		for _, sl := range streams {
			if sl != nil {
				sl.cut()
			}
		}
		<-done
	}
	return err
}

// drain begins the end of every stream and lets none be added.
func (sl *streamListener) drain() {
	sl.mu.Lock()
	sl.shut = true
	sl.mu.Unlock()
	for _, s := range sl.all() {
		s.finish(Draining)
	}
}

func (sl *streamListener) cut() {
	for _, s := range sl.all() {
		s.out.kill()
		_ = s.raw.Close()
	}
}
