package h245

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"roost/signaling/h323/per"
)

// sample is a line of testdata/h323/h245.txt.
type sample struct {
	name string
	data []byte
}

func samples(tb testing.TB) []sample {
	tb.Helper()
	text, err := os.ReadFile("../../../testdata/h323/h245.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var all []sample
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, digits, _ := strings.Cut(line, " ")
		data, err := hex.DecodeString(strings.TrimSpace(digits))
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		all = append(all, sample{name, data})
	}
	return all
}

func TestH245_EachCapturedMessageDecodesAndEncodesToTheSameOctets(t *testing.T) {
	for _, s := range samples(t) {
		m, err := Decode(s.data)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		again, err := m.Append(nil)
		if err != nil || !bytes.Equal(again, s.data) {
			t.Errorf("%s: %v: encoded again:\n%x\nwas\n%x", s.name, err, again, s.data)
		}
		text, err := per.JSON(m)
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: no JSON: %v: %s", s.name, err, text)
		}
	}
}
