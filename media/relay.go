package media

import (
	"errors"
	"net/netip"
	"time"
)

// Side is one of the two ends of a Session: A offered first, B is whom it called.
type Side uint8

// The sides.
const (
	A Side = iota
	B
)

// Other gives the side across.
func (s Side) Other() Side { return s ^ 1 }

// String gives "a" or "b".
func (s Side) String() string {
	if s == A {
		return "a"
	}
	return "b"
}

// ErrNoPorts: the range of media ports is used up; the call is refused with 503.
var ErrNoPorts = errors.New("no media ports are free")

// Relay carries packets. media/relay implements it. Its methods are safe for
// concurrent use.
type Relay interface {
	// Open takes a pair of ports (RTP even, RTCP the next) on each side for one
	// stream; errors wrap ErrNoPorts.
	Open(o OpenStream) (Stream, error)
}

// OpenStream is what a stream begins with.
type OpenStream struct {
	// Call is for logs and statistics.
	Call string
	// IPv6 says for each Side which family the far end has.
	IPv6 [2]bool
	// Raw: the stream is not RTP (T.38 over UDPTL): datagrams are carried unread
	// on the RTP ports, from the source that was latched; never with keys.
	Raw bool
	// Silent, if not nil, is called once from the relay's own goroutine when no
	// packet came from either side for the media time-out.
	Silent func()
}

// Stream is one relayed stream: an m-line of a Session. Its methods are safe for
// concurrent use.
type Stream interface {
	// Local gives what the far end of a side is told to send to.
	Local(side Side) (rtp, rtcp netip.AddrPort)
	// Set says what is known of a side now. It may be called again at each offer
	// or answer; what does not differ goes on undisturbed (SRTP indices, latching).
	Set(side Side, c SideConfig) error
	// Stats is how the stream stands.
	Stats() StreamStats
	// Close gives the ports back (after their quarantine) and the last statistics.
	Close() StreamStats
}

// SideConfig is what is known of one side of a stream.
type SideConfig struct {
	// RTP and RTCP are where the session description says that the far end
	// listens; not valid where it is unknown yet. A zero port: the far end takes none.
	RTP, RTCP netip.AddrPort
	// Mux: RTCP comes and goes on the RTP port (RFC 5761).
	Mux bool
	// Latch: learn the source from the first packets, then hold to it (symmetric
	// RTP); otherwise only RTP's and RTCP's own addresses are listened to.
	Latch bool
	// Send and Receive say whether the far end takes and gives media at present
	// (hold: sendonly, inactive).
	Send, Receive bool
	// Protect is the key that we send with, Unprotect the one the far end sends
	// with; both nil: plain RTP; one alone: the other direction waits for its key.
	// With DTLS both come from the handshake. A key protects one stream, once.
	Protect, Unprotect *Key
	// DTLS, where keys come from a handshake (RFC 5764) instead.
	DTLS *DTLS
	// ICE, where connectivity is by ICE-lite (RFC 8445): STUN checks are answered.
	ICE *ICE
	// Payloads are the payload types that were agreed on; others are dropped and
	// counted. Empty: all.
	Payloads []uint8
	// Clocks are the RTP clock rates of Payloads in Hz, in the same order, for
	// jitter. Missing or zero: what RFC 3551 says of the type; a dynamic one's is measured.
	Clocks []uint32
	// From is the address that the signalling of this side came from, where it is
	// known: with Latch a source there is believed sooner than one elsewhere.
	From netip.Addr
}

// Suite is an SRTP protection profile (RFC 4568, RFC 7714).
type Suite uint8

// The suites.
const (
	AES128CM80 Suite = iota + 1 // AES_CM_128_HMAC_SHA1_80
	AES128CM32                  // AES_CM_128_HMAC_SHA1_32
	AES128GCM                   // AEAD_AES_128_GCM
	AES256GCM                   // AEAD_AES_256_GCM
)

// Key is a master key with its salt, for one direction of one stream of one call.
type Key struct {
	Suite Suite
	// Master is key and salt in one: 30 octets for AES_CM_128, 28 for
	// AEAD_AES_128_GCM, 44 for AEAD_AES_256_GCM.
	Master []byte
	// MKI is sent with each packet where it is not empty, 1 to 128 octets.
	MKI []byte
	// PlainRTCP: SRTCP is not used (UNENCRYPTED_SRTCP is not this: that still authenticates).
	PlainRTCP bool
	// ClearRTP and ClearRTCP: UNENCRYPTED_SRTP, UNENCRYPTED_SRTCP (RFC 4568 §6.3).
	ClearRTP, ClearRTCP bool
}

// DTLS is what a DTLS-SRTP handshake must find.
type DTLS struct {
	// Client: we begin the handshake (a=setup:active on our side).
	Client bool
	// Fingerprint is the SHA-256 of the far end's certificate.
	Fingerprint [32]byte
}

// ICE is the credentials of both ends (RFC 8445).
type ICE struct{ LocalUfrag, LocalPwd, RemoteUfrag, RemotePwd string }

// StreamStats is what went over a stream.
type StreamStats struct {
	Sides [2]SideStats
	// Opened and Closed; Closed is zero while it goes on.
	Opened, Closed time.Time
}

// SideStats is what came from one side, and what was sent to it.
type SideStats struct {
	// Packets and Octets of RTP that came from this side and were carried.
	Packets, Octets uint64
	// RTCP packets that came from it and were carried.
	RTCP uint64
	// Lost is how many RTP packets are missing by sequence number (RFC 3550 A.3).
	Lost int64
	// Jitter as RFC 3550 A.8 has it, in milliseconds.
	Jitter float64
	// MOS is an estimate, 1.0 to 4.5, by loss and jitter (ITU-T G.107, simplified);
	// 0 where nothing came.
	MOS float64
	// Strange counts packets from another source than the side's, Forged those that
	// did not authenticate, Bad those that were no RTP or RTCP, Replayed repeated ones.
	Strange, Forged, Bad, Replayed uint64
	// Unagreed counts packets of payload types that were not agreed on, or of more
	// SSRCs than are believable; Held those dropped for the direction (hold) or
	// because the far side has no address yet.
	Unagreed, Held uint64
	// Sent and SentOctets are RTP that went out to this side, Unsent what the
	// kernel did not take or could not be protected.
	Sent, SentOctets, Unsent uint64
	// Remote is the address that the side was latched to.
	Remote netip.AddrPort
	// First and Last are when RTP came; zero: never.
	First, Last time.Time
}
