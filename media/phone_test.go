package media

import (
	"encoding/base64"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"roost/media/sdp"
)

// testPhone writes offers and answers in one dialect, with rapid's choices.
type testPhone struct {
	*rapid.T
	side          Side
	dialect       string
	version       int
	lines, before int        // m-lines that its dialog has, and had before its offer
	origin        sdp.Origin // that it was sent last
	session       byte
	keys          int
}

const testFingerprint = "a=fingerprint:sha-256 3A:96:1F:06:1C:48:B5:70:2D:8B:3C:8E:0F:61:6D:4C:97:56:A0:1F:3D:5C:21:8E:44:09:5B:7A:E2:A0:55:CB\n"

func (ph *testPhone) host() string { return map[Side]string{A: "192.0.2.10", B: "192.0.2.20"}[ph.side] }

func (ph *testPhone) head() string {
	ph.version++
	c := ph.host()
	if ph.dialect != "dtls" && rapid.IntRange(0, 9).Draw(ph.T, "old hold") == 0 {
		c = "0.0.0.0"
	}
	return fmt.Sprintf("v=0\no=%s 77 %d IN IP4 %s\ns=-\nc=IN IP4 %s\nt=0 0\n", ph.side, ph.version, ph.host(), c)
}

// key makes a key that no other phone has: its side, dialect and number.
func (ph *testPhone) key(suite Suite) string {
	ph.keys++
	raw := make([]byte, suite.KeyOctets())
	copy(raw, fmt.Sprintf("%d %s %d", ph.session, ph.side, ph.keys))
	return base64.StdEncoding.EncodeToString(raw)
}

func (ph *testPhone) cryptos() []string {
	return []string{
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + ph.key(AES128CM80),
		"2 F8_128_HMAC_SHA1_80 inline:" + ph.key(AES128CM80),
		"3 AEAD_AES_256_GCM inline:" + ph.key(AES256GCM) + " UNENCRYPTED_SRTCP",
	}
}

func (ph *testPhone) direction() string {
	return rapid.SampledFrom([]string{"", "", "", "a=sendonly\n", "a=recvonly\n", "a=inactive\n"}).Draw(ph.T, "direction")
}

// offer has the m-lines that the dialog has, and perhaps one or two more.
func (ph *testPhone) offer() *sdp.Description {
	ph.before = ph.lines
	n := max(1, ph.lines)
	if n < 6 {
		n += rapid.IntRange(0, 2).Draw(ph.T, "more")
	}
	var b strings.Builder
	b.WriteString(ph.head())
	for i := 0; i < n; i++ {
		port := 4000 + 2*i
		if i > 0 && rapid.IntRange(0, 3).Draw(ph.T, "disabled") == 0 {
			port = 0
		}
		kind := "audio"
		if i > 0 {
			kind = rapid.SampledFrom([]string{"audio", "video", "image", "message"}).Draw(ph.T, "kind")
		}
		ph.mline(&b, kind, port, i)
	}
	d, err := sdp.Parse([]byte(b.String()))
	if err != nil {
		ph.Fatalf("%v\n%s", err, b.String())
	}
	ph.lines = len(d.Media)
	return d
}

func (ph *testPhone) mline(b *strings.Builder, kind string, port, mid int) {
	switch kind {
	case "image":
		fmt.Fprintf(b, "m=image %d udptl t38\n", port)
		return
	case "message":
		fmt.Fprintf(b, "m=message %d TCP/MSRP *\n", port)
		return
	}
	format := "0 101"
	rest := "a=rtpmap:101 telephone-event/8000\n" + ph.direction()
	if rapid.Bool().Draw(ph.T, "mux") {
		rest += "a=rtcp-mux\n"
	}
	switch ph.dialect {
	case "plain":
		fmt.Fprintf(b, "m=%s %d RTP/AVP %s\n%s", kind, port, format, rest)
	case "dtls":
		fmt.Fprintf(b, "m=%s %d UDP/TLS/RTP/SAVPF %s\n%sa=mid:%d\na=setup:actpass\na=ice-ufrag:abcd\na=ice-pwd:Vn9y2hC5j5kT0t0m2p6uQxYd\n%s", kind, port, format, rest, mid, testFingerprint)
	case "two":
		fmt.Fprintf(b, "m=%s %d RTP/SAVP %s\n%sa=crypto:%s\n", kind, port, format, rest, strings.Join(ph.cryptos(), "\na=crypto:"))
		if mid == 0 && kind == "audio" && ph.before != 1 {
			fmt.Fprintf(b, "m=%s %d RTP/AVP %s\n%s", kind, port, format, rest)
		}
	case "capneg":
		fmt.Fprintf(b, "m=%s %d RTP/AVP %s\n%sa=tcap:1 RTP/SAVP\n", kind, port, format, rest)
		for i, c := range ph.cryptos() {
			fmt.Fprintf(b, "a=acap:%d crypto:%s\n", i+1, c)
		}
		b.WriteString("a=pcfg:1 t=1 a=1|3|2\n")
	default:
		proto := map[string]string{"savp": "RTP/SAVP", "osrtp": "RTP/AVP"}[ph.dialect]
		fmt.Fprintf(b, "m=%s %d %s %s\n%sa=crypto:%s\n", kind, port, proto, format, rest, strings.Join(ph.cryptos(), "\na=crypto:"))
	}
}

