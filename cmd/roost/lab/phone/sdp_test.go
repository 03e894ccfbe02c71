package phone

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone/rtp"
)

func someTerms(srtp Security, suites ...rtp.Suite) *terms {
	return &terms{
		habits: &Habits{SRTP: srtp, Suites: suites}, local: netip.MustParseAddrPort("192.0.2.7:4000"), keys: map[rtp.Suite][]byte{},
		random: func(b []byte) {
			for i := range b {
				b[i] = byte(i)
			}
		},
	}
}

const (
	sdpHead = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	key80   = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
)

// RFC 3264 6: an answer has the offer's m-lines in their order; of several that
// would do the phone takes the one that protects best.
func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		srtp  Security
		offer string
		has   []string // in the answer; nil: it is refused
	}{
		"plain":                     {NoSRTP, "m=audio 5000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\n", []string{"m=audio 4000 RTP/AVP 0 96", "a=sendrecv"}},
		"no PCMU":                   {NoSRTP, "m=audio 5000 RTP/AVP 8 9\r\n", nil},
		"refused audio":             {NoSRTP, "m=audio 0 RTP/AVP 0\r\n", nil},
		"no media":                  {NoSRTP, "", nil},
		"video beside":              {NoSRTP, "m=video 6000 RTP/AVP 99\r\nm=audio 5000 RTP/AVP 0\r\n", []string{"m=video 0 RTP/AVP 99", "m=audio 4000"}},
		"two lines, phone without":  {NoSRTP, "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key80 + "\r\nm=audio 5002 RTP/AVP 0\r\n", []string{"m=audio 0 RTP/SAVP 0", "m=audio 4000 RTP/AVP 0"}},
		"two lines, phone with":     {OptionalSRTP, "m=audio 5002 RTP/AVP 0\r\nm=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key80 + "\r\n", []string{"m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80"}},
		"the second suite":          {EnforcedSRTP, "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:AAAA\r\na=crypto:7 AES_CM_128_HMAC_SHA1_80 " + key80 + "|2^31\r\n", []string{"a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:"}},
		"an MKI":                    {EnforcedSRTP, "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key80 + "|1:4\r\n", nil},
		"a short key":               {EnforcedSRTP, "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAw==\r\n", nil},
		"unprotected by parameter":  {EnforcedSRTP, "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key80 + " UNENCRYPTED_SRTP\r\n", nil},
		"enforced, OSRTP":           {EnforcedSRTP, "m=audio 5000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key80 + "\r\n", nil},
		"capability":                {CapNegSRTP, "m=audio 5000 RTP/AVP 0\r\na=tcap:1 RTP/SAVP\r\na=acap:1 crypto:3 AES_CM_128_HMAC_SHA1_80 " + key80 + "\r\na=pcfg:1 t=1 a=1\r\n", []string{"m=audio 4000 RTP/SAVP 0", "a=crypto:3 ", "a=acfg:1 t=1 a=1"}},
		"capability, alternatives":  {EnforcedSRTP, "m=audio 5000 RTP/AVP 0\r\na=tcap:1 RTP/SAVPF RTP/SAVP\r\na=acap:5 crypto:3 AES_CM_128_HMAC_SHA1_80 " + key80 + "\r\na=pcfg:2 t=2 a=-m:5|6\r\n", []string{"m=audio 4000 RTP/SAVP 0", "a=acfg:2 t=1 a=5"}},
		"held":                      {NoSRTP, "m=audio 5000 RTP/AVP 0\r\na=sendonly\r\n", []string{"a=recvonly"}},
		"inactive for all":          {NoSRTP, "a=inactive\r\nm=audio 5000 RTP/AVP 0\r\n", []string{"a=inactive"}},
		"AVPF is not for this kind": {OptionalSRTP, "m=audio 5000 RTP/SAVPF 0\r\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			terms := someTerms(test.srtp)
			answer, err := terms.answer([]byte(sdpHead + test.offer))
			if (err == nil) != (test.has != nil) {
				t.Fatalf("%v\n%s", err, answer)
			}
			at := 0
			for _, want := range test.has {
				found := strings.Index(string(answer)[at:], want)
				if found < 0 {
					t.Fatalf("no %q (in this order) in\n%s", want, answer)
				}
				at += found
			}
			if err == nil && strings.Contains(string(answer), "a=crypto:") != (terms.config(true).Seal != nil) {
				t.Errorf("keys %+v with\n%s", terms.config(true), answer)
			}
		})
	}
}

// What an answer must not do to the phone's offer.
func TestBadAnswersAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		srtp   Security
		answer string
	}{
		"no voice":               {NoSRTP, ""},
		"voice refused":          {NoSRTP, "m=audio 0 RTP/AVP 0\r\n"},
		"downgraded":             {EnforcedSRTP, "m=audio 5000 RTP/AVP 0\r\n"},
		"protected without keys": {EnforcedSRTP, "m=audio 5000 RTP/SAVP 0\r\n"},
		"not asked for":          {NoSRTP, "m=audio 5000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key80 + "\r\n"},
		"other transport":        {NoSRTP, "m=audio 5000 UDP/TLS/RTP/SAVPF 0\r\n"},
		"no address":             {NoSRTP, "c=IN IP4 example.test\r\nm=audio 5000 RTP/AVP 0\r\n"},
		"endless":                {NoSRTP, strings.Repeat("m=audio 5000 RTP/AVP 0\r\n", maxMedia+1)},
	} {
		terms := someTerms(test.srtp)
		terms.offer()
		if err := terms.accept([]byte(sdpHead + test.answer)); err == nil || terms.agreed {
			t.Errorf("%s: accepted", name)
		}
	}
}

// RFC 3264 8.4: 0.0.0.0 is hold, too; nothing is sent there.
func TestHoldByAddress(t *testing.T) {
	terms := someTerms(NoSRTP)
	terms.offer()
	if err := terms.accept([]byte(strings.Replace(sdpHead, "c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", 1) + "m=audio 5000 RTP/AVP 0\r\n")); err != nil {
		t.Fatal(err)
	}
	if c := terms.config(true); c.Send || c.Remote.IsValid() || !terms.heldThere() {
		t.Errorf("%+v", c)
	}
}

// FuzzSDP: no description makes a phone panic, or take what it must not.
func FuzzSDP(f *testing.F) {
	for _, srtp := range []Security{NoSRTP, OptionalSRTP, CapNegSRTP, EnforcedSRTP} {
		f.Add(string(someTerms(srtp, rtp.Suites()...).offer()))
	}
	f.Add(sdpHead + "m=audio 5000 RTP/AVP 0\r\na=tcap:1 RTP/SAVP\r\na=acap:1 crypto:3 AES_CM_128_HMAC_SHA1_80 " + key80 + "\r\na=pcfg:1 t=1 a=1\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		for _, srtp := range []Security{NoSRTP, OptionalSRTP, CapNegSRTP, EnforcedSRTP} {
			terms := someTerms(srtp, rtp.Suites()...)
			if _, err := terms.answer([]byte(body)); err == nil {
				c := terms.config(true)
				if (srtp == EnforcedSRTP) && (c.Seal == nil || c.Open == nil) || srtp == NoSRTP && c.Seal != nil {
					t.Errorf("%s: %+v", srtp, c)
				}
			}
			terms = someTerms(srtp)
			terms.offer()
			_ = terms.accept([]byte(body))
			terms.config(true)
		}
	})
}

