package load

import (
	"bytes"
	"strconv"
	"time"
)

// callees are all that are called: one socket and one goroutine. It rings and answers
// at once, repeats its answer until it is acknowledged, and takes the BYE.
type callees struct {
	socket *callSocket
	script *script
	end    chan struct{}
	done   chan struct{}
	calls  map[string]*called
	unsure []*called // answered and not acknowledged, the oldest first
	counts calleeCounts
}

// called is a call as its callee knows it.
type called struct {
	answer  []byte // the 200
	to      []byte
	at      int64 // when it was sent
	tries   int
	acked   bool
	state   calledState
	from    []byte
	invited uint32 // CSeq of the INVITE
}

type calledState uint8

const (
	calledStands calledState = iota // answered
	calledOver
)

// calleeCounts is what the called side saw.
type calleeCounts struct {
	invited, acked, ended, repeated, resent, lost int
	wrong                                         map[string]int
}

func newCallees(socket *callSocket, s *script) *callees {
	return &callees{
		socket: socket, script: s, end: make(chan struct{}), done: make(chan struct{}), calls: map[string]*called{},
		counts: calleeCounts{wrong: map[string]int{}},
	}
}

func (c *callees) run(r *run) {
	defer close(c.done)
	for {
		select {
		case <-c.end:
			c.counts.lost = len(c.calls)
			return
		default:
		}
		c.socket.read(r, func(b []byte, now int64) { c.take(b, now) })
		c.repeat(r.now())
		c.socket.flush()
	}
}

func (c *callees) take(b []byte, now int64) {
	var m callMessage
	if err := m.read(b, c.script); err != nil {
		c.counts.wrong[err.Error()]++
		return
	}
	cseq, _ := m.order()
	one := c.calls[string(m.callID)]
	switch {
	case string(m.method) == "INVITE":
		c.invite(&m, one, cseq, now)
	case string(m.method) == "CANCEL", string(m.method) == "OPTIONS":
		c.reply(&m, "200 OK", m.to)
	case one == nil && string(m.method) == "ACK":
		// Of a 200 that was repeated; the call is over.
	case one == nil && string(m.method) == "BYE":
		c.reply(&m, "200 OK", m.to) // a repeated one
		c.counts.repeated++
	case one == nil:
		c.counts.wrong["callee: "+string(m.method)]++
	case !bytes.Equal(m.from, one.from) || !bytes.Contains(m.to, one.to):
		c.counts.wrong["callee: dialog of "+string(m.method)]++
	case string(m.method) == "ACK":
		if !one.acked {
			one.acked = true
			c.counts.acked++
		}
		if one.state == calledOver { // the BYE overtook it
			delete(c.calls, string(m.callID))
		}
		if cseq != one.invited {
			c.counts.wrong["callee: CSeq of ACK"]++
		}
	case string(m.method) == "BYE":
		if cseq <= one.invited {
			c.counts.wrong["callee: CSeq of BYE"]++
		}
		c.reply(&m, "200 OK", m.to)
		if one.state == calledOver {
			c.counts.repeated++
			return
		}
		one.state = calledOver
		c.counts.ended++
		if one.acked {
			delete(c.calls, string(m.callID))
		}
	default:
		c.counts.wrong["callee: "+string(m.method)]++
	}
}

func (c *callees) invite(m *callMessage, one *called, cseq uint32, now int64) {
	if one != nil {
		c.counts.repeated++
		c.socket.send(one.answer)
		return
	}
	port, _ := m.port()
	if port == 0 || m.contact == nil {
		c.counts.wrong["callee: INVITE without an offer or Contact"]++
		return
	}
	c.counts.invited++
	one = &called{at: now, invited: cseq, from: bytes.Clone(m.from), to: strconv.AppendInt([]byte("t"), int64(c.counts.invited), 36)}
	to := append(append(bytes.Clone(m.to), ";tag="...), one.to...)
	c.reply(m, "180 Ringing", to)
	b := c.head(make([]byte, 0, 1024), m, "200 OK", to)
	one.answer = appendSDP(b, c.socket.host, port)
	c.socket.send(one.answer)
	c.calls[string(m.callID)] = one
	c.unsure = append(c.unsure, one)
}

// head is an answer up to the body's headers.
func (c *callees) head(b []byte, m *callMessage, status string, to []byte) []byte {
	b = append(append(append(b, "SIP/2.0 "...), status...), "\r\n"...)
	for _, via := range m.vias[:m.nvias] {
		b = append(append(append(b, "Via: "...), via...), "\r\n"...)
	}
	for _, route := range m.routes[:m.nroutes] {
		b = append(append(append(b, "Record-Route: "...), route...), "\r\n"...)
	}
	b = append(append(b, "From: "...), m.from...)
	b = append(append(b, "\r\nTo: "...), to...)
	b = append(append(b, "\r\nCall-ID: "...), m.callID...)
	b = append(append(b, "\r\nCSeq: "...), m.cseq...)
	b = append(append(b, "\r\nContact: <sip:callee"...), c.socket.place.contact...)
	return append(b, ">\r\n"...)
}

func (c *callees) reply(m *callMessage, status string, to []byte) {
	c.socket.build(func(b []byte) []byte { return append(c.head(b, m, status, to), "Content-Length: 0\r\n\r\n"...) })
}

// repeat sends again the answers that were not acknowledged (RFC 3261 §13.3.1.4).
func (c *callees) repeat(now int64) {
	for len(c.unsure) > 0 {
		one := c.unsure[0]
		waits := !one.acked && one.state != calledOver
		if waits && now < one.at+int64(defaultT1) {
			return
		}
		c.unsure = c.unsure[1:]
		if !waits || one.tries == maxAnswers {
			continue
		}
		one.at, one.tries = now, one.tries+1
		c.socket.send(one.answer)
		c.counts.resent++
		c.unsure = append(c.unsure, one)
	}
}

// maxAnswers is how often a 200 is repeated.
const maxAnswers = 16

// stop ends the callees and waits for it.
func (c *callees) stop() {
	close(c.end)
	<-c.done
}

const callTick = 4 * time.Millisecond
