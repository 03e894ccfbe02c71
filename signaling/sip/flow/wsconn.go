package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// webConn is a WebSocket as a connection that carries a stream of SIP messages. Each
// message of the WebSocket is one SIP message (RFC 7118 §5), or keep-alive CRLFs: a
// missing Content-Length is put in when it is read, and what is written is cut into
// messages again. A deadline that passes only wakes the reader.
type webConn struct {
	c             *websocket.Conn
	local, remote net.Addr
	header, body  int
	ctx           context.Context
	cancel        context.CancelFunc

	in   chan []byte
	done chan struct{} // the reader has ended, failed says why
	// failed is written before done is closed.
	failed error
	rest   []byte // of the message being read

	mu        sync.Mutex
	readBy    time.Time
	moved     chan struct{} // closed when readBy is set anew
	writeBy   time.Time
	cut       framer
	unwritten []byte
}

func newWebConn(c *websocket.Conn, r *http.Request, header, body int) *webConn {
	w := &webConn{
		c: c, remote: webAddr(r.RemoteAddr), header: header, body: body,
		in: make(chan []byte), done: make(chan struct{}), moved: make(chan struct{}),
		cut: framer{header: header, body: body},
	}
	w.local, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	c.SetReadLimit(int64(header + body))
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(r.Context()))
	go w.receive()
	return w
}

// receive reads until the connection ends; Close ends it.
func (w *webConn) receive() {
	defer close(w.done)
	for {
		_, b, err := w.c.Read(w.ctx)
		switch {
		case err == nil:
			b, err = withLength(b)
		case websocket.CloseStatus(err) == -1 && !closedByPeer(err) && w.ctx.Err() == nil:
			err = fmt.Errorf("%w: %w", ErrFrames, err)
		}
		if err != nil {
			w.failed = err
			return
		}
		select {
		case w.in <- b:
		case <-w.ctx.Done():
			w.failed = net.ErrClosed
			return
		}
	}
}

// withLength gives a message its Content-Length where it has none (RFC 7118 §5.3 lets
// it out). One that differs from what came would carry over into the next message.
func withLength(b []byte) ([]byte, error) {
	if len(bytes.Trim(b, "\r\n")) == 0 {
		return b, nil
	}
	end := bytes.Index(b, emptyLine)
	if end < 0 {
		return nil, ErrHeaderTooLarge
	}
	end += len(emptyLine)
	switch n, err := contentLength(b[:end-len(crlf)]); {
	case errors.Is(err, ErrNoContentLength):
		line := "Content-Length: " + strconv.Itoa(len(b)-end) + "\r\n\r\n"
		out := make([]byte, 0, len(b)+len(line))
		return append(append(append(out, b[:end-len(crlf)]...), line...), b[end:]...), nil
	case err != nil:
		return nil, err
	case n != len(b)-end:
		return nil, ErrContentLength
	}
	return b, nil
}

// Read gives what came, at most one message at a time.
func (w *webConn) Read(p []byte) (int, error) {
	for len(w.rest) == 0 {
		if err := w.wait(); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (w *webConn) wait() error {
	w.mu.Lock()
	by, moved := w.readBy, w.moved
	w.mu.Unlock()
	var late <-chan time.Time
	if !by.IsZero() {
		timer := time.NewTimer(time.Until(by))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case w.rest = <-w.in:
	case <-w.done:
		if websocket.CloseStatus(w.failed) != -1 {
			return net.ErrClosed
		}
		return w.failed
	case <-moved:
	case <-late:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Write sends each whole message in b as one of the WebSocket.
func (w *webConn) Write(b []byte) (int, error) {
	w.mu.Lock()
	by := w.writeBy
	w.mu.Unlock()
	ctx, cancel := w.ctx, context.CancelFunc(func() {})
	if !by.IsZero() {
		ctx, cancel = context.WithDeadline(w.ctx, by)
	}
	defer cancel()
	w.unwritten = append(w.unwritten, b...)
	for len(w.unwritten) > 0 {
		size := len(w.unwritten) - len(bytes.TrimLeft(w.unwritten, "\r\n"))
		if size == 0 {
			var err error
			if size, err = w.cut.next(w.unwritten); err != nil {
				return 0, err
			}
			if size == 0 { // the rest of the message comes with the next Write
				return len(b), nil
			}
		}
		piece := w.unwritten[:size]
		kind := websocket.MessageText
		if !utf8.Valid(piece) {
			kind = websocket.MessageBinary
		}
		if err := w.c.Write(ctx, kind, piece); err != nil {
			return 0, err
		}
		w.unwritten = append(w.unwritten[:0], w.unwritten[size:]...)
	}
	w.unwritten = nil
	return len(b), nil
}

// Close ends the connection at once.
func (w *webConn) Close() error {
	w.cancel()
	err := w.c.CloseNow()
	<-w.done
	return err
}

// LocalAddr and RemoteAddr are the TCP connection's.
func (w *webConn) LocalAddr() net.Addr  { return w.local }
func (w *webConn) RemoteAddr() net.Addr { return w.remote }

// SetDeadline sets both deadlines.
func (w *webConn) SetDeadline(t time.Time) error {
	_ = w.SetWriteDeadline(t)
	return w.SetReadDeadline(t)
}

// SetReadDeadline wakes a Read that waits, which then goes by the new one.
func (w *webConn) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readBy = t
	close(w.moved)
	w.moved = make(chan struct{})
	return nil
}

// SetWriteDeadline bounds the Writes that begin after it.
func (w *webConn) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeBy = t
	return nil
}

// webAddr is an address as net/http has it.
type webAddr string

func (a webAddr) Network() string { return "tcp" }
func (a webAddr) String() string  { return string(a) }

// websocketProtocols are the subprotocols that a client offers.
func websocketProtocols(r *http.Request) []string {
	var list []string
	for _, value := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(value, ",") {
			list = append(list, strings.TrimSpace(p))
		}
	}
	return list
}
