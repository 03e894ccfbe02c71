package natscarrier

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
)

// A peer's server is not to be trusted more than its certificate says. The NATS client
// allocates what a message's header announces before the bytes are there, so that one
// line "MSG x 1 9000000000000" would end the process. The guard reads along, below
// the client, and ends the connection where a frame is longer than was agreed.

// maxLine bounds a line of the protocol; INFO is the longest, some hundred bytes.
const maxLine = 16 << 10

var errFrame = errors.New("the peer's server broke the NATS protocol")

// frames follows a NATS stream: lines, and after MSG or HMSG so many bytes of payload
// and CRLF. It is stricter than the NATS client, so that both always agree on where a
// line begins: a carriage return elsewhere than at the end of a line of MSG, or a
// payload that is not followed by CRLF, is an error.
type frames struct {
	maxPayload int
	line       []byte // what was seen of the current line, at most maxLine
	skip       int    // bytes of payload and CRLF still to come
}

const crlf = "\r\n"

// see takes the next bytes of the stream; an error is final.
func (f *frames) see(p []byte) error {
	for len(p) > 0 {
		if f.skip > len(crlf) {
			n := min(f.skip-len(crlf), len(p))
			f.skip -= n
			p = p[n:]
			continue
		}
		if f.skip > 0 {
			if p[0] != crlf[len(crlf)-f.skip] {
				return fmt.Errorf("%w: a message longer than it says", errFrame)
			}
			f.skip--
			p = p[1:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		if len(f.line)+len(part) > maxLine {
			return fmt.Errorf("%w: a line of more than %d bytes", errFrame, maxLine)
		}
		f.line = append(f.line, part...)
		if end < 0 {
			return nil
		}
		p = p[end+1:]
		if err := f.endLine(); err != nil {
			return err
		}
	}
	return nil
}

func (f *frames) endLine() error {
	line := f.line
	f.line = f.line[:0]
	if !isMessage(line) {
		return nil
	}
	line, ended := bytes.CutSuffix(line, []byte("\r"))
	size, ok := lastNumber(line, f.maxPayload)
	ok = ok && ended && bytes.IndexByte(line, '\r') < 0
	if !ok {
		return fmt.Errorf("%w: a message longer than %d bytes, or without a length", errFrame, f.maxPayload)
	}
	f.skip = size + len(crlf)
	return nil
}

// isMessage is true for MSG and HMSG in any case, as the NATS client reads them.
func isMessage(line []byte) bool {
	if len(line) > 0 && line[0]|0x20 == 'h' {
		line = line[1:]
	}
	return len(line) >= 3 && line[0]|0x20 == 'm' && line[1]|0x20 == 's' && line[2]|0x20 == 'g'
}

// lastNumber is the number at the end of a line, if it is one and at most limit.
func lastNumber(line []byte, limit int) (int, bool) {
	start := len(line)
	for start > 0 && line[start-1] >= '0' && line[start-1] <= '9' {
		start--
	}
	if start == len(line) || start == 0 || line[start-1] != ' ' {
		return 0, false
	}
	n := 0
	for _, c := range line[start:] {
		if n = n*10 + int(c-'0'); n > limit {
			return 0, false
		}
	}
	return n, true
}

// guarded is a connection whose incoming frames are bounded.
type guarded struct {
	net.Conn
	frames frames

	mu  sync.Mutex
	err error // the first error of a read, which the NATS client does not keep
}

// headerRoom is what NATS headers may take beside a payload.
const headerRoom = 4 << 10

func guard(conn net.Conn, maxPayload int) *guarded {
	return &guarded{Conn: conn, frames: frames{maxPayload: maxPayload + headerRoom}}
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if broken := g.frames.see(p[:n]); broken != nil {
		_ = g.Conn.Close()
		n, err = 0, broken
	}
	if err != nil {
		g.mu.Lock()
		if g.err == nil {
			g.err = err
		}
		g.mu.Unlock()
	}
	return n, err
}

func (g *guarded) readError() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}
