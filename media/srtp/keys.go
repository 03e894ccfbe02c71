package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 3711 says HMAC-SHA1
	"encoding/binary"
	"hash"

	"roost/media"
)

// The labels of RFC 3711 §4.3.2 for RTP; pion derives those of RTCP.
const (
	labelCipher = 0
	labelAuth   = 1
	labelSalt   = 2
)

const authKeyLength = 20 // n_a of HMAC-SHA1 (RFC 3711 §5.2)

// transform has the session keys of RTP under one master key, and turns a packet
// whose index is known. The arrays are scratch, so that nothing escapes a packet.
type transform struct {
	aead  cipher.AEAD  // GCM, else nil
	block cipher.Block // counter mode, else nil
	mac   hash.Hash    // counter mode
	tag   int
	clear bool
	mki   []byte

	salt    [14]byte
	counter [aes.BlockSize]byte
	stream  [aes.BlockSize]byte
	nonce   [12]byte
	roc     [4]byte
	sum     [sha1.Size]byte
}

func (t *transform) init(k media.Key) error {
	if err := CheckKey(k); err != nil {
		return err
	}
	n, _, _ := KeyLengths(k.Suite)
	master, salt := k.Master[:n], k.Master[n:]
	prf, err := aes.NewCipher(master)
	if err != nil {
		return err
	}
	copy(t.salt[:], derive(prf, salt, labelSalt, len(salt)))
	block, err := aes.NewCipher(derive(prf, salt, labelCipher, n))
	if err != nil {
		return err
	}
	t.clear, t.mki = k.ClearRTP, append([]byte(nil), k.MKI...)
	switch k.Suite {
	case media.AES128GCM, media.AES256GCM:
		t.tag = 16
		t.aead, err = cipher.NewGCM(block)
		return err
	case media.AES128CM32:
		t.tag = 4
	default:
		t.tag = 10
	}
	t.block = block
	t.mac = hmac.New(sha1.New, derive(prf, salt, labelAuth, authKeyLength))
	return nil
}

// derive is the AES-CM PRF of RFC 3711 §4.3.3 at a key derivation rate of zero. A salt
// of 96 bits stands left in the 112 (RFC 7714 §11).
func derive(prf cipher.Block, salt []byte, label byte, n int) []byte {
	var in, out [aes.BlockSize]byte
	copy(in[:14], salt)
	in[7] ^= label
	key := make([]byte, 0, n+aes.BlockSize)
	for i := uint16(0); len(key) < n; i++ {
		binary.BigEndian.PutUint16(in[14:], i)
		prf.Encrypt(out[:], in[:])
		key = append(key, out[:]...)
	}
	return key[:n:n]
}

// seal turns b[:n], a packet with a header of h octets, into SRTP in place; b has room.
func (t *transform) seal(b []byte, h, n int, ssrc uint32, index uint64) int {
	if t.aead != nil {
		t.setNonce(ssrc, index)
		if t.clear {
			t.aead.Seal(b[n:n], t.nonce[:], nil, b[:n])
		} else {
			t.aead.Seal(b[h:h], t.nonce[:], b[h:n], b[:h])
		}
		n += t.tag
		return n + copy(b[n:], t.mki)
	}
	if !t.clear {
		t.xor(b[h:n], ssrc, index)
	}
	tag := t.authenticate(b[:n], index)
	n += copy(b[n:], t.mki)
	return n + copy(b[n:], tag)
}

// open verifies a packet and, if it is genuine, decrypts it in place. If it is not,
// the octets behind the header are undefined.
func (t *transform) open(b []byte, h int, ssrc uint32, index uint64) (int, bool) {
	n := len(b) - t.tag - len(t.mki)
	if t.aead != nil {
		if !equal(b[n+t.tag:], t.mki) {
			return 0, false
		}
		t.setNonce(ssrc, index)
		var err error
		if t.clear {
			_, err = t.aead.Open(nil, t.nonce[:], b[n:n+t.tag], b[:n])
		} else {
			_, err = t.aead.Open(b[h:h], t.nonce[:], b[h:n+t.tag], b[:h])
		}
		return n, err == nil
	}
	mki, tag := b[n:n+len(t.mki)], b[n+len(t.mki):]
	if !equal(mki, t.mki) || !hmac.Equal(tag, t.authenticate(b[:n], index)) {
		return 0, false
	}
	if !t.clear {
		t.xor(b[h:n], ssrc, index)
	}
	return n, true
}

// equal compares what is no secret.
func equal(a, b []byte) bool { return string(a) == string(b) }

// authenticate gives the tag over a packet and its roll-over counter (RFC 3711 §4.2).
func (t *transform) authenticate(b []byte, index uint64) []byte {
	t.mac.Reset()
	t.mac.Write(b)
	binary.BigEndian.PutUint32(t.roc[:], uint32(index>>16))
	t.mac.Write(t.roc[:])
	return t.mac.Sum(t.sum[:0])[:t.tag]
}

// xor is AES in counter mode (RFC 3711 §4.1.1): IV = salt·2^16 ⊕ SSRC·2^64 ⊕ index·2^16.
func (t *transform) xor(b []byte, ssrc uint32, index uint64) {
	copy(t.counter[:14], t.salt[:])
	iv := t.counter[:]
	binary.BigEndian.PutUint32(iv[4:], binary.BigEndian.Uint32(iv[4:])^ssrc)
	binary.BigEndian.PutUint64(iv[6:], binary.BigEndian.Uint64(iv[6:])^index)
	for i := uint16(0); len(b) > 0; i++ {
		binary.BigEndian.PutUint16(iv[14:], i)
		t.block.Encrypt(t.stream[:], iv)
		if len(b) >= aes.BlockSize {
			lo := binary.LittleEndian.Uint64(b) ^ binary.LittleEndian.Uint64(t.stream[:])
			hi := binary.LittleEndian.Uint64(b[8:]) ^ binary.LittleEndian.Uint64(t.stream[8:])
			binary.LittleEndian.PutUint64(b, lo)
			binary.LittleEndian.PutUint64(b[8:], hi)
			b = b[aes.BlockSize:]
			continue
		}
		for j := range b {
			b[j] ^= t.stream[j]
		}
		return
	}
}

// setNonce makes the IV of RFC 7714 §8.1.
func (t *transform) setNonce(ssrc uint32, index uint64) {
	iv := &t.nonce
	copy(iv[:], t.salt[:12])
	binary.BigEndian.PutUint32(iv[2:], binary.BigEndian.Uint32(iv[2:])^ssrc)
	binary.BigEndian.PutUint16(iv[6:], binary.BigEndian.Uint16(iv[6:])^uint16(index>>32))
	binary.BigEndian.PutUint32(iv[8:], binary.BigEndian.Uint32(iv[8:])^uint32(index))
}
