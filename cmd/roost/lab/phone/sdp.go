package phone

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"roost/cmd/roost/lab/phone/rtp"
)

// Bounds of a session description that a phone looks at.
const (
	maxMedia  = 8
	maxCrypto = 16
)

var errSDP = errors.New("unusable session description")

// session is what a phone reads of a session description (RFC 4566).
type session struct{ media []mediaLine }

// mediaLine is one m= line with what follows it.
type mediaLine struct {
	kind, proto string
	port        uint16
	formats     []string
	address     netip.Addr
	direction   string // sendrecv if it is not said
	events      uint8  // payload type of telephone-event/8000, 0 for none
	crypto      []cryptoLine
	// capable are the crypto lines of an RTP/SAVP potential configuration, pcfg its
	// number; acfg what an answer says that it has chosen.
	capable       []cryptoLine
	tcap, acap    map[string]string
	pcfg, pcfgOf  string
	acfg, rawAcap string
}

// cryptoLine is a=crypto (RFC 4568 9.1).
type cryptoLine struct {
	tag   string
	suite rtp.Suite
	key   []byte
}

// parseSDP reads a body.
func parseSDP(body []byte) (*session, error) {
	s := &session{}
	var address netip.Addr
	direction := "sendrecv"
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n") {
		kind, value, found := strings.Cut(line, "=")
		if !found {
			continue
		}
		var m *mediaLine
		if len(s.media) > 0 {
			m = &s.media[len(s.media)-1]
		}
		switch kind {
		case "m":
			made, err := parseMedia(value)
			if err != nil || len(s.media) >= maxMedia {
				return nil, fmt.Errorf("%w: m=%.60s", errSDP, value)
			}
			made.address, made.direction = address, direction
			s.media = append(s.media, made)
		case "c":
			at, err := parseConnection(value)
			if err != nil {
				return nil, err
			}
			if m == nil {
				address = at
			} else {
				m.address = at
			}
		case "a":
			if m == nil {
				if isDirection(value) {
					direction = value
				}
			} else {
				m.attribute(value)
			}
		}
	}
	for i := range s.media {
		s.media[i].potential()
	}
	return s, nil
}

func parseMedia(value string) (mediaLine, error) {
	fields := strings.Fields(value)
	if len(fields) < 4 {
		return mediaLine{}, errSDP
	}
	written, _, _ := strings.Cut(fields[1], "/")
	port, err := strconv.ParseUint(written, 10, 16)
	return mediaLine{
		kind: fields[0], port: uint16(port), proto: fields[2], formats: fields[3:],
		tcap: map[string]string{}, acap: map[string]string{},
	}, err
}

func parseConnection(value string) (netip.Addr, error) {
	fields := strings.Fields(value)
	if len(fields) != 3 {
		return netip.Addr{}, fmt.Errorf("%w: c=%.60s", errSDP, value)
	}
	written, _, _ := strings.Cut(fields[2], "/")
	at, err := netip.ParseAddr(written)
	if err != nil {
		return at, fmt.Errorf("%w: c=%.60s: no IP address", errSDP, value)
	}
	return at, nil
}

func isDirection(value string) bool {
	return slices.Contains([]string{"sendrecv", "sendonly", "recvonly", "inactive"}, value)
}

func (m *mediaLine) attribute(value string) {
	if isDirection(value) {
		m.direction = value
		return
	}
	name, content, _ := strings.Cut(value, ":")
	switch name {
	case "rtpmap":
		format, encoding, _ := strings.Cut(content, " ")
		if strings.EqualFold(strings.TrimSpace(encoding), "telephone-event/8000") {
			if n, err := strconv.ParseUint(format, 10, 7); err == nil && slices.Contains(m.formats, format) {
				m.events = uint8(n)
			}
		}
	case "crypto":
		if line, ok := parseCrypto(content); ok && len(m.crypto) < maxCrypto {
			m.crypto = append(m.crypto, line)
		}
	case "tcap":
		first, protos, _ := strings.Cut(content, " ")
		n, err := strconv.Atoi(first)
		for i, proto := range strings.Fields(protos) {
			if err == nil && len(m.tcap) < maxCrypto {
				m.tcap[strconv.Itoa(n+i)] = proto
			}
		}
	case "acap":
		if number, attribute, found := strings.Cut(content, " "); found && len(m.acap) < maxCrypto {
			m.acap[number] = attribute
		}
	case "pcfg":
		if m.pcfgOf == "" || !m.secure(m.pcfgOf) {
			m.pcfg, m.pcfgOf, _ = strings.Cut(content, " ")
		}
	case "acfg":
		m.acfg = content
	}
}

// secure says whether a potential configuration is RTP/SAVP.
func (m *mediaLine) secure(configuration string) bool {
	for word := range strings.FieldsSeq(configuration) {
		if number, ok := strings.CutPrefix(word, "t="); ok {
			first, _, _ := strings.Cut(number, "|")
			return m.tcap[first] == "RTP/SAVP"
		}
	}
	return false
}

// potential gathers the crypto lines of a secure potential configuration (RFC
// 5939 3.5.1): a=[-m:]N,M|O; of alternatives the first is looked at.
func (m *mediaLine) potential() {
	if m.pcfgOf == "" || !m.secure(m.pcfgOf) {
		return
	}
	for word := range strings.FieldsSeq(m.pcfgOf) {
		numbers, ok := strings.CutPrefix(word, "a=")
		if !ok {
			continue
		}
		if _, rest, found := strings.Cut(numbers, ":"); found {
			numbers = rest
		}
		numbers, _, _ = strings.Cut(numbers, "|")
		m.rawAcap = numbers
		for number := range strings.SplitSeq(numbers, ",") {
			number = strings.Trim(number, "[]")
			if content, ok := strings.CutPrefix(m.acap[number], "crypto:"); ok {
				if line, ok := parseCrypto(content); ok {
					m.capable = append(m.capable, line)
				}
			}
		}
	}
}

// parseCrypto reads "TAG SUITE inline:KEY[|lifetime] …". Lines that a phone
// cannot do are passed over: unknown suites, an MKI, session parameters that
// change what is protected.
func parseCrypto(content string) (cryptoLine, bool) {
	fields := strings.Fields(content)
	if len(fields) < 3 {
		return cryptoLine{}, false
	}
	for _, parameter := range fields[3:] {
		if strings.HasPrefix(parameter, "UN") || strings.HasPrefix(parameter, "KDR") || strings.HasPrefix(parameter, "FEC") {
			return cryptoLine{}, false
		}
	}
	line := cryptoLine{tag: fields[0], suite: rtp.Suite(fields[1])}
	inline, ok := strings.CutPrefix(fields[2], "inline:")
	if !ok || strings.Contains(inline, ":") || strings.Contains(inline, ";") {
		return line, false
	}
	inline, _, _ = strings.Cut(inline, "|")
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(inline, "="))
	master, salt := line.suite.Sizes()
	line.key = key
	return line, err == nil && master > 0 && len(key) == master+salt
}

func (c cryptoLine) String() string {
	return fmt.Sprintf("crypto:%s %s inline:%s", c.tag, c.suite, base64.StdEncoding.EncodeToString(c.key))
}
