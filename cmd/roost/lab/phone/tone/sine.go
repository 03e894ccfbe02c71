package tone

import (
	"fmt"
	"math"
)

// Lowest and Highest tone that can be sent and recognised, in Hz.
const (
	Lowest  = 250
	Highest = 3600
)

// step is the spacing of the tones that lie exactly on a frame: each has whole
// periods in 20 ms, so that two of them are orthogonal over a frame.
const step = Rate / FrameSamples // 50 Hz

// loudness of the sine: -10 dBm0 or so, well within µ-law's range.
const loudness = 9000

// Nth is the tone of the i-th phone: neighbours differ by at least 50 Hz, and
// the tones repeat after 60 phones.
func Nth(i int) int { return 350 + step*(i%60) }

// Check says whether a tone can be used.
func Check(hz int) error {
	if hz < Lowest || hz > Highest {
		return fmt.Errorf("tone %d Hz: from %d to %d", hz, Lowest, Highest)
	}
	return nil
}

// Frames are the µ-law frames of one second of a tone of whole hertz; sent again
// and again they join without a click.
func Frames(hz int) [][]byte {
	all := make([]byte, Rate)
	for i := range all {
		all[i] = Encode(int16(loudness * math.Sin(2*math.Pi*float64(hz)*float64(i)/Rate)))
	}
	frames := make([][]byte, Rate/FrameSamples)
	for i := range frames {
		frames[i] = all[i*FrameSamples : (i+1)*FrameSamples : (i+1)*FrameSamples]
	}
	return frames
}

// Silence is a frame of nothing.
func Silence() []byte {
	frame := make([]byte, FrameSamples)
	for i := range frame {
		frame[i] = Encode(0)
	}
	return frame
}
