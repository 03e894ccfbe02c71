package flow

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// udpSocket is one UDP socket with its flows and its one reader.
type udpSocket struct {
	t     *Table
	index uint8
	pc    net.PacketConn
	local netip.AddrPort
	io    packets
	then  []func() // the reader's: what follows the answers that are queued
	waits waited   // the reader's

	mu    sync.Mutex
	flows udpFlows
	rates *rates
	ended []endedFlow // told to the Handler by the reader
	swept int         // where the next sweep of proven flows goes on
}

type endedFlow struct {
	id  ID
	why Reason
}

const (
	largestUDP   = 65_507 // payload of a UDP datagram over IPv4
	sweepEvery   = 5 * time.Second
	sweepAtATime = 16_384
)

// ServeUDP reads from pc until Shutdown, in a goroutine of the Table's; pc is the
// Table's from then on. A *net.UDPConn is read and written in batches.
func (t *Table) ServeUDP(pc net.PacketConn) error {
	local := addrPort(pc.LocalAddr())
	u := &udpSocket{
		t: t, pc: pc, local: local, io: newPackets(pc), waits: newWaited(pc),
		flows: newUDPFlows(t.limits.Strangers, t.generation), rates: newRates(t.limits),
	}
	if err := t.add(u, Local{UDP, local}); err != nil {
		return err
	}
	go u.read()
	return nil
}

// UDPFlow gives the flow from the UDP socket bound to local to remote, new or old.
func (t *Table) UDPFlow(local, remote netip.AddrPort) (ID, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	t.mu.RLock()
	sockets := t.sockets
	t.mu.RUnlock()
	for _, u := range sockets {
		if u != nil && u.local == local {
			id := u.flowTo(remote)
			if id == 0 {
				return 0, ErrShutdown
			}
			return id, nil
		}
	}
	return 0, fmt.Errorf("no UDP socket is bound to %s: %w", local, ErrGone)
}

func (u *udpSocket) flowTo(remote netip.AddrPort) ID {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.flows.byAddr == nil {
		return 0
	}
	slot, found := u.flows.byAddr[remote]
	if !found {
		slot = u.addLocked(remote, time.Now().UnixNano())
	}
	return u.idOf(slot)
}

func (u *udpSocket) idOf(slot uint32) ID {
	return makeID(u.index, u.flows.slots[slot].generation, slot)
}

func (u *udpSocket) addLocked(remote netip.AddrPort, now int64) uint32 {
	slot, crowded := u.flows.add(remote, now)
	u.t.count.closed[Crowded].Add(uint64(crowded))
	u.t.count.udpFlows.Add(int64(1 - crowded))
	return slot
}

// arrived finds or makes the flow of a datagram; ok is false where it is over the rate.
func (u *udpSocket) arrived(remote netip.AddrPort, now int64) (id ID, proven, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	slot, found := u.flows.byAddr[remote]
	if proven = found && u.flows.slots[slot].proven; !proven && !u.rates.allow(sourceOf(remote.Addr()), now) {
		return 0, false, false
	}
	if found {
		u.flows.heard(slot, now)
	} else {
		slot = u.addLocked(remote, now)
	}
	return u.idOf(slot), proven, true
}

func (u *udpSocket) send(id ID, to netip.AddrPort, b []byte) error {
	u.mu.Lock()
	s := u.flows.get(id)
	if s != nil && !to.IsValid() {
		to = s.remote
	}
	u.mu.Unlock()
	switch {
	case s == nil:
		return ErrGone
	case len(b) > largestUDP:
		return fmt.Errorf("%d bytes: %w", len(b), ErrTooLarge)
	}
	if err := writePacket(u.pc, b, to); err != nil {
		u.writeFailed(to, err)
		return fmt.Errorf("send to %s over UDP: %w", to, err)
	}
	u.t.count.messagesOut.Add(1)
	u.t.count.bytesOut.Add(uint64(len(b)))
	return nil
}

func (u *udpSocket) writeFailed(to netip.AddrPort, err error) {
	u.t.count.writeErrors.Add(1)
	u.t.journal.event(troubleWrite).Stringer("peer", to).Err(err).Msg("cannot send over UDP")
}

// forget ends a flow at the layer above's wish; the reader tells the Handler.
func (u *udpSocket) forget(id ID, why Reason) bool {
	u.mu.Lock()
	gone := u.flows.get(id) == nil
	wake := !gone && u.removeLocked(id, why)
	u.mu.Unlock()
	if wake {
		u.wake()
	}
	return !gone
}

// removeLocked reports whether there is something to tell the Handler.
func (u *udpSocket) removeLocked(id ID, why Reason) bool {
	proven := u.flows.slots[id.slot()].proven
	u.flows.remove(id.slot())
	u.t.count.udpFlows.Add(-1)
	if !proven {
		return false
	}
	u.t.count.proven.Add(-1)
	u.t.count.closed[why].Add(1)
	u.ended = append(u.ended, endedFlow{id, why})
	return true
}

func (u *udpSocket) setProven(id ID, proven bool) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.flows.get(id)
	if s == nil {
		return false
	}
	if s.proven != proven {
		u.flows.setProven(id.slot(), proven)
		if proven {
			u.t.count.proven.Add(1)
		} else {
			u.t.count.proven.Add(-1)
		}
	}
	return true
}

func (u *udpSocket) setIdle(id ID, d time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.flows.get(id)
	if s != nil {
		s.idle = d
	}
	return s != nil
}

func (u *udpSocket) info(id ID) (Info, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.flows.get(id)
	if s == nil {
		return Info{}, false
	}
	return Info{
		ID: id, Transport: UDP, Local: u.local, Remote: s.remote, Proven: s.proven,
		Opened: time.Unix(0, s.opened), LastSeen: time.Unix(0, s.seen),
	}, true
}

// sweep ends the flows that were silent for too long: strangers from the old end of
// their list, proven ones some at a time.
func (u *udpSocket) sweep(now int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	limits := &u.t.limits
	for u.flows.oldest != none {
		s := &u.flows.slots[u.flows.oldest]
		if now-s.seen < int64(limits.Idle) {
			break
		}
		u.removeLocked(u.idOf(uint32(u.flows.oldest)), Idle)
	}
	for range min(sweepAtATime, len(u.flows.slots)) {
		u.swept = (u.swept + 1) % len(u.flows.slots)
		s := &u.flows.slots[u.swept]
		idle := limits.IdleProven
		if s.idle > 0 {
			idle = s.idle
		}
		if s.used && s.proven && now-s.seen >= int64(idle) {
			u.removeLocked(u.idOf(uint32(u.swept)), Idle)
		}
	}
}
