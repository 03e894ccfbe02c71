package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// badDescriptions offers what no media can be agreed on.
func badDescriptions(t *testing.T, s *stage) {
	host := s.ip(62).String()
	good := s.mal.offer()
	refuse := map[string]string{
		"no session description":   "hello, world\r\n",
		"binary":                   "v=0\r\n\x00\xff\xfe\r\nm=audio",
		"no media":                 strings.Join(strings.Split(good, "\r\n")[:5], "\r\n") + "\r\n",
		"all media refused":        sdp(host, 0, "RTP/AVP"),
		"no port":                  strings.Replace(good, "m=audio", "m=audio x", 1),
		"a port beyond 65535":      sdp(host, 70000, "RTP/AVP"),
		"no connection line":       strings.Replace(good, "c=IN IP4 "+host+"\r\n", "", 1),
		"a host's name":            sdp("evil.example", 4000, "RTP/AVP"),
		"multicast":                sdp("239.1.2.3", 4000, "RTP/AVP"),
		"multicast with a TTL":     sdp("224.2.1.1/127", 4000, "RTP/AVP"),
		"multicast RTCP":           good + "a=rtcp:4001 IN IP4 239.1.2.3\r\n",
		"broadcast":                sdp("255.255.255.255", 4000, "RTP/AVP"),
		"a network that is none":   sdp("0.1.2.3", 4000, "RTP/AVP"),
		"RTCP at our signalling":   good + "a=rtcp:5060 IN IP4 " + s.ip(11).String() + "\r\n",
		"a thousand m-lines":       good + strings.Repeat("m=audio 4000 RTP/AVP 0\r\n", 1000),
		"payload types beyond":     strings.Replace(good, " 0 101", " 0 300", 1),
		"a line of 9,000 bytes":    good + "a=" + strings.Repeat("x", 9000) + "\r\n",
		"DTLS with no fingerprint": sdp(host, 4000, "UDP/TLS/RTP/SAVPF", "a=setup:actpass", "a=rtcp-mux"),
	}
	for i, at := range s.own() {
		refuse[fmt.Sprintf("our own signalling port %d", i)] = sdp(at.Addr().String(), int(at.Port()), "RTP/AVP")
	}
	for name, body := range refuse {
		if m := s.mal.refused("203", body); m.status != 488 && m.status != 400 && m.status != 413 {
			t.Errorf("%s: %s", name, m.text)
		}
	}
	// Huge bodies, where the limit is of bytes: over UDP one message, over TCP the stream.
	huge := good + strings.Repeat("a=x-filler:0123456789012345678901234567890123456789\r\n", 1000)
	if m := s.mal.refused("203", huge); m.status != 413 && m.status != 513 {
		t.Errorf("a description of %d bytes: %s", len(huge), m.text)
	}
	s.relayLoops(t)
}

// relayLoops has a phone name the relay's own port as where it listens: packets must not
// run in a circle.
func (s *stage) relayLoops(t *testing.T) {
	ann, bob := s.connected()
	port := ann.peer.audio() // where the relay listens to ann
	r := ann.asking("INVITE", sdp(port.Addr().String(), int(port.Port()), "RTP/AVP"))
	s.ann.send(s.ann.write(r))
	// Who is offered nonsense agrees all the same.
	if m, came := s.bob.within(time.Second, func(m mail) bool { return m.is("INVITE") && m.header("Call-ID") == bob.callID }); came {
		bob.reply(m, 200, "OK", s.bob.offer())
	}
	if m := s.ann.await("answer to the offer of the relay's own port", 5*time.Second, answers(r)); m.status < 400 {
		t.Errorf("an offer of the relay's own port was agreed on: %s", m.text)
	} else {
		s.ann.ackRefusal(r, m)
	}
	before := s.london.status().Counters["media_packets"]
	for i := range uint16(100) {
		_, _ = s.bob.voice.WriteToUDPAddrPort(rtp(i, 0xb0, 0xb0), bob.peer.audio())
	}
	until(t, "bob's packets are there", func() (bool, string) {
		now := s.london.status().Counters
		return now["media_packets"]+now["media_held"]+now["media_strange"] > 0, ""
	})
	first := s.london.status().Counters["media_packets"]
	if first-before > 2000 {
		t.Errorf("100 packets became %v", first-before)
	}
	s.talkBoth(ann, bob, 1000)
	end(ann, bob)
}

