package tone

import "math/bits"

// Rate is how many samples a second has, FrameSamples how many a frame of 20 ms.
const (
	Rate         = 8000
	FrameSamples = 160
)

const (
	ulawBias = 0x84
	ulawClip = 32635
)

// Encode gives a linear sample in G.711 µ-law.
func Encode(sample int16) byte {
	value, sign := int(sample), byte(0)
	if value < 0 {
		value, sign = -value, 0x80
	}
	value = min(value, ulawClip) + ulawBias
	exponent := bits.Len(uint(value)) - 8 // the highest bit is between 7 and 14
	mantissa := byte(value>>(exponent+3)) & 0x0f
	return ^(sign | byte(exponent)<<4 | mantissa)
}

// Decode gives the linear samples of µ-law octets; into must be as long as they.
func Decode(into []int16, ulaw []byte) {
	for i, octet := range ulaw {
		octet = ^octet
		value := (int(octet&0x0f)<<3+ulawBias)<<(octet>>4&7) - ulawBias
		if octet&0x80 != 0 {
			value = -value
		}
		into[i] = int16(value)
	}
}
