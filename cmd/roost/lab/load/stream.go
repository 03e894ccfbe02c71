package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"
)

// streamWorker is one TCP or TLS connection at a time with its phones, owned by one
// goroutine. One request is outstanding.
type streamWorker struct {
	r      *run
	index  int
	phones []phone
	at     place
	conn   net.Conn
	armed  int64 // the deadline that is set
	in     []byte
	out    []byte
	tally  *tally
}

func newStreamWorker(r *run, index int, phones []phone) *streamWorker {
	return &streamWorker{r: r, index: index, phones: phones, in: make([]byte, 0, 4<<10), out: make([]byte, 0, 1<<10)}
}

func (w *streamWorker) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// work carries out one phase.
func (w *streamWorker) work(ctx context.Context, ph *phase) *tally {
	w.tally = newTally()
	turn := turnsOf(ph, w.phones, w.index, w.r.c.Sockets, w.r.c.Sockets)
	for ctx.Err() == nil {
		now := w.r.now()
		if turn.over(now) {
			break
		}
		p := turn.next(now, w.tally)
		if p == nil {
			if !pause(ctx, turn.opens(now)) {
				break
			}
			continue
		}
		if err := w.registration(ctx, p, ph.until); err != nil {
			p.busy = false
			if ctx.Err() == nil {
				w.tally.failed(w.r.c.Transport, err)
			}
			w.close()
		}
		turn.outstanding = 0
		if w.r.c.NewConnection {
			w.close()
		}
	}
	return w.tally
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// registration carries one out, opening a connection if there is none.
func (w *streamWorker) registration(ctx context.Context, p *phone, until int64) error {
	if w.conn == nil {
		if err := w.dial(ctx); err != nil {
			return err
		}
	}
	for {
		now := w.r.now()
		if limit := now + int64(w.r.c.GiveUp); limit-w.armed > int64(w.r.c.GiveUp)/8 {
			w.armed = limit
			if err := w.conn.SetDeadline(w.r.start.Add(time.Duration(limit))); err != nil {
				return err
			}
		}
		w.out = w.r.script.appendRequest(w.out[:0], p, &w.at)
		if _, err := w.conn.Write(w.out); err != nil {
			return err
		}
		goesOn, err := w.await(p, until)
		if err != nil {
			return err
		}
		if !goesOn {
			return nil
		}
	}
}

// await reads until the request is answered; it reports whether the phone must ask
// again.
func (w *streamWorker) await(p *phone, until int64) (bool, error) {
	for {
		b, err := w.message()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				w.tally.lost++
			}
			return false, err
		}
		var r reply
		if err := r.read(b, w.r.script); err != nil {
			w.tally.wrong[err.Error()]++
			return false, err
		}
		v := w.tally.judge(w.r.script, p, &w.at, &r, w.r.now(), until)
		w.in = w.in[:copy(w.in, w.in[len(b):])]
		if v != ignore {
			return v == again, nil
		}
	}
}

var (
	errTooLong = errors.New("an answer longer than 64 kB")
	endOfHead  = []byte("\r\n\r\n")
)

// message reads one whole message, which stays at the beginning of w.in.
func (w *streamWorker) message() ([]byte, error) {
	for {
		for len(w.in) >= 2 && w.in[0] == '\r' && w.in[1] == '\n' {
			w.in = w.in[:copy(w.in, w.in[2:])] // a keep-alive
		}
		if end := bytes.Index(w.in, endOfHead); end >= 0 {
			size := end + len(endOfHead)
			var r reply
			if r.read(w.in[:size], w.r.script) == nil {
				size += r.body
			}
			if len(w.in) >= size {
				return w.in[:size], nil
			}
		}
		if len(w.in) == cap(w.in) {
			if len(w.in) > 64<<10 {
				return nil, errTooLong
			}
			w.in = append(make([]byte, 0, 2*cap(w.in)), w.in...)
		}
		n, err := w.conn.Read(w.in[len(w.in):cap(w.in)])
		w.in = w.in[:len(w.in)+n]
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

func (w *streamWorker) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.r.c.GiveUp)
	defer cancel()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(w.r.source(w.index), 0)), KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, "tcp", w.r.c.Target.String())
	if err != nil {
		return err
	}
	w.at = placeOf(w.r.c.Transport, conn.LocalAddr().(*net.TCPAddr).AddrPort())
	if w.r.c.Transport == "tls" {
		over := tls.Client(conn, w.r.c.TLS)
		if err := over.HandshakeContext(ctx); err != nil {
			conn.Close()
			return err
		}
		conn = over
	}
	w.conn, w.in, w.armed = conn, w.in[:0], 0
	w.tally.connections++
	return nil
}
