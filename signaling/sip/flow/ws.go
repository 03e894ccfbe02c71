package flow

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/coder/websocket"
)

// subprotocol is what a SIP WebSocket client must ask for (RFC 7118 §4.1).
const subprotocol = "sip"

// webFront is a listener whose connections are WebSockets: an HTTP server upgrades
// them, one goroutine each, so that a silent client holds up nobody, and hands them
// over by Accept.
type webFront struct {
	t       *Table
	l       net.Listener
	server  *http.Server
	origins []string
	ready   chan net.Conn
	waiting atomic.Int64 // connections that are not upgraded yet
	// strangers are those connections by their source, of which none may fill the door.
	strangers sources
	mu        sync.Mutex
	from      map[net.Conn]*source
	closing   chan struct{}
	once      sync.Once
}

// ServeWS accepts WebSockets for SIP (RFC 7118) from l until StopAccepting: WSS with
// tc, which must not allow less than TLS 1.2, plain WS without. Pages of the origins
// ("https://phone.example.test", patterns as in path.Match) may connect besides those
// of the host itself; "*" lets every page in. A connection that was not upgraded
// within Limits.Handshake is closed.
func (t *Table) ServeWS(l net.Listener, tc *tls.Config, origins []string) error {
	transport := WS
	if tc != nil {
		var err error
		if tc, err = atLeastTLS12(l, tc); err != nil {
			return err
		}
		tc.NextProtos = []string{"http/1.1"} // HTTP/2 has no such upgrade
		l, transport = tls.NewListener(l, tc), WSS
	}
	f := &webFront{
		t: t, l: l, origins: origins, ready: make(chan net.Conn), closing: make(chan struct{}),
		strangers: sources{of: map[netip.Addr]*source{}, perSource: t.limits.HandshakesPerSource}, from: map[net.Conn]*source{},
	}
	f.server = &http.Server{
		Handler: f, ReadHeaderTimeout: t.limits.Handshake, ReadTimeout: t.limits.Handshake, MaxHeaderBytes: t.limits.Header,
		ConnState: f.connState, ErrorLog: log.New(io.Discard, "", 0),
	}
	f.server.SetKeepAlivesEnabled(false) // who does not upgrade has nothing else to ask
	if err := t.serveStream(f, transport, nil); err != nil {
		return err
	}
	t.accepters.Add(1)
	go func() {
		defer t.accepters.Done()
		_ = f.server.Serve(l) // ends with Close
	}()
	return nil
}

// connState bounds the connections that have not been upgraded.
func (f *webFront) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if most := f.t.limits.Handshakes; f.waiting.Add(1) > int64(most) {
			f.t.count.refusedFull.Add(1)
			f.t.journal.event(troubleFull).Stringer("peer", addrPort(c.RemoteAddr())).Int("limit", most).
				Msg("connection refused: too many that are not WebSockets yet")
			_ = c.Close()
			return
		}
		f.meet(c)
	case http.StateClosed, http.StateHijacked:
		f.waiting.Add(-1)
		f.mu.Lock()
		from := f.from[c]
		delete(f.from, c)
		f.mu.Unlock()
		if from != nil {
			f.strangers.remove(from)
		}
	}
}

// meet counts a connection for its source, or closes it where that has too many.
func (f *webFront) meet(c net.Conn) {
	from := f.strangers.add(addrPort(c.RemoteAddr()).Addr())
	if from == nil {
		f.t.count.refusedPerSource.Add(1)
		f.t.journal.event(troublePerSource).Stringer("peer", addrPort(c.RemoteAddr())).Int("limit", f.t.limits.HandshakesPerSource).
			Msg("connection refused: too many of one source that are not WebSockets yet")
		_ = c.Close()
		return
	}
	f.mu.Lock()
	f.from[c] = from
	f.mu.Unlock()
}

func (f *webFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !asksForSIP(r) {
		http.Error(w, "this is a SIP server: connect by WebSocket with the subprotocol sip (RFC 7118)", http.StatusUpgradeRequired)
		return
	}
	options := websocket.AcceptOptions{Subprotocols: []string{subprotocol}, OriginPatterns: f.origins}
	for _, o := range f.origins {
		options.InsecureSkipVerify = options.InsecureSkipVerify || o == "*"
	}
	c, err := websocket.Accept(w, r, &options)
	if err != nil { // Accept has answered
		f.t.journal.event(troubleWeb).Str("peer", r.RemoteAddr).Str("origin", r.Header.Get("Origin")).Err(err).
			Msg("WebSocket refused; sip.origins says whose pages may connect")
		return
	}
	conn := newWebConn(c, r, f.t.limits.Header, f.t.limits.Body)
	select {
	case f.ready <- conn:
	case <-f.closing:
		_ = conn.Close()
	}
}

func asksForSIP(r *http.Request) bool {
	for _, p := range websocketProtocols(r) {
		if p == subprotocol {
			return true
		}
	}
	return false
}

// Accept gives the next WebSocket.
func (f *webFront) Accept() (net.Conn, error) {
	select {
	case c := <-f.ready:
		return c, nil
	case <-f.closing:
		return nil, net.ErrClosed
	}
}

// Close ends the HTTP server; WebSockets go on.
func (f *webFront) Close() error {
	f.once.Do(func() { close(f.closing) })
	return f.server.Close()
}

// Addr is the socket's address.
func (f *webFront) Addr() net.Addr { return f.l.Addr() }

// atLeastTLS12 gives a copy of tc that allows nothing older than TLS 1.2.
func atLeastTLS12(l net.Listener, tc *tls.Config) (*tls.Config, error) {
	if tc == nil || tc.MinVersion != 0 && tc.MinVersion < tls.VersionTLS12 ||
		tc.MaxVersion != 0 && tc.MaxVersion < tls.VersionTLS12 {
		return nil, fmt.Errorf("TLS listener %s: %w", l.Addr(), errTLSVersion)
	}
	tc = tc.Clone()
	tc.MinVersion = max(tc.MinVersion, tls.VersionTLS12)
	return tc, nil
}
