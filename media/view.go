package media

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"roost/media/sdp"
)

// carriage is how an m-line's packets travel.
type carriage uint8

const (
	asRTP   carriage = iota // RTP over UDP, in any profile
	asRaw                   // other datagrams over UDP: T.38, BFCP
	asOther                 // TCP, SCTP over DTLS: only passed on directly
)

// form is how an m-line says what protection it has or wants.
type form uint8

const (
	plain  form = iota // RTP/AVP
	savp               // RTP/SAVP with a=crypto
	osrtp              // RTP/AVP with a=crypto (RFC 8643)
	capneg             // RTP/AVP, RTP/SAVP as a potential configuration (RFC 5939)
	two                // an m-line with RTP/SAVP, then one with RTP/AVP
	dtls               // UDP/TLS/RTP/SAVPF with a=fingerprint (RFC 5764)
)

// best tells that a form offers both SRTP and RTP.
func (f form) best() bool { return f == osrtp || f == capneg || f == two }

// way is one way to SRTP that an m-line offers: a crypto attribute, with what has
// to be answered to take it.
type way struct {
	crypto sdp.Crypto
	suite  Suite
	key    *Key // what the far end sends with
	proto  string
	actual string // a=acfg's value, where it is a potential configuration
}

// view is what an m-line of a party says, as far as we rely on it.
type view struct {
	kind     string
	proto    string
	port     uint16
	carriage carriage
	form     form
	// feedback: a profile with an F (RFC 4585).
	feedback bool
	// ways to SRTP that we could go, in the party's order. why says what hinders
	// those that we could not; others are all that could be read, ours among them,
	// for parties that agree directly.
	ways, others []way
	why          string
	// lenient: of an emergency call, whose bad keys are passed over.
	lenient bool
	// addr is not valid where the party gave none yet (ICE); hold is c=0.0.0.0.
	addr netip.Addr
	hold bool
	rtcp netip.AddrPort // a=rtcp; not valid: the port after RTP's
	mux  bool
	dir  sdp.Direction

	payloads []uint8
	codecs   []sdp.Codec
	mid      string

	fingerprint [32]byte
	setup       string
	ice         bool
	ufrag, pwd  string
}

// live tells that an m-line is neither rejected nor disabled.
func (v *view) live() bool { return v != nil && v.port != 0 }

// plainToo tells that an m-line can go as plain RTP.
func (v *view) plainToo() bool { return v.form == plain || v.form.best() }

