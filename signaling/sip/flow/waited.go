package flow

import (
	"net"
	"syscall"
	"time"
)

// waited measures how long what is read now lay in a socket: that is how far behind the
// system is, and the one sign of being overrun that shows before datagrams are lost.
type waited struct {
	rc   syscall.RawConn // nil: nothing can be measured
	next time.Time
	last time.Duration
}

// waitedEvery is how often it is measured at most.
const waitedEvery = 5 * time.Millisecond

func newWaited(pc net.PacketConn) waited {
	var w waited
	if uc, ok := pc.(*net.UDPConn); ok {
		if rc, err := uc.SyscallConn(); err == nil {
			w.rc = rc
		}
	}
	return w
}

// sample is called after each read; it holds for the last datagram of the batch.
func (w *waited) sample(now time.Time) {
	if w.rc == nil || now.Before(w.next) {
		return
	}
	w.next, w.last = now.Add(waitedEvery), 0
	_ = w.rc.Control(func(fd uintptr) {
		if came, ok := stampOf(fd); ok {
			w.last = max(0, now.Sub(came))
		}
	})
}
