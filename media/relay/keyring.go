package relay

import (
	"crypto/sha256"
	"sync"

	"roost/media"
)

// remembered is how many keys are remembered; the oldest is forgotten first.
const remembered = 16384

// keyring remembers, by their hashes, the keys that protected something: a key may do
// so once. It is safe for concurrent use.
type keyring struct {
	mu   sync.Mutex
	used map[[16]byte]struct{}
	line [][16]byte
	next int
}

// use marks a key as used, or says that it was.
func (k *keyring) use(key *media.Key) error {
	sum := sha256.Sum256(key.Master)
	mark := [16]byte(sum[:])
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, twice := k.used[mark]; twice {
		return ErrKeyReused
	}
	if k.used == nil {
		k.used = map[[16]byte]struct{}{}
	}
	k.used[mark] = struct{}{}
	if len(k.line) < remembered {
		k.line = append(k.line, mark)
		return nil
	}
	delete(k.used, k.line[k.next])
	k.line[k.next] = mark
	k.next = (k.next + 1) % remembered
	return nil
}
