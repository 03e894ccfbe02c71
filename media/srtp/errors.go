package srtp

import "errors"

// The errors of a packet or a key. None of them carries octets of either.
var (
	// ErrShort: too short for a header, its MKI and its tag, or not version 2.
	ErrShort = errors.New("no RTP or RTCP packet, or too short for its tag")
	// ErrForged: the tag is not the one that the key gives, or the MKI is not the key's.
	ErrForged = errors.New("the packet does not authenticate")
	// ErrReplayed: the packet came before, or is older than the replay window.
	ErrReplayed = errors.New("the packet was received before, or is too old to tell")
	// ErrSources: the key has protected or authenticated as many SSRCs as are allowed.
	ErrSources = errors.New("too many SSRCs under one key")
	// ErrIndexUsed: to protect this would use an index of the key a second time.
	ErrIndexUsed = errors.New("the packet's index was used already under this key")
	// ErrExhausted: the key has protected all packets that it may (RFC 3711 §9.2).
	ErrExhausted = errors.New("the key is used up")
	// ErrNoRoom: the buffer cannot take the tag.
	ErrNoRoom = errors.New("no room for the tag behind the packet")
	// ErrKey: a key of wrong length, an unknown suite, or an MKI over 128 octets.
	ErrKey = errors.New("unusable SRTP key")
)
