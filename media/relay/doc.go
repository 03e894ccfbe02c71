// Package relay carries media packets between the two sides of a stream; it
// implements media.Relay.
//
// A few workers (one a core) each own an epoll descriptor and the streams given to
// them; both sides of a stream belong to one worker, so a packet meets no lock, no
// goroutine of its own and no allocation. What others want of a stream (Set, Stats,
// Close) is a command that its worker carries out between packets.
//
// A packet goes: socket → source check (latch) → what it is (RTP, RTCP, STUN, DTLS)
// → authentication → payload type, SSRC → statistics → protection → the other
// side's socket. The rules of that walk are in type lane and its helpers; they know
// packets, addresses and times given to them, no sockets and no clock.
//
// Whom a side listens to (type gate): the address of the session description comes
// first. With Latch another source may be learned once: a port of that host or of the
// signalling's host at once, any other host after packets in sequence and only for a
// while; then it holds until the next Set. With SRTP only authenticated packets teach,
// and they may move a side again. An own port is never learned, and media that would
// come back to its own stream is refused (ErrLoop).
//
// A key protects one stream, once (type keyring), and keeps its indices as long as the
// stream lives. A plain sender that starts its sequence again under such a key is
// renumbered on the way out; receiver reports about it name the numbers that we sent.
//
// DTLS is the exception to "no goroutine": a handshake has one, from its first record
// until 20 s after its end. ICE-lite checks are answered by the worker itself.
//
// Ports come in pairs from a range, at random, and rest after use. The package must
// not know: SIP, SDP, calls.
package relay
