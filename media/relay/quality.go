package relay

import "math"

// mos estimates a mean opinion score, 1 to 4.5, from jitter in milliseconds and the
// part of packets lost (0 to 1), after ITU-T G.107 in the simplified form of Cole and
// Rosenbluth (2001). The codec is taken as G.711 with loss concealment (Bpl 25.1,
// ITU-T G.113 appendix I); the delay, of which a relay knows one end only, as 40 ms
// and a jitter buffer of twice the jitter.
func mos(jitter, lost float64) float64 {
	delay := 40 + 2*jitter
	percent := 100 * min(1, max(0, lost))
	impairment := 95 * percent / (percent + 25.1)
	late := 0.024 * delay
	if delay > 177.3 {
		late += 0.11 * (delay - 177.3)
	}
	r := min(100, max(0, 93.2-late-impairment))
	score := 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
	return math.Round(min(4.5, max(1, score))*100) / 100
}
