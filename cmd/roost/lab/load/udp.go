package load

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
)

// udpWorker is one socket with its phones, owned by one goroutine.
type udpWorker struct {
	r      *run
	index  int
	conn   *net.UDPConn
	pc     *ipv4.PacketConn
	at     place
	phones []phone // those with base, base+1, …
	base   uint32
	in     []ipv4.Message
	out    []ipv4.Message
	queued int
	timers [levels][]timer // each in the order of its times
	tally  *tally
}

// timer is when a request is sent again, or given up.
type timer struct {
	at    int64
	phone uint32 // within the worker
	cseq  uint32
}

const (
	levels   = 5 // 0.5, 1, 2, 4 s, and the end
	udpBatch = 32
	udpRead  = 4 << 10
	udpOut   = 1 << 10
	udpTick  = int64(2 * time.Millisecond)
)

func newUDPWorker(r *run, index int, phones []phone) (*udpWorker, error) {
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.source(index), 0)), net.UDPAddrFromAddrPort(r.c.Target))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(4 << 20) // as much as the system gives
	w := &udpWorker{
		r: r, index: index, conn: conn, pc: ipv4.NewPacketConn(conn), phones: phones, base: phones[0].index,
		at: placeOf("udp", conn.LocalAddr().(*net.UDPAddr).AddrPort()),
		in: make([]ipv4.Message, udpBatch), out: make([]ipv4.Message, udpBatch),
	}
	for i := range w.in {
		w.in[i].Buffers = [][]byte{make([]byte, udpRead)}
		w.out[i].Buffers = [][]byte{make([]byte, 0, udpOut)}
	}
	return w, nil
}

func (w *udpWorker) close() { w.conn.Close() }

// work carries out one phase.
func (w *udpWorker) work(ctx context.Context, ph *phase) *tally {
	w.tally = newTally()
	turn := turnsOf(ph, w.phones, w.index, w.r.c.Sockets, w.r.c.Window)
	deadline := int64(0)
	for ctx.Err() == nil {
		now := w.r.now()
		for w.queued < udpBatch {
			p := turn.next(now, w.tally)
			if p == nil {
				break
			}
			w.send(p, now)
		}
		turn.outstanding -= w.due(now)
		w.flush()
		if turn.over(now) && turn.outstanding == 0 {
			break
		}
		if deadline-now < udpTick {
			deadline = now + 2*udpTick
			_ = w.conn.SetReadDeadline(w.r.start.Add(time.Duration(deadline)))
		}
		n, err := w.pc.ReadBatch(w.in, 0)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			w.tally.failed("receive", err)
		}
		now = w.r.now()
		for i := range max(n, 0) {
			turn.outstanding -= w.received(w.in[i].Buffers[0][:w.in[i].N], now, ph.until)
		}
	}
	return w.tally
}

// received returns how many registrations it ended.
func (w *udpWorker) received(b []byte, now, until int64) int {
	var r reply
	if err := r.read(b, w.r.script); err != nil {
		w.tally.wrong[err.Error()]++
		return 0
	}
	index, ok := indexOf(r.callID)
	if !ok || index < w.base || index-w.base >= uint32(len(w.phones)) {
		w.tally.wrong["Call-ID"]++
		return 0
	}
	p := &w.phones[index-w.base]
	switch w.tally.judge(w.r.script, p, &w.at, &r, now, until) {
	case again:
		w.send(p, now)
	case done:
		return 1
	}
	return 0
}

// indexOf reads the phone's index at the beginning of its Call-ID.
func indexOf(callID []byte) (uint32, bool) {
	if len(callID) < 8 {
		return 0, false
	}
	n := uint32(0)
	for _, c := range callID[:8] {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | uint32(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | uint32(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// send queues a new request and its timer.
func (w *udpWorker) send(p *phone, now int64) {
	w.write(p)
	w.timers[0] = append(w.timers[0], timer{now + int64(min(defaultT1, w.r.c.GiveUp)), p.index - w.base, p.cseq})
}

func (w *udpWorker) write(p *phone) {
	if w.queued == len(w.out) {
		w.flush()
	}
	m := &w.out[w.queued]
	m.Buffers[0] = w.r.script.appendRequest(m.Buffers[0][:0], p, &w.at)
	w.queued++
}

func (w *udpWorker) flush() {
	for sent := 0; sent < w.queued; {
		n, err := w.pc.WriteBatch(w.out[sent:w.queued], 0)
		if err != nil {
			w.tally.failed("send", err) // the retransmission makes up for it
			n = max(n, 0) + 1
		}
		sent += max(n, 1)
	}
	w.queued = 0
}

// due sends again what waited for too long (RFC 3261 17.1.2.2, Timer E and F) and
// returns how many were given up.
func (w *udpWorker) due(now int64) (lost int) {
	for level := range w.timers {
		queue := w.timers[level]
		n := 0
		for n < len(queue) && queue[n].at <= now {
			lost += w.expired(queue[n], level, now)
			n++
		}
		if n > 0 {
			w.timers[level] = queue[:copy(queue, queue[n:])]
		}
	}
	return lost
}

func (w *udpWorker) expired(t timer, level int, now int64) (lost int) {
	p := &w.phones[t.phone]
	if !p.busy || p.cseq != t.cseq {
		return 0
	}
	end := p.sent + int64(w.r.c.GiveUp)
	if now >= end {
		p.busy = false
		w.tally.lost++
		return 1
	}
	w.tally.retransmissions++
	w.write(p)
	level = min(level+1, levels-2)
	wait := min(int64(defaultT1)<<level, int64(longestT2))
	if now+wait >= end {
		w.timers[levels-1] = append(w.timers[levels-1], timer{end, t.phone, t.cseq})
		return 0
	}
	w.timers[level] = append(w.timers[level], timer{now + wait, t.phone, t.cseq})
	return 0
}
