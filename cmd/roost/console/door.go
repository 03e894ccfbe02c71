package console

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// maxConnections bounds the console's connections at a time; people and programs on
// this machine need few.
const maxConnections = 256

// quiet is how long a kind of trouble is not logged again.
const quiet = 10 * time.Second

// Counters are what happened at the console's listener since the start.
type Counters struct {
	Connections int64  // now
	Accepted    uint64 // connections
	Requests    uint64 // that could be read, whatever the answer
	Refused     uint64 // connections over the limit
	Useless     uint64 // connections that ended without a request that could be read
}

// door accepts the console's connections, up to a limit, and counts them.
type door struct {
	net.Listener
	log zerolog.Logger

	open                                 atomic.Int64
	accepted, requests, refused, useless atomic.Uint64
	refusedLogged, uselessLogged         atomic.Int64 // Unix nanoseconds
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if d.open.Add(1) <= maxConnections {
			d.accepted.Add(1)
			return &visit{Conn: conn, door: d}, nil
		}
		d.open.Add(-1)
		d.refused.Add(1)
		if seldom(&d.refusedLogged) {
			d.log.Warn().Stringer("peer", conn.RemoteAddr()).Int("limit", maxConnections).Uint64("in_all", d.refused.Load()).
				Msg("console: connection refused: too many connections")
		}
		conn.Close()
	}
}

func (d *door) read() Counters {
	return Counters{
		Connections: d.open.Load(), Accepted: d.accepted.Load(), Requests: d.requests.Load(),
		Refused: d.refused.Load(), Useless: d.useless.Load(),
	}
}

// visit is one connection.
type visit struct {
	net.Conn
	door  *door
	asked atomic.Bool
	once  sync.Once
}

// Close implements net.Conn.
func (v *visit) Close() error {
	v.once.Do(v.left)
	return v.Conn.Close()
}

func (v *visit) left() {
	v.door.open.Add(-1)
	if v.asked.Load() {
		return
	}
	v.door.useless.Add(1)
	if seldom(&v.door.uselessLogged) {
		v.door.log.Warn().Stringer("peer", v.RemoteAddr()).Uint64("in_all", v.door.useless.Load()).
			Msg("console: connection without an HTTP request that can be read")
	}
}

// seldom says whether a line may be logged that was last logged at next - quiet.
func seldom(next *atomic.Int64) bool {
	now, due := time.Now().UnixNano(), next.Load()
	return now >= due && next.CompareAndSwap(due, now+int64(quiet))
}

type visitKey struct{}

func remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, visitKey{}, conn)
}

// counted notes on a request's connection that it had one.
func counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, ok := r.Context().Value(visitKey{}).(*visit); ok {
			v.asked.Store(true)
			v.door.requests.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}
