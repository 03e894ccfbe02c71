package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server is the console's HTTP server on one listener.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan error
}

// Serve begins to serve handler on listener, which it owns from here on.
func Serve(listener net.Listener, handler http.Handler) *Server {
	s := &Server{
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       15 * time.Second,
			IdleTimeout:       60 * time.Second,
			MaxHeaderBytes:    16 << 10,
		},
		listener: listener,
		done:     make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s
}

// Address is where the console listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Stop ends the server: what is under way is finished until ctx is done.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("console on %s: %w", s.Address(), err)
	}
	return nil
}
