package flow

import (
	"net/netip"
	"sync"
)

// sources counts the connections of each source. It holds a source only while it has
// one, so Limits.Connections bounds it.
type sources struct {
	mu         sync.Mutex
	of         map[netip.Addr]*source
	perSource  int
	handshakes int
}

// source is one peer address with connections.
type source struct {
	addr  netip.Addr
	conns int
	// handshaking has a place for each TLS handshake that the source may have under way;
	// made when first used.
	handshaking chan struct{}
}

// add counts a connection; nil means that the source has as many as it may.
func (s *sources) add(remote netip.Addr) *source {
	addr := sourceOf(remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	src := s.of[addr]
	if src == nil {
		src = &source{addr: addr}
		s.of[addr] = src
	}
	if src.conns >= s.perSource {
		return nil
	}
	src.conns++
	return src
}

// places gives the source's places for handshakes.
func (s *sources) places(src *source) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if src.handshaking == nil {
		src.handshaking = make(chan struct{}, s.handshakes)
	}
	return src.handshaking
}

func (s *sources) remove(src *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if src.conns--; src.conns == 0 {
		delete(s.of, src.addr)
	}
}
