package sip

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// server is one server transaction: sipgo's state machine, our bytes.
type server struct {
	tx     *sip.ServerTx
	conn   *txConn
	origin *sip.Request
}

// servers are the open server transactions, found by branch, sent-by, method
// (RFC 3261 17.2.3) and where the request came from.
type servers struct {
	mu   sync.Mutex
	most int
	open map[string]*server
	shut bool
}

// noLog takes sipgo's own log lines: they repeat whole messages, credentials
// included.
var noLog = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))

// serverKey names the transaction of a request. CANCEL and ACK name that of
// their INVITE.
func (w *work) serverKey(method string) string {
	branch := w.m.Via.Branch()
	var b strings.Builder
	b.Grow(len(branch) + len(w.m.Via.Host) + len(w.m.CallID) + 40)
	b.WriteString(method)
	b.WriteByte(' ')
	b.WriteString(branch)
	b.WriteByte(' ')
	b.WriteString(strings.ToLower(w.m.Via.Host))
	b.WriteByte(' ')
	b.WriteString(w.in.Remote.String())
	if !strings.HasPrefix(branch, message.MagicCookie) {
		// RFC 2543: no branch to rely on.
		b.WriteByte(' ')
		b.WriteString(w.m.CallID)
		b.WriteByte(' ')
		b.WriteString(w.m.From.Tag())
	}
	return b.String()
}

func (s *servers) find(key string) *server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[key]
}

var (
	errFull       = errors.New("too many open transactions")
	errNotRequest = errors.New("sipgo reads the request as something else")
)

// beginServer opens a transaction, errFull if there are too many. The request is
// handed over to sipgo as a copy of its own, which nothing else edits.
func (w *work) beginServer(key string) (*server, error) {
	msg, err := w.m.SIP()
	if err != nil {
		return nil, err
	}
	req, isRequest := msg.(*sip.Request)
	if !isRequest {
		return nil, errNotRequest
	}
	req.SetTransport(w.in.Transport.String())
	req.SetSource(w.in.Remote.String())
	e := w.e // w serves another message by the time the transaction ends
	conn := &txConn{e: e, flow: w.in.Flow}
	if w.in.Transport == flow.UDP {
		conn.to = message.ResponseAddress(w.m.Via, w.in.Remote)
	}
	s := &server{tx: sip.NewServerTx(key, req, conn, noLog), conn: conn, origin: req}
	if !e.servers.add(key, s) {
		return nil, errFull
	}
	s.tx.OnTerminate(func(string, error) { e.servers.remove(key, s) })
	if err := s.tx.Init(); err != nil {
		s.tx.Terminate()
		return nil, fmt.Errorf("transaction: %w", err)
	}
	return s, nil
}

func (s *servers) add(key string, one *server) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut || len(s.open) >= s.most {
		return false
	}
	s.open[key] = one
	return true
}

func (s *servers) remove(key string, one *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[key] == one {
		delete(s.open, key)
	}
}

// stop ends all transactions; none is begun after it.
func (s *servers) stop() {
	s.mu.Lock()
	s.shut = true
	all := make([]*server, 0, len(s.open))
	for _, one := range s.open {
		all = append(all, one)
	}
	s.mu.Unlock()
	for _, one := range all {
		one.tx.Terminate()
	}
}

// respond sends the final response that w.reply has just built through the
// transaction, which repeats it as RFC 3261 17.2 wants.
func (s *server) respond(w *work) {
	res := sip.NewResponse(w.status, "")
	s.conn.build(res, append([]byte(nil), w.in.Answer...))
	w.in.Answer = w.in.Answer[:0]
	// An error ends the transaction and is counted by the connection.
	_ = s.tx.Respond(res)
}

// answer sends a final response that was made later.
func (s *server) answer(status int, bytes []byte) {
	res := sip.NewResponse(status, "")
	s.conn.build(res, bytes)
	_ = s.tx.Respond(res)
}

func (s *servers) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}
