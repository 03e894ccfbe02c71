package h225

import "testing"

// maxAllocations is the target of notes/h323.md for a RAS message.
const maxAllocations = 10

func TestRAS_FewAllocationsAMessage(t *testing.T) {
	for _, s := range samples(t, "ras.txt") {
		m, err := DecodeRAS(s.data)
		if err != nil {
			t.Fatal(err)
		}
		if decoding := testing.AllocsPerRun(5, func() { _, _ = DecodeRAS(s.data) }); decoding > maxAllocations {
			t.Errorf("%s: %v allocations to decode, at most %d", s.name, decoding, maxAllocations)
		}
		buf := make([]byte, 0, 2048)
		if encoding := testing.AllocsPerRun(5, func() { _, _ = m.Append(buf) }); encoding > 0 {
			t.Errorf("%s: %v allocations to encode into a buffer that is large enough", s.name, encoding)
		}
	}
}
