package relay

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"roost/media"
	"roost/media/srtp"
)

const (
	maxPacket  = 4096 // octets; what is longer is dropped
	batch      = 128  // events of epoll at a time
	sweepEvery = time.Second
	wakeEvent  = ^uint32(0)

	// eagerWait is how long an eager worker waits at a time, eagerFor for how long
	// after the last packet it does so, both in nanoseconds.
	eagerWait = 100_000
	eagerFor  = 1_000_000
)

// worker carries the packets of its streams, on a thread of its own.
type worker struct {
	relay *Relay
	epoll int
	wake  int // an eventfd: there are commands
	done  chan struct{}

	mu       sync.Mutex
	commands []func(now int64)
	pending  atomic.Bool
	stopped  bool
	given    int // streams; the relay's mu guards it

	// What follows is touched by the worker's goroutine only.
	slots  []*stream
	vacant []uint32
	live   int
	events [batch]unix.EpollEvent
	swept  int64
	busy   int64 // when there were events last
	none   unix.Timespec
	short  unix.Timespec
	buffer [maxPacket + srtp.Overhead]byte
	packet packet
	run    []func(int64)
	panics uint64
}

func newWorker(r *Relay) (*worker, error) {
	w := &worker{relay: r, done: make(chan struct{}), short: unix.Timespec{Nsec: eagerWait}}
	var err error
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("media worker: %w", err)
	}
	if w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(w.epoll) //nolint:errcheck // it is not used
		return nil, fmt.Errorf("media worker: %w", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1, Pad: -1}
	if err = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, w.wake, &ev); err != nil {
		w.closeDescriptors()
		return nil, fmt.Errorf("media worker: %w", err)
	}
	return w, nil
}

func (w *worker) closeDescriptors() {
	unix.Close(w.wake)  //nolint:errcheck // nothing is lost
	unix.Close(w.epoll) //nolint:errcheck // nothing is lost
}

// post has the worker run f soon; false once the worker has ended.
func (w *worker) post(f func(now int64)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return false
	}
	w.commands = append(w.commands, f)
	w.alert()
	return true
}

// call runs f on the worker and waits until it has; false once the worker has ended.
func (w *worker) call(f func(now int64)) bool {
	ran := make(chan struct{})
	if !w.post(func(now int64) { defer close(ran); f(now) }) {
		return false
	}
	<-ran
	return true
}

// serve is the worker's goroutine. It ends after stop was called.
func (w *worker) serve() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(w.done)
	for !w.obey() {
		n := w.wait()
		now := w.relay.now()
		for i := range w.events[:max(0, n)] {
			w.read(&w.events[i], now)
		}
		if now-w.swept >= int64(sweepEvery) {
			w.swept = now
			w.sweep(now)
			if w == w.relay.workers[0] {
				w.relay.rouse()
			}
		}
	}
	w.closeDescriptors()
}

// wait gives the number of events that there are, at the latest after sweepEvery.
func (w *worker) wait() int {
	n := poll(w.epoll, w.events[:], &w.none)
	if n == 0 && w.relay.config.Eager && w.relay.now()-w.busy < eagerFor {
		n = poll(w.epoll, w.events[:], &w.short)
	}
	if n > 0 {
		if w.relay.config.Eager {
			w.busy = w.relay.now()
		}
		return n
	}
	n, _ = unix.EpollWait(w.epoll, w.events[:], int(sweepEvery/time.Millisecond)) // interrupted: none
	return n
}

// obey runs the commands; true at the end.
func (w *worker) obey() bool {
	if !w.pending.Load() {
		return false
	}
	w.mu.Lock()
	var eight [8]byte
	unix.Read(w.wake, eight[:]) //nolint:errcheck // empty is as good
	w.pending.Store(false)
	w.run, w.commands = w.commands, w.run[:0]
	stopped := w.stopped
	w.mu.Unlock()
	now := w.relay.now()
	for i, f := range w.run {
		f(now)
		w.run[i] = nil
	}
	return stopped
}

// stop ends the worker after the commands before it.
func (w *worker) stop() {
	w.mu.Lock()
	w.stopped = true
	w.alert()
	w.mu.Unlock()
	<-w.done
}

