package credentials

import "time"

// Key is a key for nonces. It is shared with the peers over the line (SE4).
type Key struct {
	ID     uint32
	Secret [16]byte
}

// NewKey makes a key from 20 random bytes of the caller's.
func NewKey(random [20]byte) Key { panic("being written") }

// KeyRing is the own key, with the one before it, and the peers' keys. It is
// safe for concurrent use; readers take no lock.
type KeyRing struct{}

// NewKeyRing starts a ring with the system's own key.
func NewKeyRing(own Key) *KeyRing { panic("being written") }

// Own is the key to share with the peers.
func (r *KeyRing) Own() Key { panic("being written") }

// Rotate makes a new own key; nonces of the one before stay good until they
// expire or the next rotation.
func (r *KeyRing) Rotate(own Key) { panic("being written") }

// SetPeer takes a peer's keys, replacing those it had. ahead is how far its
// clock is ahead of ours, as the heartbeats tell.
func (r *KeyRing) SetPeer(system string, ahead time.Duration, keys ...Key) { panic("being written") }

// DropPeer forgets a peer's keys. (Not when it is away: that is when its phones
// come with its nonces.)
func (r *KeyRing) DropPeer(system string) { panic("being written") }
