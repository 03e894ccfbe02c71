package sdp

import (
	"strconv"
	"strings"
)

// Codec is a format of RTP by its name, as in a=rtpmap: lower case, with its clock
// rate: "pcmu/8000", "opus/48000/2".
type Codec string

// Clock is its RTP clock rate in Hz; 0 where it is not said.
func (c Codec) Clock() uint32 {
	_, rest, _ := strings.Cut(string(c), "/")
	rate, _, _ := strings.Cut(rest, "/")
	hz, err := strconv.ParseUint(rate, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(hz)
}

// Event tells that it is no codec for voice but goes beside one: DTMF, comfort
// noise, redundancy.
func (c Codec) Event() bool {
	name, _, _ := strings.Cut(string(c), "/")
	switch name {
	case "telephone-event", "cn", "red", "rtx", "ulpfec", "flexfec-03", "tone":
		return true
	}
	return false
}

// static are the payload types that need no a=rtpmap (RFC 3551 §6).
var static = map[string]Codec{
	"0": "pcmu/8000", "3": "gsm/8000", "4": "g723/8000", "5": "dvi4/8000", "6": "dvi4/16000",
	"7": "lpc/8000", "8": "pcma/8000", "9": "g722/8000", "10": "l16/44100/2", "11": "l16/44100",
	"12": "qcelp/8000", "13": "cn/8000", "14": "mpa/90000", "15": "g728/8000", "18": "g729/8000",
	"26": "jpeg/90000", "31": "h261/90000", "32": "mpv/90000", "34": "h263/90000",
}

// Codecs gives the codec of each of an m-line's formats, in their order; "" where it
// is not said.
func (m *Media) Codecs() []Codec {
	codecs := make([]Codec, len(m.Formats))
	for i, format := range m.Formats {
		codecs[i] = static[format]
	}
	for value := range m.Attrs("rtpmap") {
		format, name, ok := strings.Cut(value, " ")
		if !ok {
			continue
		}
		for i := range m.Formats {
			if m.Formats[i] == format {
				codecs[i] = Codec(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), "/1"))
			}
		}
	}
	return codecs
}

// PayloadTypes gives the formats as RTP payload types. One that is no number of 0
// to 127 is an error.
func (m *Media) PayloadTypes() ([]uint8, error) {
	types := make([]uint8, len(m.Formats))
	for i, format := range m.Formats {
		n, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			return nil, malformed("format %q of m=%s is no RTP payload type (0 to 127)", clip(format), clip(m.Kind))
		}
		types[i] = uint8(n)
	}
	return types, nil
}