// alert wakes the worker; mu is held.
func (w *worker) alert() {
	if w.pending.Swap(true) {
		return
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	unix.Write(w.wake, one[:]) //nolint:errcheck // a full counter wakes as well
}

// An event's data: Fd holds the slot, Pad the slot's generation, times 4, plus which
// of the four sockets.
func eventData(slot, generation uint32, which int) unix.EpollEvent {
	return unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(slot), Pad: int32(generation<<2 | uint32(which))}
}

// add takes a stream in and listens to its sockets.
func (w *worker) add(s *stream) error {
	slot := uint32(len(w.slots))
	if n := len(w.vacant); n > 0 {
		slot = w.vacant[n-1]
		w.vacant = w.vacant[:n-1]
	} else {
		w.slots = append(w.slots, nil)
	}
	s.slot = slot
	w.slots[slot] = s
	w.live++
	for which := range 4 {
		ev := eventData(slot, s.generation, which)
		fd := int(s.lane.sides[which>>1].fds[which&1])
		if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
			w.remove(s)
			return fmt.Errorf("media worker: %w", err)
		}
	}
	return nil
}

// remove forgets a stream and closes its sockets, which ends epoll's interest too.
func (w *worker) remove(s *stream) {
	w.slots[s.slot] = nil
	w.vacant = append(w.vacant, s.slot)
	w.live--
	for i := range s.lane.sides {
		for _, fd := range s.lane.sides[i].fds {
			unix.Close(int(fd)) //nolint:errcheck // nothing is lost
		}
	}
}

// read takes one datagram from a socket; epoll tells again of more.
func (w *worker) read(ev *unix.EpollEvent, now int64) {
	slot, tag := uint32(ev.Fd), uint32(ev.Pad)
	if slot == wakeEvent || int(slot) >= len(w.slots) {
		return
	}
	s := w.slots[slot]
	if s == nil || s.generation<<2>>2 != tag>>2 {
		return // closed within this batch
	}
	which := tag & 3
	p := &w.packet
	p.side, p.control, p.now = media.Side(which>>1), which&1 == 1, now
	from := &s.lane.sides[p.side]
	n, errno := receive(from.fds[which&1], w.buffer[:maxPacket], &p.from)
	switch {
	case errno != 0:
		return
	case n > maxPacket || n == 0:
		from.stats.bad++
		return
	}
	p.b, p.n = w.buffer[:], n
	w.forward(s, p)
}

// forward carries a packet; a fault of ours costs this packet only.
func (w *worker) forward(s *stream, p *packet) {
	defer w.recovered(s)
	via, to := s.lane.carry(p)
	if via == drop {
		return
	}
	target := p.side.Other()
	if via&back != 0 {
		target = p.side
	}
	t := &s.lane.sides[target]
	if errno := transmit(t.fds[via&1], p.b[:p.n], to); errno != 0 {
		t.stats.unsent++
		return
	}
	switch {
	case via&back != 0:
	case via == viaRTP && kindOf(p.b[:p.n]) != kindRTCP:
		t.stats.sent++
		t.stats.sentOctets += uint64(p.n)
	default:
		t.stats.sentRTCP++
	}
}

func (w *worker) recovered(s *stream) {
	if fault := recover(); fault != nil {
		w.panics++
		if w.panics <= 10 {
			w.relay.log.Error().Str("call", s.call).Interface("fault", fault).
				Str("stack", string(debug.Stack())).Msg("a media packet was not carried: a fault in roost; please report it")
		}
	}
}

// sweep looks for streams that went silent, or that somebody shoots at.
func (w *worker) sweep(now int64) {
	for _, s := range w.slots {
		if s == nil {
			continue
		}
		if s.lane.wentSilent(now, w.relay.timeout) {
			w.relay.tellSilent(s)
		}
		for i := range s.lane.sides {
			w.warn(s, media.Side(i))
		}
	}
}

// warnAfter is how many packets a side may drop before it is said, once a call.
const warnAfter = 1000

func (w *worker) warn(s *stream, side media.Side) {
	t := &s.lane.sides[side].stats
	if s.warned || t.strange+t.forged+t.bad+t.foreign < warnAfter {
		return
	}
	s.warned = true
	w.relay.log.Warn().Str("call", s.call).Stringer("side", side).Stringer("expected", s.lane.sides[side].rtp.to.addrPort()).
		Uint64("from_elsewhere", t.strange).Uint64("not_authentic", t.forged).Uint64("no_rtp", t.bad).Uint64("stun_dtls", t.foreign).
		Msg("many packets at a media port were dropped: another host sends there, a NAT moved the phone, or keys differ")
}
