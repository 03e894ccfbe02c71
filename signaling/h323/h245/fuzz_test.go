package h245

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"roost/signaling/h323/per"
	"roost/signaling/h323/per/pertest"
)

type message interface {
	Append([]byte) ([]byte, error)
}

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

func FuzzDecode(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.data)
	}
	for _, m := range built(pertest.Filler{Rand: rand.New(rand.NewPCG(5, 6))}, 1) {
		data, err := m.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	fuzz(f, Decode)
}

func FuzzDecodeOpenLogicalChannel(f *testing.F) {
	fill := pertest.Filler{Rand: rand.New(rand.NewPCG(7, 8))}
	for range 20 {
		var channel OpenLogicalChannel
		fill.Fill(&channel)
		data, err := channel.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	fuzz(f, DecodeOpenLogicalChannel)
}