// answer takes or rejects each m-line. It does SRTP where it is offered and the
// dialect has it; a phone of the plain dialect answers only plain m-lines.
func (ph *testPhone) answer(offer *sdp.Description) *sdp.Description {
	var b strings.Builder
	b.WriteString(ph.head())
	taken := false
	for i, m := range offer.Media {
		port := 6000 + 2*i
		if m.Port == 0 || i > 0 && rapid.IntRange(0, 4).Draw(ph.T, "rejects") == 0 {
			port = 0
		}
		cryptos := slicesOf(m, "crypto")
		proto, actual := m.Proto, ""
		var potentials []sdp.Potential
		if ph.dialect == "capneg" {
			potentials = offer.Potentials(m)
		}
		if len(potentials) > 0 {
			p := potentials[0]
			_, attr, _ := strings.Cut(p.Attrs[0], ":")
			proto, actual, cryptos = p.Proto, p.Actual, []string{attr}
		}
		if m.Kind == "audio" && i > 0 && taken && sameMedium(offer.Media[i-1], m) {
			port = 0 // the second of two ways
		}
		fmt.Fprintf(&b, "m=%s %d %s %s\n", m.Kind, port, proto, strings.Join(m.Formats, " "))
		if port == 0 || !strings.Contains(proto, "RTP/") {
			taken = false
			continue
		}
		taken = strings.Contains(proto, "SAVP")
		b.WriteString("a=rtpmap:101 telephone-event/8000\n" + ph.direction())
		if m.Has("rtcp-mux") && rapid.Bool().Draw(ph.T, "mux") {
			b.WriteString("a=rtcp-mux\n")
		}
		if m.Has("fingerprint") {
			setup := rapid.SampledFrom([]string{"active", "passive"}).Draw(ph.T, "setup")
			fmt.Fprintf(&b, "a=setup:%s\na=ice-ufrag:abcd\na=ice-pwd:Vn9y2hC5j5kT0t0m2p6uQxYd\n%s", setup, testFingerprint)
		}
		if len(cryptos) > 0 && (ph.dialect != "plain" || strings.Contains(proto, "SAVP")) {
			ph.takeCrypto(&b, cryptos)
		}
		if actual != "" {
			fmt.Fprintf(&b, "a=acfg:%s\n", actual)
		}
	}
	d, err := sdp.Parse([]byte(b.String()))
	if err != nil {
		ph.Fatalf("%v\n%s", err, b.String())
	}
	return d
}

func sameMedium(first, second *sdp.Media) bool {
	return first.Kind == second.Kind && strings.Contains(first.Proto, "SAVP") && !strings.Contains(second.Proto, "SAVP")
}

// takeCrypto answers one of the offered cryptos, of a suite that it knows.
func (ph *testPhone) takeCrypto(b *strings.Builder, offered []string) {
	for _, value := range offered {
		c, err := sdp.ParseCrypto(value)
		suite, ok := ParseSuite(c.Suite)
		if err != nil || !ok {
			continue
		}
		params := ""
		if len(c.Params) > 0 {
			params = " " + strings.Join(c.Params, " ")
		}
		fmt.Fprintf(b, "a=crypto:%d %s inline:%s%s\n", c.Tag, c.Suite, ph.key(suite), params)
		return
	}
}
