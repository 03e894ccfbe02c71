package rtp

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"roost/cmd/roost/lab/phone/tone"
	"roost/cmd/roost/lab/phone/voice"
)

const (
	slots    = 4 // groups of streams that send one after the other within a frame
	slotTime = voice.Frame / slots
	// maxBehind is how far a pump that was kept from running catches up; frames
	// from longer ago are left out, as by a phone that hung.
	maxBehind = 200 * time.Millisecond
	// maxReads bounds the packets that one stream is read of at a time.
	maxReads = 32
)

// Pump carries the media of all calls of a process in one goroutine.
type Pump struct {
	poller  *poller
	observe func(Event)
	done    chan struct{}

	mutex   sync.Mutex
	closed  bool
	tones   tones
	streams map[int]*Stream // by socket
	slots   [slots][]*Stream
	late    time.Duration // how far the turn under way was behind, beyond maxBehind
	said    []Event       // of the turn under way
	out, in []byte
}

// tones remembers the frames of each tone.
type tones struct{ made map[int][][]byte }

func (t *tones) frames(hz int) [][]byte {
	if t.made == nil {
		t.made = map[int][][]byte{}
	}
	if t.made[hz] == nil {
		t.made[hz] = tone.Frames(hz)
	}
	return t.made[hz]
}

// NewPump starts a pump. observe is called from its goroutine, without locks,
// and must not wait. The caller closes the pump.
func NewPump(observe func(Event)) (*Pump, error) {
	poller, err := newPoller()
	if err != nil {
		return nil, fmt.Errorf("media of the phones: %w", err)
	}
	p := &Pump{
		poller: poller, observe: observe, done: make(chan struct{}), streams: map[int]*Stream{},
		out: make([]byte, maxPacket), in: make([]byte, maxPacket),
	}
	go p.run()
	return p, nil
}

// Open binds a stream to an even port of an address; its tone is in Hz.
func (p *Pump) Open(address netip.Addr, hz int) (*Stream, error) {
	if err := tone.Check(hz); err != nil {
		return nil, err
	}
	fd, local, err := bindEven(address)
	if err != nil {
		return nil, fmt.Errorf("a port for media on %s: %w", address, err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err := p.poller.add(fd, p.closed); err != nil {
		closeSocket(fd)
		return nil, fmt.Errorf("a port for media on %s: %w", address, err)
	}
	s := newStream(p, fd, local, hz)
	p.streams[fd] = s
	for i := range p.slots {
		if len(p.slots[i]) < len(p.slots[s.slot]) {
			s.slot = i
		}
	}
	p.slots[s.slot] = append(p.slots[s.slot], s)
	if len(p.streams) == 1 {
		p.poller.wake()
	}
	return s, nil
}

// forget takes a stream out; the mutex is held.
func (p *Pump) forget(s *Stream) {
	delete(p.streams, s.fd)
	closeSocket(s.fd)
	group := p.slots[s.slot]
	for i := range group {
		if group[i] == s {
			group[i] = group[len(group)-1]
			group[len(group)-1] = nil
			p.slots[s.slot] = group[:len(group)-1]
			return
		}
	}
}

// Close ends the pump's goroutine and every stream.
func (p *Pump) Close() {
	p.mutex.Lock()
	closed := p.closed
	p.closed = true
	p.mutex.Unlock()
	if !closed {
		p.poller.wake()
	}
	<-p.done
}

// run is the pump's goroutine.
func (p *Pump) run() {
	defer close(p.done)
	defer p.poller.close()
	due, slot := time.Now(), 0
	for {
		limit := max(0, time.Until(due))
		if p.idle() {
			limit = -1
		}
		ready := p.poller.wait(limit)
		now := time.Now()
		if behind := now.Sub(due); behind > maxBehind {
			if due = now; limit >= 0 {
				p.late = behind
			}
		}
		if !p.turn(ready, now, &due, &slot) {
			return
		}
		for i := range p.said {
			p.observe(p.said[i])
			p.said[i] = Event{}
		}
		p.said = p.said[:0]
	}
}

// idle says whether there is nothing to be sent.
func (p *Pump) idle() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return !p.closed && len(p.streams) == 0
}

// turn reads what is there and sends what is due; false once the pump is closed.
func (p *Pump) turn(ready []int, now time.Time, due *time.Time, slot *int) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		for _, s := range p.streams {
			s.closed = true
			p.forget(s)
		}
		return false
	}
	tell := func(e Event) { p.said = append(p.said, e) }
	for _, fd := range ready {
		if s := p.streams[fd]; s != nil {
			p.read(s, now, tell)
		}
	}
	for ; !due.After(now); *due = due.Add(slotTime) {
		late := max(p.late, now.Sub(*due))
		for _, s := range p.slots[*slot] {
			s.report.Late = max(s.report.Late, late)
			if data := s.next(p.out); data != nil {
				s.target.send(s.fd, data)
			}
			s.look(now, tell)
		}
		*slot = (*slot + 1) % slots
	}
	p.late = 0
	return true
}

func (p *Pump) read(s *Stream, now time.Time, tell func(Event)) {
	for range maxReads {
		n := readSocket(s.fd, p.in)
		if n <= 0 {
			return
		}
		s.take(p.in[:n], now, tell)
	}
}
