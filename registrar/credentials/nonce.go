package credentials

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"
)

// A nonce is the id of a key (4 bytes) and one AES block under that key: the time
// of issue (6 bytes, milliseconds), a counter (2) that keeps nonces of the same
// millisecond apart, and a check of the realm (8), all in base64. Nobody without
// the key can make one whose check is right, but for a chance of 2^-64; a stolen
// one is bound by its lifetime and by the counts seen with it.
const (
	nonceBytes = 4 + 16
	nonceText  = 27
)

var nonceEncoding = base64.RawURLEncoding.Strict()

// checkOf is the check of a realm.
func checkOf(realm string) [8]byte {
	sum := sha256.Sum256([]byte("roost nonce\x00" + realm))
	return [8]byte(sum[:8])
}

// appendNonce appends the text of the nonce with this stamp (see Used.Nonce). It
// works in dst's spare room, so that nothing escapes to the heap.
func appendNonce(dst []byte, k *ringKey, stamp uint64, check [8]byte) []byte {
	n := len(dst)
	dst = append(dst, make([]byte, nonceText+nonceBytes)...)
	raw := dst[n+nonceText:]
	binary.BigEndian.PutUint32(raw, k.ID)
	block := raw[4:nonceBytes]
	binary.BigEndian.PutUint64(block, stamp)
	copy(block[8:], check[:])
	k.block.Encrypt(block, block)
	nonceEncoding.Encode(dst[n:n+nonceText], raw)
	return dst[:n+nonceText]
}

// scratch holds a nonce while it is decrypted.
type scratch struct{ raw, text [32]byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// openNonce returns a nonce's stamp and the key it was made with; nil if no key
// of the ring made it for this realm.
func openNonce(ring *keys, text string, check [8]byte) (stamp uint64, key *ringKey) {
	if len(text) != nonceText {
		return 0, nil
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	copy(s.text[:], text)
	if n, err := nonceEncoding.Decode(s.raw[:], s.text[:nonceText]); err != nil || n != nonceBytes {
		return 0, nil
	}
	key = ring.byID[binary.BigEndian.Uint32(s.raw[:])]
	if key == nil {
		return 0, nil
	}
	block := s.raw[4:nonceBytes]
	key.block.Decrypt(block, block)
	if subtle.ConstantTimeCompare(block[8:], check[:]) != 1 {
		return 0, nil
	}
	return binary.BigEndian.Uint64(block), key
}

// stampAt is the first stamp of a millisecond.
func stampAt(milliseconds int64) uint64 { return uint64(milliseconds) << 16 }

// issued is when, by its issuer's clock, a stamp was made.
func issued(stamp uint64) time.Duration { return time.Duration(stamp>>16) * time.Millisecond }
