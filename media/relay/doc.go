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
// Ports come in pairs from a range, at random, and rest after use. The package must
// not know: SIP, SDP, calls.
package relay
