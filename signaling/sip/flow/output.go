package flow

import (
	"net"
	"sync"
	"syscall"
	"time"
)

// output writes to one connection and never makes its caller wait: what the kernel
// does not take at once is queued, up to a limit, and a goroutine that lives as long
// as there is a queue writes it, each write within a deadline.
type output struct {
	raw    net.Conn
	rc     syscall.RawConn // nil where raw has none (in-memory connections)
	limit  int
	within time.Duration
	group  *sync.WaitGroup
	failed func(error) // called without mu when the queue cannot be written

	mu       sync.Mutex
	pending  []byte
	inFlight int // bytes that the goroutine is writing
	flushing bool
	shut     bool   // nothing more may be written
	then     func() // what finish wants done when all is written
}

// write takes all of b or fails; it keeps no reference to b.
func (o *output) write(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut {
		return ErrGone
	}
	if !o.flushing {
		n, err := writeNow(o.rc, b)
		if err != nil {
			return err
		}
		if b = b[n:]; len(b) == 0 {
			return nil
		}
	}
	if o.inFlight+len(o.pending)+len(b) > o.limit {
		return ErrQueueFull
	}
	o.pending = append(o.pending, b...)
	if !o.flushing {
		o.flushing = true
		o.group.Add(1)
		go o.flush()
	}
	return nil
}

func (o *output) flush() {
	defer o.group.Done()
	for {
		b, then := o.take()
		if then != nil {
			then()
		}
		if b == nil {
			return
		}
		_ = o.raw.SetWriteDeadline(time.Now().Add(o.within))
		if _, err := o.raw.Write(b); err != nil {
			o.kill()
			o.failed(err)
		}
	}
}

// take gives the next bytes to write, or nil when there are none and flush must end.
func (o *output) take() (b []byte, then func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, o.pending, o.inFlight = o.pending, nil, len(o.pending)
	if len(b) == 0 {
		o.flushing = false
		then, o.then = o.then, nil
		return nil, then
	}
	return b, nil
}

// finish lets nothing more in and calls then once what is queued is written; not at
// all if it cannot be.
func (o *output) finish(then func()) {
	o.mu.Lock()
	if o.shut {
		o.mu.Unlock()
		return
	}
	o.shut = true
	if o.flushing {
		o.then, then = then, nil
	}
	o.mu.Unlock()
	if then != nil {
		then()
	}
}

// kill forgets what is queued and lets nothing more in.
func (o *output) kill() {
	o.mu.Lock()
	o.shut, o.pending, o.then = true, nil, nil
	o.mu.Unlock()
}
