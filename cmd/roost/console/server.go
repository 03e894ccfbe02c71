package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// Server is the console's HTTP server on one listener.
type Server struct {
	http     *http.Server
	listener *door
	done     chan error
}

// New makes a server on a listener, which it owns from here on. Nothing is answered
// before Serve.
func New(listener net.Listener, log zerolog.Logger) *Server {
	return &Server{
		http: &http.Server{
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       15 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       60 * time.Second,
			MaxHeaderBytes:    16 << 10,
			ConnContext:       remember,
			ErrorLog:          stdlog.New(io.Discard, "", 0), // what it says of strangers, door says shorter
		},
		listener: &door{Listener: listener, log: log},
		done:     make(chan error, 1),
	}
}

// Serve begins to answer.
func (s *Server) Serve(handler http.Handler) {
	s.http.Handler = counted(handler)
	go func() { s.done <- s.http.Serve(s.listener) }()
}

// Counters are totals, and how many connections there are now.
func (s *Server) Counters() Counters { return s.listener.read() }

// Address is where the console listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Stop ends the server: what is under way is finished until ctx is done, and then cut.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = s.http.Close()
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("console on %s: %w", s.Address(), err)
	}
	return nil
}
