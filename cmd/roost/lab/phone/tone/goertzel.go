package tone

import "math"

const (
	// pure is the least part of a frame's energy that must be in one tone.
	pure = 0.75
	// audible is the least mean square of a frame: about -45 dBm0.
	audible = 150.0 * 150.0 / 2
)

// goertzel gives the part (0 to about 1) of the samples' energy that lies at hz.
func goertzel(samples []int16, energy, hz float64) float64 {
	w := 2 * math.Pi * hz / Rate
	coefficient := 2 * math.Cos(w)
	s1, s2 := 0.0, 0.0
	for _, sample := range samples {
		s1, s2 = float64(sample)+coefficient*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - coefficient*s1*s2
	return 2 * power / (float64(len(samples)) * energy)
}

func energyOf(samples []int16) float64 {
	sum := 0.0
	for _, sample := range samples {
		sum += float64(sample) * float64(sample)
	}
	return sum
}

// Detector hears one voice. It remembers the tone that it heard last, so that a
// tone that goes on costs one filter a frame and not a bank. The zero Detector
// is ready; it is not safe for concurrent use.
type Detector struct {
	last    float64 // Hz, refined
	samples [FrameSamples]int16
}

// Hear gives the tone of a frame of µ-law, in Hz to about 3 Hz: 0 if it is silent,
// noise or several tones at once. Frames may be shorter than 20 ms, not longer.
func (d *Detector) Hear(ulaw []byte) float64 {
	samples := d.samples[:min(len(ulaw), FrameSamples)]
	Decode(samples, ulaw[:len(samples)])
	return d.hear(samples)
}

func (d *Detector) hear(samples []int16) float64 {
	energy := energyOf(samples)
	if len(samples) < FrameSamples/4 || energy < audible*float64(len(samples)) {
		return 0
	}
	// 0.97 and not merely pure: a tone a few hertz beside would be taken for it.
	if d.last > 0 && goertzel(samples, energy, d.last) > 0.97 {
		return d.last
	}
	found := search(samples, energy)
	if found > 0 {
		d.last = found
	}
	return found
}

// search looks through a bank of filters 50 Hz apart, and then closer around the
// strongest: a pure tone's response has one peak there, 50 Hz to each side.
func search(samples []int16, energy float64) float64 {
	best, most := 0.0, 0.0
	for hz := float64(Lowest); hz <= Highest; hz += step {
		if part := goertzel(samples, energy, hz); part > most {
			best, most = hz, part
		}
	}
	low, high := best-step, best+step
	for high-low > 0.5 {
		third := (high - low) / 3
		if goertzel(samples, energy, low+third) < goertzel(samples, energy, high-third) {
			low += third
		} else {
			high -= third
		}
	}
	best = (low + high) / 2
	if goertzel(samples, energy, best) < pure {
		return 0
	}
	return best
}

// Same says whether a tone heard is the one that was sent: within 12 Hz, a
// quarter of the distance between two phones' tones.
func Same(heard float64, sent int) bool { return math.Abs(heard-float64(sent)) <= 12 }
