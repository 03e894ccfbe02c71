package rtp

import "strings"

// digits in the order of their event codes (RFC 4733 3.2).
const digits = "0123456789*#ABCD"

const (
	digitFrames = 6 // 120 ms
	endFrames   = 3 // the end is sent three times
	pauseFrames = 5 // between two digits
)

// IsDigit says whether a phone has a key for it.
func IsDigit(digit rune) bool { return strings.ContainsRune(digits, digit) }

// keys are the digits that wait to be sent, and how far the first of them is.
type keys struct {
	waiting []byte
	frame   int
	start   uint32 // timestamp of the event
}

// next gives the packet in a frame's place: ok is false if the frame is voice's.
func (k *keys) next(timestamp uint32) (payload [4]byte, start uint32, first, ok bool) {
	if len(k.waiting) == 0 {
		return payload, 0, false, false
	}
	frame := k.frame
	k.frame++
	if frame >= digitFrames+endFrames {
		if frame+1 >= digitFrames+endFrames+pauseFrames {
			k.waiting, k.frame = k.waiting[1:], 0
		}
		return payload, 0, false, false
	}
	if frame == 0 {
		k.start = timestamp
	}
	length := uint16(min(frame+1, digitFrames)) * eventFrame
	payload = [4]byte{byte(strings.IndexByte(digits, k.waiting[0])), 10, byte(length >> 8), byte(length)}
	if frame >= digitFrames {
		payload[1] |= 0x80
	}
	return payload, k.start, frame == 0, true
}

// heardKeys tells each digit once, when its end is heard.
type heardKeys struct {
	known bool
	start uint32
}

func (h *heardKeys) take(p packet) (digit rune, ok bool) {
	if len(p.payload) < 4 || int(p.payload[0]) >= len(digits) || p.payload[1]&0x80 == 0 {
		return 0, false
	}
	if h.known && h.start == p.timestamp {
		return 0, false
	}
	h.known, h.start = true, p.timestamp
	return rune(digits[p.payload[0]]), true
}
