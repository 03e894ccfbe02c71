// Package srtp protects RTP and RTCP (RFC 3711, RFC 7714): a Protector for what is
// sent under one key, an Unprotector for what comes under one key. A packet is
// transformed in place, in the caller's buffer.
//
// What it owns: session keys, the index of each SSRC, replay windows, the bound on
// SSRCs. What it must not know: sockets, sessions, SDES, DTLS. It has no goroutine,
// no clock and no lock: a Protector or Unprotector belongs to one goroutine.
//
// Nothing is kept of a packet before it has authenticated, so forged packets cost
// no memory. A Protector never uses an index twice: a repeated packet is refused
// (ErrIndexUsed), so a source that starts its sequence again must be renumbered by
// the caller, or given a new key.
//
// RTP is transformed by code of our own, without allocation; github.com/pion/srtp/v2
// does RTCP, and is the oracle that the tests hold RTP against. The key derivation
// rate is zero, as RFC 4568 and RFC 5764 have it, and a context has one key.
package srtp
