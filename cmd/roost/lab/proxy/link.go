package proxy

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	chunkSize = 32 << 10
	// inFlight bounds what a delayed or hung direction holds: 64 chunks are 2 MiB, after
	// that the sender feels back-pressure, as on a real line.
	inFlight = 64
)

// link is one connection through the proxy: two directions, each a reader and a writer.
type link struct {
	ctx    context.Context
	cancel context.CancelFunc
	client *net.TCPConn

	mu       sync.Mutex
	upstream *net.TCPConn
}

type chunk struct {
	data []byte
	due  time.Time
}

func newLink(ctx context.Context, client *net.TCPConn) *link {
	ctx, cancel := context.WithCancel(ctx)
	return &link{ctx: ctx, cancel: cancel, client: client}
}

// reset breaks both sides with an RST.
func (l *link) reset() {
	l.cancel()
	reset(l.client)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.upstream != nil {
		reset(l.upstream)
	}
}

// close ends both sides in good order: what was written is still delivered. After a
// reset it only frees the context.
func (l *link) close() {
	l.cancel()
	_ = l.client.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.upstream != nil {
		_ = l.upstream.Close()
	}
}

// run returns when the link has ended and both its sockets are closed.
func (l *link) run(p *Proxy) {
	defer l.close()
	if !l.wait(p.gate()) { // a hung line makes no new connection either
		return
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(l.ctx, "tcp", p.target)
	if err != nil {
		return
	}
	upstream := conn.(*net.TCPConn)
	l.mu.Lock()
	l.upstream = upstream
	l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	var wg sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{l.client, upstream}, {upstream, l.client}} {
		queue := make(chan chunk, inFlight)
		wg.Go(func() { l.read(p, way[0], queue) })
		wg.Go(func() { l.write(p, way[1], queue) })
	}
	wg.Wait()
}

func (l *link) read(p *Proxy, from *net.TCPConn, queue chan<- chunk) {
	defer close(queue)
	for {
		data := make([]byte, chunkSize)
		n, err := from.Read(data)
		if n > 0 {
			c := chunk{data: data[:n], due: time.Now().Add(time.Duration(p.delay.Load()))}
			select {
			case queue <- c:
			case <-l.ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *link) write(p *Proxy, to *net.TCPConn, queue <-chan chunk) {
	for c := range queue {
		if !l.until(c.due) || !l.wait(p.gate()) {
			return
		}
		if _, err := to.Write(c.data); err != nil {
			l.reset()
			return
		}
	}
	_ = to.CloseWrite() // the other side ended in good order, and so does this
}

// wait is true once the gate is open, false when the link ended first.
func (l *link) wait(gate <-chan struct{}) bool {
	select {
	case <-gate:
		return l.ctx.Err() == nil
	case <-l.ctx.Done():
		return false
	}
}

func (l *link) until(due time.Time) bool {
	wait := time.Until(due)
	if wait <= 0 {
		return l.ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// reset closes a connection with an RST instead of a FIN.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
