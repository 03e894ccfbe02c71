package flow

import (
	"net"
	"syscall"
	"time"
)

// waited measures how long what is read now lay in a socket: that is how far behind the
// system is, and the one sign of being overrun that shows before datagrams are lost. A
// moment in which the system was held up is none: what came meanwhile is soon dealt with.
// So it tells the least of what was measured for a while (as CoDel does, RFC 8289 §3.2).
type waited struct {
	rc    syscall.RawConn // nil: nothing can be measured
	next  time.Time
	begun time.Time     // of the interval under way
	least time.Duration // in it
	full  time.Duration // the least in the whole interval before
	last  time.Duration // what is told
}

const (
	// waitedEvery is how often it is measured at most, waitedFor how long it must hold.
	waitedEvery = 5 * time.Millisecond
	waitedFor   = 100 * time.Millisecond
)

func newWaited(pc net.PacketConn) waited {
	var w waited
	if uc, ok := pc.(*net.UDPConn); ok {
		if rc, err := uc.SyscallConn(); err == nil {
			w.rc = rc
		}
	}
	return w
}

// sample is called after each read; it is about the last datagram of the batch.
func (w *waited) sample(now time.Time) {
	if w.rc == nil || now.Before(w.next) {
		return
	}
	w.next = now.Add(waitedEvery)
	w.note(now, w.measure(now))
}

func (w *waited) measure(now time.Time) (lay time.Duration) {
	_ = w.rc.Control(func(fd uintptr) {
		if came, ok := stampOf(fd); ok {
			lay = max(0, now.Sub(came))
		}
	})
	return lay
}

func (w *waited) note(now time.Time, lay time.Duration) {
	switch past := now.Sub(w.begun); {
	case past < waitedFor:
		w.least = min(w.least, lay)
	case past < 10*waitedFor:
		w.begun, w.full, w.least = now, w.least, lay
	default: // nothing came for long
		w.begun, w.full, w.least = now, 0, lay
	}
	w.last = min(w.full, lay)
}
