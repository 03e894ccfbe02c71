package media

import (
	"io"
	"net/netip"
)

// Config is what holds for a Session besides its two parties.
type Config struct {
	// Call is the call's name in logs and statistics of the relay.
	Call string
	// Direct: phones may send to each other at all (VP1).
	Direct bool
	// Suites are the SRTP suites, best first; empty: AES128CM80 alone. In a party's
	// offer the first of these that it has is taken.
	Suites []Suite
	// SRTCP: RTCP is encrypted where RTP is. Without it UNENCRYPTED_SRTCP is
	// offered: RTCP is authenticated only. An offer of a party's is taken either way.
	SRTCP bool
	// Fingerprint is the SHA-256 of the relay's certificate, for web parties.
	Fingerprint [32]byte
	// Lab: loopback addresses are believed from parties that are not on loopback.
	Lab bool
	// Own, if not nil, tells that an address is one of our own relay or signalling
	// sockets, to which no media is ever sent.
	Own func(netip.AddrPort) bool
	// Silent, if not nil, is called from the relay's goroutine when a stream had no
	// packet from either side for the media time-out (OpenStream.Silent).
	Silent func()
}

// Session is the media of one pair of legs. It is owned by its call: not safe for
// concurrent use.
type Session struct {
	cfg     Config
	parties [2]Party
	relay   Relay
	rand    io.Reader
}

// NewSession begins the media of a pair of legs: a is whom the call comes from,
// b whom it goes to. Nothing is opened before the first offer. Keys and ICE
// credentials are read from rand (crypto/rand.Reader).
func NewSession(cfg Config, a, b Party, relay Relay, rand io.Reader) *Session {
	return &Session{cfg: cfg, parties: [2]Party{a, b}, relay: relay, rand: rand}
}

// Offer takes an offer that came from a side, the first or a later one, and gives
// the body for the other side. With an error nothing has changed, and the offer is
// refused (errors.go says with what).
func (s *Session) Offer(from Side, body []byte) (out []byte, err error) {
	return nil, ErrState
}

// Answer takes the answer to the open offer from the side that it was passed to,
// and gives the body for the side that offered. The same side may answer again (in
// the 183 and in the 200): the newer holds. With an error the session is as before
// the offer, which is still open: Rollback or Close it.
func (s *Session) Answer(from Side, body []byte) (out []byte, err error) {
	return nil, ErrState
}

// Rollback drops the open offer, which was refused: the session is again as it was
// before it (RFC 3264 §8: 488 keeps the old session). Without an open offer it
// does nothing.
func (s *Session) Rollback() {}

// Retry gives another body for a party that refused the first offer passed to it
// (415, 488, 606): anchored where direct was refused, then plain where best effort
// was. ok is false when there is nothing else to try, and for later offers; a new
// INVITE with the body takes the place of the refused one.
func (s *Session) Retry(by Side) (out []byte, ok bool) { return nil, false }

// Open tells that an offer waits for its answer, and from which side it came.
func (s *Session) Open() (from Side, open bool) { return 0, false }

// Path is how media goes as was last agreed; while the first offer is open, as it
// was passed on.
func (s *Session) Path() Path { return Path{} }

// Hold is who holds the call, as was last agreed.
func (s *Session) Hold() Hold { return Hold{} }

// Origin gives the o= value that a side was last sent, for Party.Origin of the
// next Session of its leg.
func (s *Session) Origin(side Side) string { return "" }

// Stats gives the streams that were relayed, ended ones included, in the order of
// their opening. Direct media has none.
func (s *Session) Stats() []MediaStats { return nil }

// Close ends all streams and gives the last statistics. It may be called again.
func (s *Session) Close() []MediaStats { return nil }