// FuzzCallMessages: no message makes a phone in a call panic.
func FuzzCallMessages(f *testing.F) {
	for _, method := range []string{"INVITE", "UPDATE", "BYE", "REFER", "NOTIFY", "PRACK", "CANCEL", "ACK", "INFO"} {
		f.Add(method+" sip:202@x SIP/2.0", "Refer-To: <sip:203@x?Replaces=a%3Bto-tag%3D1>\r\nEvent: refer\r\nRAck: 1 1 INVITE\r\nReplaces: a;to-tag=1;from-tag=2\r\n", sdpHead+"m=audio 5000 RTP/AVP 0\r\n", true)
	}
	for _, status := range []int{183, 200, 401, 407, 481, 491, 500} {
		f.Add(fmt.Sprintf("SIP/2.0 %d X", status), "Session-Expires: 90;refresher=uac\r\nRequire: 100rel\r\nRSeq: 1\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\nRecord-Route: <sip:a>,<sip:b>\r\n", "", true)
	}
	f.Fuzz(func(t *testing.T, start, fields, body string, inCall bool) {
		o := newOffice(t, Habits{}, byItself())
		o.do("201", Command{Do: "call", To: "202"})
		o.run(5 * time.Second)
		o.do("202", Command{Do: "hold"})
		phone := o.phones["202"]
		if len(phone.calls) == 0 {
			t.Fatal("no call")
		}
		c := phone.calls[0]
		method, _, _ := strings.Cut(start, " ")
		branch := "z9hG4bKfuzz"
		if method == "SIP/2.0" {
			method = "INVITE"
			if c.inviting != nil {
				branch = c.inviting.branch
			}
		}
		head := start + "\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=" + branch + "\r\n"
		if inCall {
			head += fmt.Sprintf("From: %s;tag=%s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:201@127.0.0.20>\r\n",
				c.remote, c.remoteTag, c.local, c.localTag, c.callID, c.cseq+1, method)
		}
		if body != "" {
			head += "Content-Type: application/sdp\r\n"
		}
		message, err := Parse([]byte(head + fields + "\r\n" + body))
		if err != nil {
			return
		}
		o.step("202", Received{0, message})
		o.exchanges[0].down = true // whatever it says now, nobody answers
		o.run(time.Second)
		for _, c := range phone.calls {
			if c.state == over {
				t.Error("a call that is over is still there")
			}
		}
	})
}
