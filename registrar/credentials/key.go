package credentials

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Key is a key for nonces. It is shared with the peers over the line (SE4).
type Key struct {
	ID     uint32
	Secret [16]byte
}

// NewKey makes a key from 20 random bytes of the caller's.
func NewKey(random [20]byte) Key {
	return Key{ID: binary.BigEndian.Uint32(random[:4]), Secret: [16]byte(random[4:])}
}

// String hides the key's secret.
func (k Key) String() string { return "[key]" }

// GoString hides the key's secret.
func (k Key) GoString() string { return "[key]" }

// MarshalText hides the key from encoders and structured logs.
func (k Key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

// KeyRing is the own key, with the one before it, and the peers' keys. It is
// safe for concurrent use; readers take no lock.
type KeyRing struct {
	mu   sync.Mutex // writers
	keys atomic.Pointer[keys]
}

// keys never changes once it is in a ring.
type keys struct {
	own    *ringKey
	before *ringKey // nil before the first rotation
	peers  map[string][]*ringKey
	byID   map[uint32]*ringKey // all of them
}

type ringKey struct {
	Key
	block cipher.Block
	own   bool
	ahead time.Duration // the issuer's clock before ours
}

// maxPeerKeys bounds what a peer can make us keep.
const maxPeerKeys = 4

func newRingKey(k Key, own bool, ahead time.Duration) *ringKey {
	block, err := aes.NewCipher(k.Secret[:])
	if err != nil { // only for a key of another length, which the type excludes
		panic(err)
	}
	return &ringKey{Key: k, block: block, own: own, ahead: ahead}
}

// NewKeyRing starts a ring with the system's own key.
func NewKeyRing(own Key) *KeyRing {
	r := &KeyRing{}
	r.keys.Store(&keys{own: newRingKey(own, true, 0)})
	r.change(func(*keys) {})
	return r
}

// Own is the key to share with the peers.
func (r *KeyRing) Own() Key { return r.keys.Load().own.Key }

// Rotate makes a new own key; nonces of the one before stay good until they
// expire or the next rotation.
func (r *KeyRing) Rotate(own Key) {
	r.change(func(k *keys) { k.own, k.before = newRingKey(own, true, 0), k.own })
}

// SetPeer takes a peer's keys, at most four, replacing those it had. ahead is how
// far its clock is ahead of ours, as the heartbeats tell.
func (r *KeyRing) SetPeer(system string, ahead time.Duration, peerKeys ...Key) {
	var all []*ringKey
	for _, k := range peerKeys[:min(len(peerKeys), maxPeerKeys)] {
		all = append(all, newRingKey(k, false, ahead))
	}
	r.change(func(k *keys) { k.peers[system] = all })
}

// DropPeer forgets a peer's keys. (Not when it is away: that is when its phones
// come with its nonces.)
func (r *KeyRing) DropPeer(system string) {
	r.change(func(k *keys) { delete(k.peers, system) })
}

func (r *KeyRing) change(f func(*keys)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.keys.Load()
	k := &keys{own: old.own, before: old.before, peers: maps.Clone(old.peers), byID: make(map[uint32]*ringKey)}
	if k.peers == nil {
		k.peers = make(map[string][]*ringKey)
	}
	f(k)
	for _, peer := range k.peers {
		for _, p := range peer {
			k.byID[p.ID] = p
		}
	}
	if k.before != nil {
		k.byID[k.before.ID] = k.before
	}
	k.byID[k.own.ID] = k.own // the own one wins where two have the same id
	r.keys.Store(k)
}
