package media

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"slices"
)

// relayed is a stream that the relay was asked for.
type relayed struct {
	media    string
	raw      bool
	stream   Stream
	closed   bool
	last     StreamStats
	security [2]string
	// rtp and rtcp are the last addresses of each side that were no hold.
	rtp, rtcp [2]netip.AddrPort
	// ufrag and pwd are each side's in ICE.
	ufrag, pwd [2]string
	set        bool // the relay was told
}

func (r *relayed) close() {
	if !r.closed {
		r.closed, r.last = true, r.stream.Close()
	}
}

func (r *relayed) stats() MediaStats {
	m := MediaStats{Media: r.media, Security: r.security, StreamStats: r.last}
	if !r.closed {
		m.StreamStats = r.stream.Stats()
	}
	return m
}

// restarted tells that a party's ICE begins anew (RFC 8445 §9): then ours does too.
func (r *relayed) restarted(v *view) bool {
	for side := range r.ufrag {
		if r.ufrag[side] == v.ufrag && r.pwd[side] == v.pwd {
			return false
		}
	}
	return r.set
}

// carries tells that a stream of the plan goes over r.
func (p *plan) carries(r *relayed) bool {
	return slices.ContainsFunc(p.streams, func(st *stream) bool { return st.live && st.relayed == r })
}

// Bounds of one session: what it carries at a time, so that no party takes all ports
// by many m-lines, and of how many ended streams it keeps the statistics.
const (
	maxStreams = 6
	maxRelays  = 32
)

func (p *plan) relayedStreams() int {
	n := 0
	for _, st := range p.streams {
		if st.live && st.relayed != nil && !st.relayed.closed {
			n++
		}
	}
	return n
}

// forget drops the streams that ended and never carried anything, and the oldest of
// those that did.
func (s *Session) forget() {
	s.relays = slices.DeleteFunc(s.relays, func(r *relayed) bool { return r.closed && !r.set })
	for len(s.relays) > maxRelays {
		i := slices.IndexFunc(s.relays, func(r *relayed) bool { return r.closed })
		if i < 0 {
			return
		}
		s.relays = slices.Delete(s.relays, i, i+1)
	}
}

// openFor takes a relay's stream for an offered one, unless the one that it has
// still fits.
func (s *Session) openFor(p *pending, st *stream) error {
	raw := st.carriage == asRaw
	six := [2]bool{s.six(st, A), s.six(st, B)}
	if r := st.relayed; r != nil && !r.closed && r.raw == raw {
		a, _ := r.stream.Local(A)
		b, _ := r.stream.Local(B)
		if a.Addr().Unmap().Is6() == six[A] && b.Addr().Unmap().Is6() == six[B] {
			return nil
		}
	}
	if p.next.relayedStreams() >= maxStreams {
		return fmt.Errorf("%w: a call has at most %d streams", ErrNoMedia, maxStreams)
	}
	stream, err := s.relay.Open(OpenStream{Call: s.cfg.Call, IPv6: six, Raw: raw, Silent: s.cfg.Silent})
	if err != nil {
		return fmt.Errorf("a relay for %s: %w", st.media, err)
	}
	r := &relayed{media: st.media, raw: raw, stream: stream}
	st.relayed = r
	s.relays, p.opened = append(s.relays, r), append(p.opened, r)
	for side := range st.ends {
		// What was agreed before was for another stream: keys begin anew.
		e := &st.ends[side]
		e.protect, e.unprotect, e.keys, e.ufrag, e.pwd, e.client = nil, nil, nil, "", "", false
	}
	return nil
}

// six tells whether a side has IPv6: by what it said, else by where it signals from.
func (s *Session) six(st *stream, side Side) bool {
	v := st.ends[side].view
	if v.live() && v.addr.IsValid() && !v.hold {
		return v.addr.Is6()
	}
	if r := st.relayed; r != nil {
		rtp, _ := r.stream.Local(side)
		return rtp.Addr().Unmap().Is6()
	}
	if v.live() && v.hold {
		return v.addr.Is6()
	}
	return s.parties[side].Source.IsValid() && s.parties[side].Source.Unmap().Is6()
}

// credentials makes ICE credentials of ours (RFC 8445 §5.3: 24 and 128 bits at
// least), where anew says so.
func (s *Session) credentials(e *end, anew bool) error {
	if !anew {
		return nil
	}
	raw := make([]byte, 24)
	if _, err := io.ReadFull(s.rand, raw); err != nil {
		return fmt.Errorf("%w: no random ICE credentials could be made: %w", ErrSecurity, err)
	}
	e.ufrag = base64.RawStdEncoding.EncodeToString(raw[:6])
	e.pwd = base64.RawStdEncoding.EncodeToString(raw[6:])
	return nil
}

// carry tells the relay what was agreed.
func (s *Session) carry(p *plan) error {
	for _, st := range p.streams {
		r := st.relayed
		if !st.live || r == nil {
			continue
		}
		payloads, clocks := st.payloads()
		for _, side := range []Side{A, B} {
			c := s.sideConfig(st, side)
			c.Payloads, c.Clocks = payloads, clocks
			r.security[side] = st.ends[side].security
			if err := r.stream.Set(side, c); err != nil {
				return fmt.Errorf("the relay for %s, side %s: %w", st.media, side, err)
			}
			r.set = true
			r.ufrag[side], r.pwd[side] = st.ends[side].view.ufrag, st.ends[side].view.pwd
			if c.RTP.IsValid() {
				r.rtp[side], r.rtcp[side] = c.RTP, c.RTCP
			}
		}
	}
	return nil
}

// payloads are the types of both descriptions, with their clock rates: each party
// sends the other's, and some send all that they offered themselves.
func (st *stream) payloads() (all []uint8, clocks []uint32) {
	for _, e := range st.ends {
		for i, pt := range e.view.payloads {
			if !slices.Contains(all, pt) {
				all, clocks = append(all, pt), append(clocks, e.view.codecs[i].Clock())
			}
		}
	}
	return all, clocks
}

func (s *Session) sideConfig(st *stream, side Side) SideConfig {
	e := &st.ends[side]
	may := st.direction(side)
	c := SideConfig{
		RTP: e.view.rtp(), RTCP: e.view.control(), Mux: e.mux,
		Send: may.Receive, Receive: may.Send, // the far end's view, turned round
		Protect: e.protect, Unprotect: e.unprotect,
		Latch: true, From: s.parties[side].Source.Unmap(),
	}
	if e.mux {
		c.RTCP = c.RTP
	}
	if e.view.hold {
		// c=0.0.0.0 takes nothing away but the direction: what was learned stays.
		c.RTP, c.RTCP = st.relayed.rtp[side], st.relayed.rtcp[side]
	}
	if st.carriage == asRaw {
		c.RTCP = netip.AddrPort{}
		c.Send, c.Receive = true, true
	}
	if e.secure && e.security == "DTLS" {
		c.DTLS = &DTLS{Client: e.client, Fingerprint: e.view.fingerprint}
		if e.view.ice {
			c.Latch = false
			c.ICE = &ICE{LocalUfrag: e.ufrag, LocalPwd: e.pwd, RemoteUfrag: e.view.ufrag, RemotePwd: e.view.pwd}
		}
	}
	return c
}
