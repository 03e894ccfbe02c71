package relay

import (
	"fmt"
	"net/netip"

	"roost/media"
)

// owner is whose a port pair of ours is.
type owner struct {
	stream *stream
	side   media.Side
}

// maxHops is how many streams of this relay media may pass one after the other.
const maxHops = 16

// ownPort tells whether an address lies in our own ranges. It is called on workers.
func (r *Relay) ownPort(a *address) bool {
	port := a.port()
	if port < r.config.First || port > r.config.Last {
		return false
	}
	ip := a.addrPort().Addr()
	return ip == r.config.Address || ip == r.config.Address6 || ip == r.config.Advertised || ip == r.config.Advertised6
}

// ownerOf gives whose pair an address is of, in our own terms; mu is held.
func (r *Relay) ownerOf(a netip.AddrPort) (owner, bool) {
	ip := a.Addr()
	switch ip {
	case r.config.Advertised:
		ip = r.config.Address
	case r.config.Advertised6:
		ip = r.config.Address6
	}
	o, ok := r.owners[netip.AddrPortFrom(ip, a.Port()&^1)]
	return o, ok
}

// aim notes where a side's media goes, unless it would come back (ErrLoop): a packet
// in a circle never ends. restore undoes it.
func (r *Relay) aim(s *stream, side media.Side, rtp, rtcp netip.AddrPort) (restore func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := s.aims[side]
	s.aims[side] = [2]netip.AddrPort{rtp, rtcp}
	if r.returns(owner{s, side}, s, side, 0) {
		s.aims[side] = before
		return nil, fmt.Errorf("media to %s: %w", rtp, ErrLoop)
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		s.aims[side] = before
	}, nil
}

// returns tells whether what leaves at out comes to leave at s and side again; mu is held.
func (r *Relay) returns(out owner, s *stream, side media.Side, hops int) bool {
	var before owner
	for _, a := range out.stream.aims[out.side] {
		next, ours := r.ownerOf(a)
		if !ours || next == before {
			continue
		}
		before = next
		next.side = next.side.Other()
		if next == (owner{s, side}) || hops == maxHops || r.returns(next, s, side, hops+1) {
			return true
		}
	}
	return false
}
