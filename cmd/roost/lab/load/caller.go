package load

import (
	"bytes"
	"strconv"
)

// caller is a phone that calls the callee with its own index, again and again.
type caller struct {
	phone
	callee []byte
	ha2    []byte // of its INVITE
	state  callerState
	calls  uint32 // makes Call-IDs and tags differ
	invite uint32 // CSeq of the INVITE
	tries  int
	at     int64 // when the last request was sent
	rung   bool
	over   bool // it was given up, or refused: nothing more is awaited
	to     []byte
	target []byte
	routes [][]byte
}

type callerState uint8

const (
	callerIdle callerState = iota
	callerInvites
	callerProceeds // a provisional answer came: the INVITE is not repeated
	callerStands
	callerEnds // BYE sent
)

func (c *caller) index8(b []byte) []byte {
	return appendHex8(append(appendHex8(b, c.index), '-'), c.calls)
}

func (c *caller) tag(b []byte) []byte { return append(c.index8(b), 'f') }

// request begins a request: what all have in common. ack: its branch is another than
// that of the INVITE with the same CSeq.
func (c *caller) request(b []byte, s *script, at *place, method string, cseq uint32, ack bool) []byte {
	b = append(append(b, method...), ' ')
	if c.target != nil {
		b = append(b, c.target...)
	} else {
		b = c.uri(b, s)
	}
	b = append(append(b, " SIP/2.0\r\nVia: SIP/2.0/"...), at.via...)
	b = c.branch(b, cseq, ack)
	for _, route := range c.routes {
		b = append(append(b, "\r\nRoute: "...), route...)
	}
	b = append(append(b, "\r\nMax-Forwards: 70\r\nFrom: <sip:"...), c.number...)
	b = append(append(b, '@'), s.domain...)
	b = c.tag(append(b, ">;tag="...))
	b = append(b, "\r\nTo: "...)
	if c.to != nil {
		b = append(b, c.to...)
	} else {
		b = append(c.uri(append(b, '<'), s), '>')
	}
	b = append(c.index8(append(b, "\r\nCall-ID: "...)), s.session...)
	b = strconv.AppendUint(append(b, "\r\nCSeq: "...), uint64(cseq), 10)
	b = append(append(append(b, ' '), method...), "\r\n"...)
	return b
}

func (c *caller) uri(b []byte, s *script) []byte {
	return append(append(append(append(b, "sip:"...), c.callee...), '@'), s.domain...)
}

func (c *caller) branch(b []byte, cseq uint32, ack bool) []byte {
	b = appendBranch(b, &phone{index: c.index, cseq: cseq})
	if ack {
		b = append(b, 'a')
	}
	return b
}

func (c *caller) appendInvite(b []byte, s *script, at *place, host []byte, port int) []byte {
	b = c.request(b, s, at, "INVITE", c.invite, false)
	b = appendContact(append(b, "Contact: <"...), &c.phone, at)
	b = append(b, ">\r\nUser-Agent: roost load\r\n"...)
	if c.asked {
		b = s.appendCredentials(b, &c.phone, c.uri(nil, s), c.ha2)
	}
	return appendSDP(b, host, port)
}

func (c *caller) appendEmpty(b []byte, s *script, at *place, method string, cseq uint32, ack bool) []byte {
	return append(c.request(b, s, at, method, cseq, ack), "Content-Length: 0\r\n\r\n"...)
}

// began is a new call.
func (c *caller) beginCall(now int64) {
	c.calls++
	c.busy, c.over, c.rung, c.renewed, c.began = true, false, false, false, now
	c.to, c.target, c.routes = nil, nil, c.routes[:0]
	c.state = callerInvites
	c.nextInvite(now)
}

// nextInvite counts on; with a nonce it has credentials.
func (c *caller) nextInvite(now int64) {
	c.cseq++
	c.invite, c.tries, c.at = c.cseq, 0, now
	if c.asked = len(c.nonce) > 0; c.asked {
		c.nc++
	}
}

// enter takes the dialog from the 200.
func (c *caller) enter(m *callMessage) {
	c.to, c.target = bytes.Clone(m.to), bytes.Clone(m.contact)
	for i := m.nroutes - 1; i >= 0; i-- {
		c.routes = append(c.routes, bytes.Clone(m.routes[i]))
	}
}
