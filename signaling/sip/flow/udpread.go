package flow

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// wake makes the reader look up from its socket.
func (u *udpSocket) wake() { _ = u.pc.SetReadDeadline(time.Unix(1, 0)) }

// read is the socket's one reader: a batch of datagrams, each handled in the order of
// arrival, then the batch of answers.
func (u *udpSocket) read() {
	defer u.t.readers.Done()
	var in Inbound
	next := time.Now().Add(sweepEvery)
	for {
		if err := u.pc.SetReadDeadline(next); err != nil && !errors.Is(err, net.ErrClosed) {
			u.t.count.readErrors.Add(1)
		}
		n, err := 0, error(nil)
		if u.settle(); !u.over() {
			n, err = u.io.receive()
		}
		if u.over() && n == 0 || errors.Is(err, net.ErrClosed) {
			u.end()
			return
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			u.readFailed(err)
			continue
		}
		now := time.Now()
		if n > 0 {
			u.waits.sample(now)
		}
		for i := range n {
			u.datagram(&in, i, now)
		}
		u.flush()
		if !now.Before(next) {
			u.sweep(now.UnixNano())
			next = now.Add(sweepEvery)
		}
	}
}

func (u *udpSocket) over() bool {
	select {
	case <-u.t.draining:
		return true
	default:
		return false
	}
}

// readFailed counts a read error and waits a moment, so that one that stays does not spin.
func (u *udpSocket) readFailed(err error) {
	u.t.count.readErrors.Add(1)
	u.t.journal.event(troubleRead).Stringer("local", u.local).Err(err).Msg("cannot read from a UDP socket; trying again")
	select {
	case <-time.After(10 * time.Millisecond):
	case <-u.t.draining:
	}
}

// settle tells the Handler of the flows that ended.
func (u *udpSocket) settle() {
	u.mu.Lock()
	ended := u.ended
	u.ended = nil
	u.mu.Unlock()
	for _, e := range ended {
		u.t.flowClosed(e.id, e.why)
	}
}

// datagram handles one datagram. Should it panic outside the Handler, that costs this
// datagram too.
func (u *udpSocket) datagram(in *Inbound, i int, now time.Time) {
	defer func() {
		if r := recover(); r != nil {
			u.t.panicked(0, r)
		}
	}()
	b, remote := u.io.packet(i)
	t := u.t
	id, proven, ok := u.arrived(remote, now.UnixNano())
	switch {
	case !ok:
		t.count.droppedRate.Add(1)
		t.journal.event(troubleRate).Stringer("peer", remote).Float64("per_second", t.limits.Rate).
			Msg("datagrams dropped: too many from one source")
		return
	case onlyBlank(b):
		t.count.udpKeepAlives.Add(1)
		return
	case looksLikeSTUN(b):
		u.stun(b, remote)
		return
	}
	t.count.messagesIn.Add(1)
	t.count.bytesIn.Add(uint64(len(b)))
	*in = Inbound{
		Flow: id, Transport: UDP, Local: u.local, Remote: remote, Proven: proven, At: now,
		Bytes: b, Answer: u.io.answer(), Waited: u.waits.last,
	}
	t.handle(in)
	if in.Then != nil {
		u.then = append(u.then, in.Then)
	}
	to := remote
	if in.AnswerTo.IsValid() {
		to = in.AnswerTo
	}
	switch {
	case len(in.Answer) > largestUDP:
		u.writeFailed(to, ErrTooLarge)
	case len(in.Answer) > 0:
		u.queue(in.Answer, to)
	}
	if in.Close {
		u.forget(id, Asked)
	}
}

func (u *udpSocket) stun(b []byte, remote netip.AddrPort) {
	answer, ok := appendSTUN(u.io.answer(), b, remote)
	if !ok {
		u.t.count.droppedStun.Add(1)
		u.t.journal.event(troubleStun).Stringer("peer", remote).Int("bytes", len(b)).
			Msg("datagram dropped: neither SIP nor a STUN binding request")
		return
	}
	u.t.count.stuns.Add(1)
	u.queue(answer, remote)
}

func (u *udpSocket) queue(b []byte, to netip.AddrPort) {
	u.t.count.messagesOut.Add(1)
	u.t.count.bytesOut.Add(uint64(len(b)))
	if u.io.queue(b, to) {
		u.flush()
	}
}

func (u *udpSocket) flush() {
	if to, err := u.io.flush(); err != nil {
		u.writeFailed(to, err)
	}
	u.then = u.t.follow(0, u.then)
}

// end is the reader's last act: proven flows are told of, the socket is closed.
func (u *udpSocket) end() {
	u.mu.Lock()
	for slot := range u.flows.slots {
		if u.flows.slots[slot].used {
			u.removeLocked(u.idOf(uint32(slot)), Draining)
		}
	}
	u.flows.byAddr = nil
	u.mu.Unlock()
	u.settle()
	_ = u.pc.Close()
}
