package flow

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// streamListener accepts connections and holds their streams by slot.
type streamListener struct {
	t         *Table
	index     uint8
	transport Transport
	l         net.Listener
	tls       *tls.Config

	mu    sync.RWMutex
	slots []streamSlot
	free  []uint32
	shut  bool // no stream may be added
}

type streamSlot struct {
	generation uint32
	s          *stream
}

// ServeTCP accepts from l until StopAccepting; l is the Table's from then on.
func (t *Table) ServeTCP(l net.Listener) error { return t.serveStream(l, TCP, nil) }

// ServeTLS does the same for TLS with tc, which must not allow less than TLS 1.2.
// l gives plain connections; the handshake is done here, within Limits.Handshake.
func (t *Table) ServeTLS(l net.Listener, tc *tls.Config) error {
	tc, err := atLeastTLS12(l, tc)
	if err != nil {
		return err
	}
	return t.serveStream(l, TLS, tc)
}

func (t *Table) serveStream(l net.Listener, transport Transport, tc *tls.Config) error {
	sl := &streamListener{t: t, transport: transport, l: l, tls: tc}
	if err := t.add(sl, Local{transport, addrPort(l.Addr())}); err != nil {
		return err
	}
	go sl.accept()
	return nil
}

// accept runs until the listener is closed. What the system refuses (descriptors used
// up) is tried again, later and later.
func (sl *streamListener) accept() {
	t := sl.t
	defer t.accepters.Done()
	pause := 5 * time.Millisecond
	for {
		c, err := sl.l.Accept()
		if err == nil {
			pause = 5 * time.Millisecond
			sl.admit(c)
			continue
		}
		if errors.Is(err, net.ErrClosed) || t.stopped() {
			return
		}
		t.count.acceptErrors.Add(1)
		t.journal.event(troubleAccept).Stringer("listener", sl.l.Addr()).Err(err).
			Msg("cannot accept connections; trying again")
		select {
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		case <-t.stop:
			return
		}
	}
}

// admit begins a connection's life, or refuses it.
func (sl *streamListener) admit(c net.Conn) {
	t := sl.t
	remote := addrPort(c.RemoteAddr())
	from := t.sources.add(remote.Addr())
	if from == nil {
		t.count.refusedPerSource.Add(1)
		t.journal.event(troublePerSource).Stringer("peer", remote).Int("limit", t.limits.PerSource).
			Msg("connection refused: too many connections of one source")
		_ = c.Close()
		return
	}
	if !t.place() {
		t.sources.remove(from)
		t.count.refusedFull.Add(1)
		t.journal.event(troubleFull).Stringer("peer", remote).Int("limit", t.limits.Connections).
			Msg("connection refused: too many connections")
		_ = c.Close()
		return
	}
	now := time.Now().UnixNano()
	s := &stream{l: sl, raw: c, from: from, local: addrPort(c.LocalAddr()), remote: remote, opened: now}
	s.frame = framer{header: t.limits.Header, body: t.limits.Body}
	s.out = output{
		raw: c, rc: rawOf(c), limit: t.limits.Queue, within: t.limits.Write,
		group: &t.readers, failed: s.sendFailed,
	}
	s.seen.Store(now)
	if sl.tls != nil {
		s.quit = make(chan struct{})
	}
	if !sl.insert(s) {
		sl.refuse(c, from)
		return
	}
	t.unproven.mu.Lock()
	t.unproven.add(s)
	t.unproven.mu.Unlock()
	t.count.accepted.Add(1)
	if sl.transport == TLS {
		go s.greet()
		return
	}
	s.ready.Store(true)
	go s.read()
}

// refuse ends a connection that had its place already.
func (sl *streamListener) refuse(c net.Conn, from *source) {
	sl.t.sources.remove(from)
	sl.t.count.connections.Add(-1)
	_ = c.Close()
}

// insert gives the stream its slot and ID and counts its reader; false while shutting down.
func (sl *streamListener) insert(s *stream) bool {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if sl.shut {
		return false
	}
	var slot uint32
	if n := len(sl.free); n > 0 {
		slot = sl.free[n-1]
		sl.free = sl.free[:n-1]
	} else {
		slot = uint32(len(sl.slots))
		sl.slots = append(sl.slots, streamSlot{generation: sl.t.generation})
	}
	sl.slots[slot].s = s
	s.id = makeID(sl.index, sl.slots[slot].generation, slot)
	sl.t.readers.Add(1)
	return true
}

func (sl *streamListener) remove(id ID) {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	slot := id.slot()
	sl.slots[slot].s = nil
	sl.slots[slot].generation = nextGeneration(sl.slots[slot].generation)
	sl.free = append(sl.free, slot)
}

// find gives the stream of an ID, nil where it is gone or ending.
func (sl *streamListener) find(id ID) *stream {
	sl.mu.RLock()
	defer sl.mu.RUnlock()
	slot := id.slot()
	if int(slot) >= len(sl.slots) || sl.slots[slot].generation != id.generation() {
		return nil
	}
	s := sl.slots[slot].s
	if s == nil || s.why.Load() != 0 || !s.ready.Load() {
		return nil
	}
	return s
}

// all gives every stream, those in their handshake too.
func (sl *streamListener) all() []*stream {
	sl.mu.RLock()
	defer sl.mu.RUnlock()
	list := make([]*stream, 0, len(sl.slots)-len(sl.free))
	for i := range sl.slots {
		if s := sl.slots[i].s; s != nil {
			list = append(list, s)
		}
	}
	return list
}

// addrPort reads what a connection says of its address; the zero value where it is
// no IP address (net.Pipe).
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	case nil:
	default:
		ap, _ = netip.ParseAddrPort(a.String()) // no address: the zero value
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
