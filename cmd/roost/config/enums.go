package config

import (
	"fmt"
	"slices"
	"strings"
)

// Transport is how SIP is carried.
type Transport string

// The transports.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls"
	WS  Transport = "ws"  // WebSocket (RFC 7118), for pages of this machine and behind a proxy that speaks TLS
	WSS Transport = "wss" // WebSocket over TLS, for softphones in a browser
)

func (t *Transport) parse(written string) error { return oneOf(t, written, UDP, TCP, TLS, WS, WSS) }

// MediaSecurity is whether voice is encrypted (rule SE1).
type MediaSecurity string

// The degrees of media security.
const (
	SecurityDisabled  MediaSecurity = "disabled"
	SecurityPreferred MediaSecurity = "preferred"
	SecurityEnforced  MediaSecurity = "enforced"
)

func (m *MediaSecurity) parse(written string) error {
	return oneOf(m, written, SecurityDisabled, SecurityPreferred, SecurityEnforced)
}

// Suite is an SRTP crypto suite, by its registered name.
type Suite string

func (s *Suite) parse(written string) error {
	return oneOf(s, written, "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32",
		"AEAD_AES_128_GCM", "AEAD_AES_256_GCM")
}

// Digest is an algorithm that phones are challenged with (RFC 8760).
type Digest string

// The digest algorithms.
const (
	DigestSHA256 Digest = "SHA-256"
	DigestMD5    Digest = "MD5"
)

func (d *Digest) parse(written string) error { return oneOf(d, written, DigestSHA256, DigestMD5) }

// Level is the networking level of a line (rule NE1).
type Level string

// The networking levels. Resilience works over scn only.
const (
	LevelSCN  Level = "scn"
	LevelNone Level = "none"
)

func (l *Level) parse(written string) error { return oneOf(l, written, LevelSCN, LevelNone) }

// Backed is what a system asks another to back up.
type Backed string

// BackedPhones: take in my phones as guests.
const BackedPhones Backed = "phones"

func (b *Backed) parse(written string) error { return oneOf(b, written, BackedPhones) }

// Failback is who brings guests home (rules FB1, FB8).
type Failback string

// The ways of failback.
const (
	FailbackAutomatic Failback = "automatic"
	FailbackManual    Failback = "manual"
)

func (f *Failback) parse(written string) error {
	return oneOf(f, written, FailbackAutomatic, FailbackManual)
}

// Refusal is how a phone is refused that should be at its home (rule FO1).
type Refusal string

// The refusals.
const (
	Refuse503    Refusal = "503"
	RefuseSilent Refusal = "silent"
	RefusePhrase Refusal = "phrase"
)

func (r *Refusal) parse(written string) error {
	return oneOf(r, written, Refuse503, RefuseSilent, RefusePhrase)
}

// Order is in which order the members of a group ring.
type Order string

// The orders.
const (
	RingAll         Order = "all"
	RingInOrder     Order = "order"
	RingLongestIdle Order = "longest-idle"
)

func (o *Order) parse(written string) error {
	return oneOf(o, written, RingAll, RingInOrder, RingLongestIdle)
}

// Protocol is what a phone speaks.
type Protocol string

// The protocols.
const (
	ProtocolSIP  Protocol = "sip"
	ProtocolH323 Protocol = "h323"
)

func (p *Protocol) parse(written string) error { return oneOf(p, written, ProtocolSIP, ProtocolH323) }

func oneOf[T ~string](into *T, written string, allowed ...T) error {
	if slices.Contains(allowed, T(written)) {
		*into = T(written)
		return nil
	}
	names := make([]string, len(allowed))
	for i, name := range allowed {
		names[i] = string(name)
	}
	right := "write " + strings.Join(names, ", ")
	if last := len(names) - 1; last > 0 {
		right = "write " + strings.Join(names[:last], ", ") + " or " + names[last]
	}
	if near := nearest(written, names); near != "" {
		right = fmt.Sprintf("did you mean %s? %s", near, right)
	}
	return &badValue{fmt.Sprintf("%q is not known here", written), right}
}
