package tone

import (
	"math"
	"math/rand/v2"
	"testing"
)

// G.711: known values of the µ-law table, and every code's way there and back.
func TestULaw(t *testing.T) {
	for sample, code := range map[int16]byte{0: 0xff, 32635: 0x80, -32635: 0x00, 8: 0xfe, -8: 0x7e, 1000: 0xce} {
		if got := Encode(sample); got != code {
			t.Errorf("%d is %#02x, want %#02x", sample, got, code)
		}
	}
	var linear [1]int16
	for code := range 256 {
		Decode(linear[:], []byte{byte(code)})
		if back := Encode(linear[0]); back != byte(code) && linear[0] != 0 {
			t.Errorf("%#02x decodes to %d, which encodes to %#02x", code, linear[0], back)
		}
	}
}

// Tones all over the band are recognised to within 3 Hz.
func TestEveryToneIsRecognised(t *testing.T) {
	worst := 0.0
	for hz := Lowest; hz <= Highest; hz += 31 {
		for i, frame := range Frames(hz)[:10] {
			var fresh Detector
			heard := fresh.Hear(frame)
			off := math.Abs(heard - float64(hz))
			if worst = max(worst, off); off > 3 {
				t.Fatalf("%d Hz, frame %d: heard %.1f Hz", hz, i, heard)
			}
		}
	}
	t.Logf("at most %.2f Hz off", worst)
}

// Phones' tones are told apart, also by a Detector that heard another one before.
func TestTonesAreToldApart(t *testing.T) {
	var detector Detector
	frames := make([][]byte, 60)
	for i := range frames {
		frames[i] = Frames(Nth(i))[0]
	}
	for i := range 60 {
		for j := i % 3; j < 60; j += 3 {
			detector.Hear(frames[i])
			heard := detector.Hear(frames[j])
			if !Same(heard, Nth(j)) || (i != j && Same(heard, Nth(i))) {
				t.Fatalf("after %d Hz, %d Hz is heard as %.1f", Nth(i), Nth(j), heard)
			}
		}
	}
	// A tone 8 Hz beside the last one is not taken for it.
	detector.Hear(Frames(1000)[0])
	if heard := detector.Hear(Frames(1012)[0]); math.Abs(heard-1012) > 3 {
		t.Errorf("1012 Hz after 1000 Hz is heard as %.1f", heard)
	}
}

func TestWhatIsNoTone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise, two, quiet := make([]byte, FrameSamples), make([]byte, FrameSamples), make([]byte, FrameSamples)
	for i := range noise {
		noise[i] = Encode(int16(random.IntN(20000) - 10000))
		at := float64(i) / Rate
		two[i] = Encode(int16(6000 * (math.Sin(2*math.Pi*700*at) + math.Sin(2*math.Pi*1650*at))))
		quiet[i] = Encode(int16(20 * math.Sin(2*math.Pi*700*at)))
	}
	for name, frame := range map[string][]byte{"noise": noise, "two tones": two, "too quiet": quiet, "silence": Silence(), "nothing": nil, "a few samples": Frames(700)[0][:20]} {
		var fresh Detector
		if heard := fresh.Hear(frame); heard != 0 {
			t.Errorf("%s is heard as %.1f Hz", name, heard)
		}
	}
}

// A tone with noise 12 dB below it is still heard: a lossy codec would not hide it.
func TestToneInNoise(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	frame := make([]byte, FrameSamples)
	for i := range frame {
		at := float64(i) / Rate
		frame[i] = Encode(int16(8000*math.Sin(2*math.Pi*950*at) + 1400*random.NormFloat64()))
	}
	var fresh Detector
	if heard := fresh.Hear(frame); !Same(heard, 950) {
		t.Errorf("heard %.1f Hz", heard)
	}
}

func BenchmarkHearTheSameTone(b *testing.B) {
	var detector Detector
	frames := Frames(1230)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if detector.Hear(frames[i%len(frames)]) == 0 {
			b.Fatal("no tone")
		}
	}
}
