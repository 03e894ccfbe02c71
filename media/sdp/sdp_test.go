package sdp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pion "github.com/pion/sdp/v3"
)

// crlf makes a body of a text.
func crlf(text string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n"))
}

// parse reads a description of the usual head and the lines given.
func parse(t *testing.T, lines ...string) *Description {
	t.Helper()
	text := "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n" + strings.Join(lines, "\n") + "\n"
	d, err := Parse(crlf(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func phones(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../testdata/phones/*.sdp")
	if err != nil || len(files) == 0 {
		t.Fatalf("no phones: %v", err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = crlf(string(body))
	}
	return all
}

// What is not understood stays as it is and where it is.
func TestParse_KeepsEveryLineOfThePhones(t *testing.T) {
	for name, body := range phones(t) {
		d, err := Parse(body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := d.Bytes(); !bytes.Equal(got, body) {
			t.Errorf("%s came back as\n%s", name, got)
		}
		var other pion.SessionDescription
		if err := other.Unmarshal(body); err != nil {
			t.Errorf("%s is no SDP for pion: %v", name, err)
			continue
		}
		if len(other.MediaDescriptions) != len(d.Media) {
			t.Errorf("%s: %d m-lines, pion sees %d", name, len(d.Media), len(other.MediaDescriptions))
			continue
		}
		for i, m := range d.Media {
			if got, want := m.Formats, other.MediaDescriptions[i].MediaName.Formats; !slices.Equal(got, want) {
				t.Errorf("%s: formats %v, pion sees %v", name, got, want)
			}
		}
	}
}

func TestParse_KeepsWhatItDoesNotKnow(t *testing.T) {
	body := crlf(`
v=0
o=- 1 1 IN IP4 192.0.2.1
s=-
x=a type of the future
t=0 0
a=later:1
c=IN IP4 192.0.2.1
m=audio 4000 RTP/AVP 0
a=b:c:d
q=?
a=
`)
	d, err := Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Bytes(); !bytes.Equal(got, body) {
		t.Errorf("came back as\n%s", got)
	}
	bare := bytes.ReplaceAll(body, []byte("\r"), nil)
	if d, err = Parse(bare); err != nil || !bytes.Equal(d.Bytes(), body) {
		t.Errorf("with bare line feeds: %v\n%s", err, d.Bytes())
	}
}

func TestParse_Bounds(t *testing.T) {
	head := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
	for name, body := range map[string]string{
		"nothing":            "",
		"only line ends":     "\r\n\r\n",
		"a body too long":    head + strings.Repeat("a=x\r\n", MaxBody/5),
		"a line too long":    head + "a=" + strings.Repeat("x", MaxLine),
		"too many lines":     head + strings.Repeat("a=\r\n", MaxLines),
		"too many m-lines":   head + strings.Repeat("m=audio 0 RTP/AVP 0\r\n", MaxMedia+1),
		"too many formats":   head + "m=audio 0 RTP/AVP" + strings.Repeat(" 0", MaxFormats+1),
		"an empty line":      head + "\r\na=x",
		"a NUL":              head + "a=x\x00y",
		"a carriage return":  head + "a=x\ry",
		"upper case":         head + "A=x",
		"o= under an m-line": head + "m=audio 0 RTP/AVP 0\r\no=- 1 1 IN IP4 192.0.2.1",
		"two o=":             head + "o=- 1 1 IN IP4 192.0.2.1",
		"two c= of media":    head + "m=audio 0 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1",
	} {
		if _, err := Parse([]byte(body)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, body := range map[string]string{
		"the most lines":   head + strings.Repeat("a=\r\n", MaxLines-3),
		"the most m-lines": head + strings.Repeat("m=audio 0 RTP/AVP 0\r\n", MaxMedia),
		"the most formats": head + "m=audio 0 RTP/AVP" + strings.Repeat(" 0", MaxFormats),
		"the longest line": head + "a=" + strings.Repeat("x", MaxLine-2),
	} {
		if _, err := Parse([]byte(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Keys stand in no log, also where the line that has them cannot be read.
func TestParse_ErrorsShowNoKeys(t *testing.T) {
	const key = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"
	head := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 1 RTP/SAVP 0\r\n"
	for _, line := range []string{" a=crypto:1 x inline:" + key, "m=a inline:" + key, "m=a " + strings.Repeat("x ", 80) + "inline:" + key, "o=inline:" + key} {
		if _, err := Parse([]byte(head + line)); err == nil || strings.Contains(err.Error(), key[:4]) {
			t.Errorf("%q: %v", line, err)
		}
	}
	for _, value := range []string{
		"1 x prompt:" + key, "1 x inline:QUJj|" + key, "1 x inline:" + key + "!", "1 x inline:QUJj|" + key + ":4",
		"1 x inline:QUJj|1:" + key, "1 x inline:QUJj|1:4|" + key, "1 x inline:" + key + ";inline:" + key,
	} {
		if _, err := ParseCrypto(value); err == nil || strings.Contains(err.Error(), key[:4]) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestLines_SetPutsALineWhereRFC8866WantsIt(t *testing.T) {
	d := parse(t, "a=x", "m=audio 4000 RTP/AVP 0", "b=AS:64", "a=y")
	d.Session.RemoveType('c')
	d.Session.Set('c', "IN IP4 192.0.2.9")
	d.Session.Set('s', "again")
	d.Media[0].Set('c', "IN IP4 192.0.2.8")
	want := "v=0 o=- 1 1 IN IP4 192.0.2.1 s=again c=IN IP4 192.0.2.9 t=0 0 a=x m=audio 4000 RTP/AVP 0 c=IN IP4 192.0.2.8 b=AS:64 a=y "
	if got := strings.ReplaceAll(string(d.Bytes()), "\r\n", " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDescription_CloneIsApart(t *testing.T) {
	d := parse(t, "a=x", "m=audio 4000 RTP/AVP 0", "a=y")
	before := string(d.Bytes())
	c := d.Clone()
	c.Session.Add("z", "1")
	c.Session.Set('s', "other")
	c.Media[0].Remove(func(name, _ string) bool { return name == "y" })
	c.Media[0].Port = 7
	if got := string(d.Bytes()); got != before {
		t.Errorf("the original became\n%s", got)
	}
}

func TestDirection(t *testing.T) {
	d := parse(t, "a=sendonly", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31", "a=inactive", "m=text 4004 RTP/AVP 98", "a=recvonly")
	for i, want := range []string{"sendonly", "inactive", "recvonly"} {
		if got := d.Direction(d.Media[i]).String(); got != want {
			t.Errorf("m-line %d: %s, want %s", i+1, got, want)
		}
	}
	d = parse(t, "m=audio 4000 RTP/AVP 0")
	if got := d.Direction(d.Media[0]).String(); got != "sendrecv" {
		t.Errorf("nothing said: %s", got)
	}
}

func TestOrigin(t *testing.T) {
	for value, want := range map[string]string{
		"- 1 2 IN IP4 192.0.2.1":                      "",
		"Ada Ashe 1 2 IN IP4 host":                    "", // a display name, as some phones have it
		"- 99999999999999999999 2 IN IP6 2001:db8::1": "", // the session id is only compared
		"- 1 18446744073709551616 IN IP4 192.0.2.1":   "64 bits",
		"- 1 IN IP4 192.0.2.1":                        "six fields",
		"- 1 -2 IN IP4 192.0.2.1":                     "64 bits",
		"- 1 2":                                       "six fields",
		"":                                            "six fields",
	} {
		o, err := ParseOrigin(value)
		if want == "" && (err != nil || o.String() != value) {
			t.Errorf("%q came back as %q: %v", value, o, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
	}
}

func TestRFC3605_RTCP(t *testing.T) {
	for value, want := range map[string]string{
		"53020":                         "53020 invalid IP",
		"53020 IN IP4 126.16.64.4":      "53020 126.16.64.4",
		"53020 IN IP6 2001:db8::4":      "53020 2001:db8::4",
		"53020 IN IP6 ::ffff:192.0.2.1": "53020 192.0.2.1",
		"53020 IN IP4":                  "malformed",
		"70000":                         "malformed",
		"53020 IN IP4 host.test":        "host names",
	} {
		d := parse(t, "m=audio 4000 RTP/AVP 0", "a=rtcp:"+value)
		port, addr, ok, err := d.Media[0].RTCP()
		got := fmt.Sprint(port, " ", addr)
		if err != nil {
			got = err.Error()
		}
		if !ok && err == nil || !strings.Contains(got, want) {
			t.Errorf("a=rtcp:%s: %s, want %s", value, got, want)
		}
	}
}

func TestConnection(t *testing.T) {
	d := parse(t, "m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127/3", "m=audio 4000 RTP/AVP 0")
	for i, want := range []string{"224.2.1.1", "192.0.2.1"} {
		if got, err := d.Connection(d.Media[i]); err != nil || got != netip.MustParseAddr(want) {
			t.Errorf("m-line %d: %s %v, want %s", i+1, got, err, want)
		}
	}
	for _, value := range []string{"IN IP4", "ATM NSAP x", "IN IP5 192.0.2.1", "IN IP6 192.0.2.1", "IN IP4 ::1", "IN IP4 host", "IN IP6 fe80::1%1", "IN IP4 192.0.2.1 x"} {
		d := parse(t, "m=audio 4000 RTP/AVP 0", "c="+value)
		if addr, err := d.Connection(d.Media[0]); !errors.Is(err, ErrMalformed) {
			t.Errorf("c=%s gave %s, %v", value, addr, err)
		}
	}
}

func TestCodecs(t *testing.T) {
	d := parse(t, "m=audio 4000 RTP/AVP 0 96 101 97 13 9 100", "a=rtpmap:96 OPUS/48000/2", "a=rtpmap:101 telephone-event/8000",
		"a=rtpmap:97 L16/16000/1", "a=rtpmap:98 not/1", "a=rtpmap:100")
	want := []Codec{"pcmu/8000", "opus/48000/2", "telephone-event/8000", "l16/16000", "cn/8000", "g722/8000", ""}
	if got := d.Media[0].Codecs(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for codec, clock := range map[Codec]uint32{"pcmu/8000": 8000, "opus/48000/2": 48000, "": 0, "x": 0, "x/-1": 0, "x/99999999999": 0} {
		if codec.Clock() != clock {
			t.Errorf("%q: a clock of %d", codec, codec.Clock())
		}
	}
	for codec, event := range map[Codec]bool{"pcmu/8000": false, "telephone-event/8000": true, "cn/8000": true, "red/48000/2": true, "": false} {
		if codec.Event() != event {
			t.Errorf("%q: an event is %v", codec, !event)
		}
	}
}

// RFC 4568 §9.1 and its examples of §5.1.1, §6.1, §6.3, §7.
func TestRFC4568_Crypto(t *testing.T) {
	for value, want := range map[string]string{
		"1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32":                                                                        "",
		"1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4":                                                                         "",
		"1 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32":                                                                        "",
		"2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP": "",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|1066:4":                                                                           "",
		"1 AEAD_AES_128_GCM inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpXw UNENCRYPTED_SRTCP":                                                                         "", // no padding
		"":                                      "not a tag",
		"1 AES_CM_128_HMAC_SHA1_80":             "not a tag",
		"x AES_CM_128_HMAC_SHA1_80 inline:QUJj": "tag",
		"1000000000 AES_CM_128_HMAC_SHA1_80 inline:QUJj":                                          "tag",
		"1 AES_CM_128_HMAC_SHA1_80 inline:":                                                       "base64",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJ":                                                    "base64", // trailing bits set
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|0":                                                 "lifetime",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|281474976710657":                                   "lifetime",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|2^300":                                             "lifetime",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|1:4|2^20":                                          "neither",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|1:4|1:4":                                           "neither",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|2^20|1:4|1":                                        "more after",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|256:1":                                             "MKI",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|:1":                                                "MKI",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|-1:1":                                              "MKI",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|1:0":                                               "MKI",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|1:1;inline:QUJk|1:1":                               "differ",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|1:1;inline:QUJk|2:2":                               "one length",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|1:1" + strings.Repeat(";inline:QUJj|1:1", MaxKeys): "keys",
		"1 AES_CM_128_HMAC_SHA1_80 inline:QUJj|" + strings.Repeat("9", 400) + ":128":              "MKI",
	} {
		c, err := ParseCrypto(value)
		switch {
		case want != "":
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", value, err, want)
			}
			if err != nil && strings.Contains(err.Error(), "QUJ") {
				t.Errorf("the key is shown: %v", err)
			}
		case err != nil:
			t.Errorf("%s: %v", value, err)
		default:
			again, err := ParseCrypto(c.String())
			if err != nil || fmt.Sprint(again) != fmt.Sprint(c) {
				t.Errorf("%s is written %s: %v", value, c, err)
			}
		}
	}
	c, err := ParseCrypto("7 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|258:3 KDR=1 WSH=64")
	if err != nil {
		t.Fatal(err)
	}
	key, _ := base64.StdEncoding.DecodeString("PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR")
	if k := c.Keys[0]; c.Tag != 7 || c.Suite != "AES_CM_128_HMAC_SHA1_80" || !bytes.Equal(k.Master, key) ||
		k.Lifetime != 1<<20 || !bytes.Equal(k.MKI, []byte{0, 1, 2}) || !slices.Equal(c.Params, []string{"KDR=1", "WSH=64"}) {
		t.Errorf("read as %+v", c)
	}
}

// RFC 5939 §3.5 and §4: alternatives in their order, what cannot be read passed over.
func TestRFC5939_Potentials(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  []string
	}{
		"RFC 5939 §4.1, best effort": {
			[]string{"m=audio 53456 RTP/AVP 0 18", "a=tcap:1 RTP/SAVPF RTP/SAVP RTP/AVPF",
				"a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "a=acap:2 rtcp-fb:0 nack",
				"a=pcfg:1 t=1 a=1,[2]", "a=pcfg:2 t=2 a=1", "a=pcfg:3 t=3 a=[2]"},
			[]string{"RTP/SAVPF 2 1 t=1 a=1,2", "RTP/SAVP 1 2 t=2 a=1", "RTP/AVPF 1 3 t=3 a=2"},
		},
		"alternatives": {
			[]string{"m=audio 4000 RTP/AVP 0", "a=tcap:1 RTP/SAVP", "a=tcap:2 RTP/SAVPF", "a=acap:1 crypto:1 x", "a=acap:2 crypto:2 y", "a=pcfg:1 t=1|2 a=1|2"},
			[]string{"RTP/SAVP 1 1 t=1 a=1", "RTP/SAVP 1 1 t=1 a=2", "RTP/SAVPF 1 1 t=2 a=1", "RTP/SAVPF 1 1 t=2 a=2"},
		},
		"the lowest number first": {
			[]string{"m=audio 4000 RTP/AVP 0", "a=tcap:1 RTP/SAVP RTP/SAVPF", "a=pcfg:9 t=1", "a=pcfg:2 t=2"},
			[]string{"RTP/SAVPF 0 2 t=2", "RTP/SAVP 0 9 t=1"},
		},
		"attributes deleted": {
			[]string{"m=audio 4000 RTP/AVP 0", "a=tcap:1 RTP/SAVP", "a=acap:1 crypto:1 x", "a=pcfg:1 t=1 a=-m:1"},
			[]string{"RTP/SAVP 1 1 t=1 a=-m:1 drop"},
		},
		"capabilities of the session": {
			[]string{"a=tcap:5 RTP/SAVP", "a=acap:3 crypto:1 x", "m=audio 4000 RTP/AVP 0", "a=pcfg:1 a=3 t=5"},
			[]string{"RTP/SAVP 1 1 t=5 a=3"},
		},
		"what is not there, or cannot be read": {
			[]string{"m=audio 4000 RTP/AVP 0", "a=tcap:1 RTP/SAVP", "a=pcfg:1 t=7", "a=pcfg:2 t=1 a=7", "a=pcfg:3 t=1 a=[7]",
				"a=pcfg:x t=1", "a=pcfg:", "a=pcfg:0 t=1", "a=pcfg:4 t=1 +new=1", "a=pcfg:5 t=1 new=1", "a=tcap:x RTP/SAVP", "a=acap:y z", "a=tcap:8"},
			[]string{"RTP/SAVP 0 3 t=1", "RTP/SAVP 0 5 t=1"},
		},
		"required and known": {
			[]string{"a=creq:cap-v0", "m=audio 4000 RTP/AVP 0", "a=tcap:1 RTP/SAVP", "a=pcfg:1 t=1"},
			[]string{"RTP/SAVP 0 1 t=1"},
		},
		"required and unknown": {
			[]string{"a=creq:cap-v0,med-v0", "m=audio 4000 RTP/AVP 0", "a=tcap:1 RTP/SAVP", "a=pcfg:1 t=1"},
			nil,
		},
		"none": {[]string{"m=audio 4000 RTP/AVP 0", "a=tcap:1 RTP/SAVP"}, nil},
	} {
		d := parse(t, c.lines...)
		var got []string
		for _, p := range d.Potentials(d.Media[0]) {
			text := fmt.Sprintf("%s %d %s", p.Proto, len(p.Attrs), p.Actual)
			if p.DropMedia {
				text += " drop"
			}
			got = append(got, text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
}

func TestRFC5939_PotentialsAreBounded(t *testing.T) {
	lines := []string{"m=audio 4000 RTP/AVP 0", "a=tcap:1" + strings.Repeat(" RTP/SAVP", 200)}
	for i := range 20 {
		lines = append(lines, fmt.Sprintf("a=pcfg:%d t=1%s", i+1, strings.Repeat("|2", 100)))
	}
	d := parse(t, lines...)
	if n := len(d.Potentials(d.Media[0])); n != MaxPotentials {
		t.Errorf("%d potential configurations, want %d", n, MaxPotentials)
	}
}

func TestFingerprint(t *testing.T) {
	sum := [32]byte{1, 2, 0xfe}
	text := FormatFingerprint(sum)
	d := parse(t, "a=fingerprint:"+text, "m=audio 4000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:sha-1 00:11", "m=audio 4000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:SHA-256 00:11")
	if got, ok, err := d.Fingerprint(d.Media[0]); !ok || err != nil || got != sum {
		t.Errorf("the session's: %x %v %v", got, ok, err)
	}
	if _, _, err := d.Fingerprint(d.Media[1]); !errors.Is(err, ErrMalformed) {
		t.Errorf("a short one: %v", err)
	}
}

func TestICE(t *testing.T) {
	d := parse(t, "a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdefghij+/", "m=audio 9 UDP/TLS/RTP/SAVPF 0", "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=ice-ufrag:ab d")
	if ufrag, pwd, ok, err := d.ICE(d.Media[0]); ufrag != "abcd" || len(pwd) != 22 || !ok || err != nil {
		t.Errorf("%q %q %v %v", ufrag, pwd, ok, err)
	}
	if _, _, _, err := d.ICE(d.Media[1]); !errors.Is(err, ErrMalformed) {
		t.Errorf("a space in it: %v", err)
	}
}