// badKeys offers crypto lines that are wrong, each with a key that must not be logged.
func badKeys(t *testing.T, s *stage) {
	key := func(n int) string {
		letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		var b strings.Builder
		for range n {
			b.WriteByte(letters[rand.IntN(len(letters))])
		}
		s.secrets = append(s.secrets, strings.ToLower(b.String()))
		return b.String()
	}
	host, port := s.ip(62).String(), 4000
	refuse := map[string][]string{
		"a short key":        {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key(20)},
		"a long key":         {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key(44)},
		"a key for another":  {"a=crypto:1 AEAD_AES_256_GCM inline:" + key(40)},
		"no base64":          {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key(20) + "!!!!" + key(16)},
		"no key":             {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"},
		"no inline":          {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 uri:http://evil.example/" + key(20)},
		"no tag":             {"a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:" + key(40)},
		"an unknown suite":   {"a=crypto:1 NULL_HMAC_SHA1_80 inline:" + key(40)},
		"no line at all":     nil,
		"a hundred lines":    strings.Split(strings.TrimSuffix(strings.Repeat("a=crypto:1 F8_128_HMAC_SHA1_80 inline:"+key(40)+"\n", 100), "\n"), "\n"),
		"an MKI of 500 byte": {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key(40) + "|2^31|1:500"},
	}
	for name, lines := range refuse {
		if m := s.mal.refused("203", sdp(host, port, "RTP/SAVP", lines...)); m.status != 488 && m.status != 400 {
			t.Errorf("%s: %s", name, m.text)
		}
	}
	// Two calls with the same key: neither may make the relay use a key twice for sending.
	twice := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key(40)
	a := s.mal.call("203", sdp(host, port, "RTP/SAVP", twice))
	b := s.mal.call("204", sdp(host, port, "RTP/SAVP", twice))
	ours := func(c *deskCall) string {
		_, rest, _ := strings.Cut(c.peer.body(), "inline:")
		k, _, _ := strings.Cut(rest, "\r\n")
		return k
	}
	if x, y := ours(a), ours(b); x == "" || x == y || strings.Contains(twice, x) {
		t.Error("the relay's keys of two calls are the same, missing, or the phone's own")
	}
	s.secrets = append(s.secrets, strings.ToLower(ours(a)), strings.ToLower(ours(b)))
	a.hangUp()
	b.hangUp()
}

// holdByZero holds a call the old way, and takes it back.
func holdByZero(t *testing.T, s *stage) {
	ann, bob := s.connected()
	s.talkBoth(ann, bob, 1)
	change := func(what, body string) {
		t.Helper()
		r := ann.asking("INVITE", body)
		s.ann.send(s.ann.write(r))
		m := s.bob.await("re-INVITE", 10*time.Second, func(m mail) bool { return m.is("INVITE") && m.header("Call-ID") == bob.callID })
		bob.reply(m, 200, "OK", s.bob.offer())
		got := s.ann.await("answer to re-INVITE", 10*time.Second, answers(r))
		if got.status != 200 {
			t.Fatalf("%s: %s", what, got.text)
		}
		ann.ack(r.cseq)
		s.bob.await("ACK", 10*time.Second, func(m mail) bool { return m.is("ACK") && m.header("Call-ID") == bob.callID })
	}
	at := s.ann.voice.LocalAddr().String()
	_, port, _ := strings.Cut(at, ":")
	change("hold by 0.0.0.0", strings.Replace(s.ann.offer(), "c=IN IP4 "+s.ip(60).String(), "c=IN IP4 0.0.0.0", 1))
	_ = s.ann.voice.SetReadDeadline(time.Now())
	for i := range uint16(20) {
		_, _ = s.bob.voice.WriteToUDPAddrPort(rtp(500+i, 0xb0, 0xb0), bob.peer.audio())
	}
	_ = s.ann.voice.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := s.ann.voice.Read(make([]byte, 2048)); err == nil {
		t.Errorf("who holds gets %d bytes at port %s", n, port)
	}
	change("resume", s.ann.offer())
	s.talkBoth(ann, bob, 2000)
	end(ann, bob)
}
