package h225

import (
	"bytes"
	"testing"

	"roost/signaling/h323/per"
)

// fuzz feeds octets to a decoder. What decodes must encode, must then decode to the
// same value, and must print.
func fuzz[M message](f *testing.F, decode func([]byte) (M, error)) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			return
		}
		first, err := m.Append(nil)
		if err != nil {
			t.Fatalf("%x decodes, but does not encode: %v", data, err)
		}
		again, err := decode(first)
		if err != nil {
			t.Fatalf("%x became %x, which does not decode: %v", data, first, err)
		}
		second, err := again.Append(nil)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%x became %x, then %x: %v", data, first, second, err)
		}
		was, err := per.JSON(m)
		if err != nil {
			t.Fatal(err)
		}
		if is, _ := per.JSON(again); !bytes.Equal(was, is) {
			t.Fatalf("%x reads\n%s\nthen\n%s", data, was, is)
		}
	})
}

func FuzzDecodeRAS(f *testing.F) {
	for _, file := range []string{"ras.txt", "crafted-ras.txt"} {
		for i, s := range samples(f, file) {
			if file == "crafted-ras.txt" || i%8 == 0 {
				f.Add(s.data)
			}
		}
	}
	fuzz(f, DecodeRAS)
}

func FuzzDecodeUserInformation(f *testing.F) {
	for i, s := range samples(f, "uuie.txt") {
		if i%4 == 0 {
			f.Add(s.data)
		}
	}
	fuzz(f, DecodeUserInformation)
}

func FuzzDecodeClearToken(f *testing.F) {
	f.Add(md5Token)
	f.Add([]byte{0, 1, 0})
	fuzz(f, DecodeClearToken)
}
