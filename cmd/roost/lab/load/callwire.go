package load

import (
	"bytes"
	"strconv"
)

// callMessage is what is read of a message of a call; the slices point into it.
type callMessage struct {
	method  []byte // of a request; nil: a response
	status  int
	vias    [8][]byte // the topmost first
	routes  [4][]byte // Record-Route, the topmost first
	nvias   int
	nroutes int
	from    []byte
	to      []byte
	callID  []byte
	cseq    []byte // number and method
	contact []byte // its URI
	nonce   []byte
	stale   bool
	retry   bool // it has Retry-After
	body    []byte
}

func (m *callMessage) read(b []byte, s *script) error {
	*m = callMessage{}
	head, body, ok := bytes.Cut(b, endOfHead)
	if !ok {
		return errNoHeader
	}
	m.body = body
	line, rest := cutLine(head)
	if status, is := bytes.CutPrefix(line, []byte("SIP/2.0 ")); is {
		n, ok := number(status[:min(3, len(status))])
		if !ok || n < 100 {
			return errNoResponse
		}
		m.status = n
	} else if m.method, _, ok = bytes.Cut(line, []byte(" ")); !ok {
		return errNoResponse
	}
	for len(rest) > 0 {
		line, rest = cutLine(rest)
		colon := bytes.IndexByte(line, ':')
		if colon < 1 {
			continue
		}
		m.header(line[:colon], bytes.TrimSpace(line[colon+1:]), s)
	}
	if m.nvias == 0 || m.callID == nil || m.cseq == nil || m.from == nil || m.to == nil {
		return errNoHeader
	}
	return nil
}

func (m *callMessage) header(name, value []byte, s *script) {
	switch {
	case is(name, "via", "v"):
		if m.nvias < len(m.vias) {
			m.vias[m.nvias] = value
			m.nvias++
		}
	case is(name, "record-route", ""):
		if m.nroutes < len(m.routes) {
			m.routes[m.nroutes] = value
			m.nroutes++
		}
	case is(name, "from", "f"):
		m.from = value
	case is(name, "to", "t"):
		m.to = value
	case is(name, "call-id", "i"):
		m.callID = value
	case is(name, "cseq", ""):
		m.cseq = value
	case is(name, "contact", "m"):
		if _, after, ok := bytes.Cut(value, []byte("<")); ok {
			m.contact, _, _ = bytes.Cut(after, []byte(">"))
		}
	case is(name, "retry-after", ""):
		m.retry = true
	case is(name, "www-authenticate", ""):
		var r reply
		if r.challenge(value, s); r.nonce != nil {
			m.nonce, m.stale = r.nonce, r.stale
		}
	}
}

// number and method of the CSeq.
func (m *callMessage) order() (uint32, []byte) {
	digits, method, _ := bytes.Cut(m.cseq, []byte(" "))
	n, _ := number(digits)
	return uint32(n), method
}

// port is where the description wants its audio, 0 where there is none, and at whom.
func (m *callMessage) port() (port int, at []byte) {
	if _, after, ok := bytes.Cut(m.body, []byte("m=audio ")); ok {
		digits, _, _ := bytes.Cut(after, []byte(" "))
		port, _ = number(digits)
	}
	if _, after, ok := bytes.Cut(m.body, []byte("c=IN IP4 ")); ok {
		at, _ = cutLine(after)
	}
	return port, at
}

// appendSDP appends Content-Type to the end: an offer or answer of one audio stream.
func appendSDP(b, host []byte, port int) []byte {
	body := make([]byte, 0, 192)
	body = append(append(body, "v=0\r\no=- 1 1 IN IP4 "...), host...)
	body = append(append(body, "\r\ns=-\r\nc=IN IP4 "...), host...)
	body = strconv.AppendInt(append(body, "\r\nt=0 0\r\nm=audio "...), int64(port), 10)
	body = append(body, " RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"...)
	b = append(b, "Content-Type: application/sdp\r\nContent-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n\r\n"...)
	return append(b, body...)
}
