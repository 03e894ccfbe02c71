package mirror

import "math/bits"

// The digest of a set is the sum of a 64-bit hash of each live record, so that
// it does not depend on order and is kept up to date by one addition and one
// subtraction a change. The hash covers key, version and value, but not the
// expiry, which is another number on each side. It is keyed by the epoch. It
// finds mistakes and not attacks: a set's writer is the only one who could make
// up a collision, and would fool only himself.

const (
	digest0 = 0xa0761d6478bd642f
	digest1 = 0xe7037ed1a0b428db
	digest2 = 0x8ebc6af09c88c6e3
)

func recordHash(epoch, version uint64, key string, value []byte) uint64 {
	h := mix(epoch^digest0, version^digest1)
	h = hashBytes(h, key)
	return hashBytes(h, value)
}

func hashBytes[T string | []byte](h uint64, b T) uint64 {
	n := uint64(len(b))
	for len(b) >= 16 {
		h = mix(load8(b, 0)^digest1, load8(b, 8)^h)
		b = b[16:]
	}
	var first, second uint64
	if len(b) >= 8 {
		first = load8(b, 0)
		b = b[8:]
	}
	for i := range len(b) {
		second |= uint64(b[i]) << (8 * i)
	}
	return mix(first^digest2^n, second^h^digest1)
}

func load8[T string | []byte](b T, i int) uint64 {
	_ = b[i+7]
	return uint64(b[i]) | uint64(b[i+1])<<8 | uint64(b[i+2])<<16 | uint64(b[i+3])<<24 |
		uint64(b[i+4])<<32 | uint64(b[i+5])<<40 | uint64(b[i+6])<<48 | uint64(b[i+7])<<56
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
