package h225

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"roost/signaling/h323/per"
)

// sample is a line of testdata/h323.
type sample struct {
	name string
	data []byte
}

// samples reads a file of captured messages, NAME HEX a line.
func samples(tb testing.TB, file string) []sample {
	tb.Helper()
	text, err := os.ReadFile("../../../testdata/h323/" + file)
	if err != nil {
		tb.Fatal(err)
	}
	var all []sample
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, digits, _ := strings.Cut(line, " ")
		data, err := hex.DecodeString(strings.TrimSpace(digits))
		if err != nil {
			tb.Fatalf("%s: %s: %v", file, name, err)
		}
		all = append(all, sample{name, data})
	}
	return all
}

// message is a top-level type of the package.
type message interface {
	Append([]byte) ([]byte, error)
}

func roundTrip(t *testing.T, s sample, m message) {
	t.Helper()
	again, err := m.Append(nil)
	if err != nil {
		t.Errorf("%s: %v", s.name, err)
		return
	}
	if !bytes.Equal(again, s.data) {
		t.Errorf("%s: encoded again:\n%x\nwas\n%x", s.name, again, s.data)
	}
	text, err := per.JSON(m)
	if err != nil || !json.Valid(text) {
		t.Errorf("%s: no JSON: %v: %s", s.name, err, text)
	}
}

func TestRAS_EachCapturedMessageDecodesAndEncodesToTheSameOctets(t *testing.T) {
	for _, file := range []string{"ras.txt", "crafted-ras.txt"} {
		for _, s := range samples(t, file) {
			m, err := DecodeRAS(s.data)
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
				continue
			}
			roundTrip(t, s, m)
		}
	}
}

func TestUserInformation_EachCapturedMessageDecodesAndEncodesToTheSameOctets(t *testing.T) {
	for _, s := range samples(t, "uuie.txt") {
		m, err := DecodeUserInformation(s.data)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		roundTrip(t, s, m)
	}
}