// rtp is where the far end listens; not valid where it is unknown.
func (v *view) rtp() netip.AddrPort {
	if !v.addr.IsValid() || v.hold {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(v.addr, v.port)
}

func (v *view) control() netip.AddrPort {
	rtp := v.rtp()
	switch {
	case !rtp.IsValid() || v.mux:
		return rtp
	case v.rtcp.IsValid():
		return v.rtcp
	case v.port == 65535:
		return netip.AddrPort{}
	default:
		return netip.AddrPortFrom(v.addr, v.port+1)
	}
}

// profile reads an m-line's protocol.
func profile(proto string) (c carriage, secure, feedback, overDTLS bool) {
	p := strings.ToUpper(proto)
	switch p {
	case "RTP/AVP", "RTP/AVPF":
		return asRTP, false, p == "RTP/AVPF", false
	case "RTP/SAVP", "RTP/SAVPF":
		return asRTP, true, p == "RTP/SAVPF", false
	case "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF":
		return asRTP, true, p == "UDP/TLS/RTP/SAVPF", true
	}
	switch {
	case strings.HasPrefix(p, "UDP/TLS/"):
		return asRaw, true, false, false
	case p == "UDPTL", p == "UDP", strings.HasPrefix(p, "UDP/") && !strings.Contains(p, "SCTP"):
		return asRaw, false, false, false
	default:
		return asOther, strings.Contains(p, "TLS"), false, false
	}
}

// look reads all m-lines of a description, and judges them for a party.
func (s *Session) look(from Side, d *sdp.Description) ([]*view, error) {
	views := make([]*view, len(d.Media))
	for i, m := range d.Media {
		v, err := s.lookAt(from, d, m)
		if err != nil {
			return nil, fmt.Errorf("m-line %d (%s): %w", i+1, m.Kind, err)
		}
		views[i] = v
	}
	return views, nil
}

func (s *Session) lookAt(from Side, d *sdp.Description, m *sdp.Media) (*view, error) {
	v := &view{kind: m.Kind, proto: m.Proto, port: m.Port, dir: d.Direction(m), mux: m.Has("rtcp-mux"), lenient: s.emergency()}
	v.mid, _ = m.Attr("mid")
	var secure, overDTLS bool
	v.carriage, secure, v.feedback, overDTLS = profile(m.Proto)
	if m.Has("bundle-only") {
		v.port = 0 // it has no transport of its own, and ours are not bundled
	}
	if v.port == 0 || v.carriage == asOther {
		return v, nil
	}
	if v.carriage == asRTP {
		if err := v.lookAtRTP(d, m, secure, overDTLS); err != nil {
			return nil, err
		}
	}
	return v, s.lookAtAddress(from, v, d, m)
}

// lookAtRTP reads what only RTP has: codecs, keys, ICE.
func (v *view) lookAtRTP(d *sdp.Description, m *sdp.Media, secure, overDTLS bool) (err error) {
	if v.payloads, err = m.PayloadTypes(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	v.codecs = m.Codecs()
	switch {
	case overDTLS:
		v.form = dtls
		return v.lookAtDTLS(d, m)
	case secure:
		v.form = savp
	}
	if err = v.addWays(slicesOf(m, "crypto"), m.Proto, ""); err != nil {
		return err
	}
	if secure {
		// A browser's older way of writing (RFC 5764 §8 wants UDP/TLS).
		if _, ok, _ := d.Fingerprint(m); ok && len(v.ways) == 0 {
			v.form = dtls
			return v.lookAtDTLS(d, m)
		}
		return nil
	}
	if len(v.ways) > 0 || m.Has("crypto") {
		v.form = osrtp
	}
	return v.lookAtPotentials(d, m)
}

func slicesOf(m *sdp.Media, name string) []string {
	var values []string
	for value := range m.Attrs(name) {
		values = append(values, value)
	}
	return values
}

// lookAtPotentials adds the ways that capability negotiation offers. Avaya's phones
// write a=crypto either as a capability or plainly under the m-line.
func (v *view) lookAtPotentials(d *sdp.Description, m *sdp.Media) error {
	direct, directOthers := v.ways, v.others
	var ways, others []way
	for _, p := range d.Potentials(m) {
		proto := p.Proto
		if proto == "" {
			proto = v.proto
		}
		c, secure, _, overDTLS := profile(proto)
		if c != asRTP || !secure || overDTLS {
			continue
		}
		v.form = capneg
		var cryptos []string
		for _, attr := range p.Attrs {
			if name, value, _ := strings.Cut(attr, ":"); name == "crypto" {
				cryptos = append(cryptos, value)
			}
		}
		v.ways, v.others = nil, nil
		if err := v.addWays(cryptos, proto, p.Actual); err != nil {
			return err
		}
		if len(cryptos) == 0 && !p.DropMedia {
			v.ways, v.others = by(direct, proto, p.Actual), by(directOthers, proto, p.Actual)
		}
		ways, others = append(ways, v.ways...), append(others, v.others...)
	}
	if v.ways, v.others = direct, directOthers; v.form == capneg {
		v.ways, v.others = ways, others
	}
	return nil
}

// by gives ways as part of a potential configuration.
func by(ways []way, proto, actual string) []way {
	ways = slices.Clone(ways)
	for i := range ways {
		ways[i].proto, ways[i].actual = proto, actual
	}
	return ways
}

// maxCryptos bounds the crypto attributes of an m-line.
const maxCryptos = 32

// addWays reads crypto attributes. Suites and parameters that we do not have are
// passed over; a key that does not fit its suite is an error.
func (v *view) addWays(values []string, proto, actual string) error {
	if len(values) > maxCryptos {
		return fmt.Errorf("%w: %d a=crypto in an m-line, at most %d are read", ErrMalformed, len(values), maxCryptos)
	}
	for _, value := range values {
		c, err := sdp.ParseCrypto(value)
		suite, ok := ParseSuite(c.Suite)
		if c.Tag != 0 && !ok {
			v.why = fmt.Sprintf("a=crypto:%d has no suite of ours: %.40s", c.Tag, c.Suite)
			if err == nil {
				v.others = append(v.others, way{crypto: c, proto: proto, actual: actual})
			}
			continue
		}
		var key *Key
		var why string
		if err == nil {
			key, why, err = keyOf(suite, c)
		}
		if err != nil && v.lenient {
			v.why = err.Error()
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSecurity, err)
		}
		w := way{crypto: c, suite: suite, key: key, proto: proto, actual: actual}
		v.others = append(v.others, w)
		if why != "" {
			v.why = fmt.Sprintf("a=crypto:%d %s", c.Tag, why)
			continue
		}
		v.ways = append(v.ways, w)
	}
	return nil
}

func (v *view) lookAtDTLS(d *sdp.Description, m *sdp.Media) error {
	var ok bool
	var err error
	if v.fingerprint, ok, err = d.Fingerprint(m); err != nil {
		return fmt.Errorf("%w: %w", ErrSecurity, err)
	}
	if !ok {
		return fmt.Errorf("%w: DTLS without a SHA-256 a=fingerprint", ErrSecurity)
	}
	v.setup, _ = d.Inherited(m, "setup")
	switch v.setup {
	case "":
		v.setup = "actpass"
	case "active", "passive", "actpass":
	default:
		return fmt.Errorf("%w: a=setup:%.20s is not active, passive or actpass", ErrSecurity, v.setup)
	}
	if v.ufrag, v.pwd, v.ice, err = d.ICE(m); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// lookAtAddress reads and judges where the party wants its media.
func (s *Session) lookAtAddress(from Side, v *view, d *sdp.Description, m *sdp.Media) error {
	if v.ice {
		return nil // ICE finds the address; c= is a placeholder
	}
	addr, err := d.Connection(m)
	if err != nil {
		var host *sdp.HostNameError
		if errors.As(err, &host) {
			return fmt.Errorf("%w: c= %w", ErrAddress, err)
		}
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if addr.IsUnspecified() { // the older way to hold (RFC 3264 §8.4)
		v.addr, v.hold, v.dir.Receive = addr, true, false
		return nil
	}
	v.addr = addr
	if err := s.judge(from, netip.AddrPortFrom(addr, v.port)); err != nil {
		return err
	}
	port, other, ok, err := m.RTCP()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if ok && port != 0 {
		if !other.IsValid() || other.IsUnspecified() {
			other = addr
		}
		v.rtcp = netip.AddrPortFrom(other, port)
	}
	if rtcp := v.control(); rtcp.IsValid() && v.carriage == asRTP {
		return s.judge(from, rtcp)
	}
	return nil
}

// relaysAt tells whether the relay has an address for this session: a party that names it
// wants to hear itself, or the other one to hear itself. A port of another call may be
// named, where a call comes back to this system (the relay sees to circles).
func (s *Session) relaysAt(a netip.AddrPort) bool {
	for _, r := range s.relays {
		if r.closed {
			continue
		}
		for _, side := range []Side{A, B} {
			if rtp, rtcp := r.stream.Local(side); a == rtp || a == rtcp {
				return true
			}
		}
	}
	return false
}

// judge refuses addresses that no packet of ours may go to.
func (s *Session) judge(from Side, a netip.AddrPort) error {
	addr := a.Addr()
	var why string
	switch {
	case addr.IsMulticast():
		why = "is multicast"
	case addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		why = "is the broadcast address"
	case addr.Is4() && addr.As4()[0] == 0:
		why = "is in 0.0.0.0/8, which is no host's"
	case addr.IsLoopback() && !s.cfg.Lab && !s.parties[from].Source.Unmap().IsLoopback():
		why = "is loopback, but its party is not on this machine"
	case s.cfg.Own != nil && s.cfg.Own(a):
		why = "is a port of our own"
	case s.relaysAt(a):
		why = "is where the relay listens for this very call"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s %s", ErrAddress, a, why)
}
