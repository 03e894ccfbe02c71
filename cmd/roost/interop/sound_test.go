package interop

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone/tone"
)

// wav writes so many seconds of a tone as a WAV file of 16 bits, at rate samples a second.
func (s *site) wav(name string, hz, rate, seconds int) string {
	s.t.Helper()
	var b strings.Builder
	put := func(n int, v uint32) {
		for range n {
			b.WriteByte(byte(v))
			v >>= 8
		}
	}
	b.WriteString("RIFF")
	put(4, uint32(36+rate*seconds*2))
	b.WriteString("WAVEfmt ")
	for _, f := range [][2]uint32{{4, 16}, {2, 1}, {2, 1}, {4, uint32(rate)}, {4, uint32(rate) * 2}, {2, 2}, {2, 16}} {
		put(int(f[0]), f[1])
	}
	b.WriteString("data")
	put(4, uint32(rate*seconds*2))
	for i := range rate * seconds {
		put(2, uint32(int16(12000*math.Sin(2*math.Pi*float64(hz)*float64(i)/float64(rate)))))
	}
	return s.file(name, b.String())
}

// hears waits until who writes down what it hears has heard a tone for another second,
// besides the frames that were there before.
func hears(t *testing.T, name string, frames func(hz int) (int, string), within time.Duration, hz, before int) {
	t.Helper()
	until(t, within, fmt.Sprintf("%s hears %d Hz", name, hz), func() (bool, string) {
		found, is := frames(hz)
		return found >= before+tone.Rate/tone.FrameSamples, is
	})
}

// tonesIn counts the frames of 20 ms in a WAV file of 8,000 samples a second in which a
// tone is heard.
func tonesIn(wav []byte, hz int) int {
	const header = 44
	var ulaw []byte
	for i := header; i+1 < len(wav); i += 2 {
		ulaw = append(ulaw, tone.Encode(int16(binary.LittleEndian.Uint16(wav[i:]))))
	}
	return tonesOf(ulaw, hz)
}

// tonesOf counts the same in G.711 µ-law.
func tonesOf(ulaw []byte, hz int) (found int) {
	var ear tone.Detector
	for ; len(ulaw) >= tone.FrameSamples; ulaw = ulaw[tone.FrameSamples:] {
		if tone.Same(ear.Hear(ulaw[:tone.FrameSamples]), hz) {
			found++
		}
	}
	return found
}
