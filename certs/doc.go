// Package certs is who a system is and whom it trusts (rule SE2).
//
// It owns the identity certificate of a system, its key and the trusted root:
// reading them, checking them, noticing that they were replaced on disk, the
// TLS settings that phones and lines are served with, a small lab CA, and a
// certificate explained in words.
//
// An identity names its system by one URI SAN, sipnode://NAME. It also carries
// what phones and peers are given to reach the system by: DNS names, addresses
// and, for the SIP domain, the URI sip:DOMAIN (RFC 5922 section 7.1).
//
// The shape of the data: Files are paths; Load turns them into an Identity,
// which never changes; a Source holds the Identity in force and swaps it when
// Reload finds other bytes in the files. TLS settings made from a Source follow
// the swap without a restart.
//
// The package starts no goroutine, keeps no clock and writes no log: the time is
// an argument (or a clock that the caller hands in, where crypto/tls asks for
// it), and everything worth telling is an error or a Finding in words. It knows
// nothing of SIP, of lines or of the configuration.
package certs
