package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"strings"
	"testing"
)

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRFC3711_B2_CounterMode is the key stream of appendix B.2, also at its end, where
// the block counter is 0xfeff, which no packet is long enough for.
func TestRFC3711_B2_CounterMode(t *testing.T) {
	block, err := aes.NewCipher(octets(t, "2B7E151628AED2A6ABF7158809CF4F3C"))
	if err != nil {
		t.Fatal(err)
	}
	tr := transform{block: block}
	copy(tr.salt[:], octets(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
	stream := make([]byte, (0xff01+1)*16)
	tr.xor(stream, 0, 0)
	want := octets(t, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0")
	if !bytes.Equal(stream[:len(want)], want) {
		t.Errorf("the key stream begins %X", stream[:len(want)])
	}
	want = octets(t, "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44")
	if got := stream[0xfeff*16:][:len(want)]; !bytes.Equal(got, want) {
		t.Errorf("the key stream ends %X", got)
	}
}

func TestRFC3711_B3_KeyDerivation(t *testing.T) {
	prf, err := aes.NewCipher(octets(t, "E1F97A0D3E018BE0D64FA32C06DE4139"))
	if err != nil {
		t.Fatal(err)
	}
	salt := octets(t, "0EC675AD498AFEEBB6960B3AABE6")
	for label, want := range map[byte]string{
		labelCipher: "C61E7A93744F39EE10734AFE3FF7A087",
		labelSalt:   "30CBBC08863D8C85D49DB34A9AE1",
		labelAuth:   "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
	} {
		if got := derive(prf, salt, label, len(want)/2); !bytes.Equal(got, octets(t, want)) {
			t.Errorf("label %d: %X, not %s", label, got, want)
		}
	}
}

func TestRFC7714_16_GCM(t *testing.T) {
	for _, c := range []struct{ key, sealed, clear string }{
		{
			"000102030405060708090a0b0c0d0e0f",
			"8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
			"8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 65732249 3f82d2bc e397e9d7 9e3b19aa 4216",
		},
		{
			"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
			"8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
			"8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573a866 d5910f88 7463067c eefec452 15d4",
		},
	} {
		plain := octets(t, "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573")
		for _, clear := range []bool{false, true} {
			want := octets(t, c.sealed)
			if clear {
				want = octets(t, c.clear)
			}
			block, err := aes.NewCipher(octets(t, c.key))
			if err != nil {
				t.Fatal(err)
			}
			tr := transform{tag: 16, clear: clear}
			if tr.aead, err = cipher.NewGCM(block); err != nil {
				t.Fatal(err)
			}
			copy(tr.salt[:], octets(t, "517569642070726f2071756f"))
			b := room(plain)
			n := tr.seal(b, 12, len(plain), 0x5501a0b2, 0xf17b)
			if !bytes.Equal(b[:n], want) {
				t.Errorf("sealed\n%x, not\n%x", b[:n], want)
			}
			if n, ok := tr.open(want, 12, 0x5501a0b2, 0xf17b); !ok || !bytes.Equal(want[:n], plain) {
				t.Errorf("opened %x, %v", want[:n], ok)
			}
		}
	}
}
