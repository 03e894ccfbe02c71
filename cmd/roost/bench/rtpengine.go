package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"roost/media"
)

// rtpengine is the rival of the relay, in user space, driven by its ng protocol.
type rtpengine struct {
	*process
	conn    *net.UDPConn
	version string
	missing string
	cookie  int
}

const ngPort = 2223

func (b *bench) startRTPEngine(ctx context.Context) (*rtpengine, error) {
	if b.alone {
		return &rtpengine{missing: "rtpengine was left out"}, nil
	}
	program, _ := exec.LookPath("rtpengine")
	if program == "" {
		return &rtpengine{missing: "rtpengine is not installed (apt-get install rtpengine-daemon): not compared"}, nil
	}
	r := &rtpengine{}
	if said, err := exec.CommandContext(ctx, program, "--version").CombinedOutput(); err == nil {
		r.version = strings.TrimSpace(strings.TrimPrefix(string(said), "Version: "))
	}
	at := b.address("rtpengine")
	var err error
	r.process, err = b.start("rtpengine", b.cores.server, program, "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=3",
		"--interface="+at.String(), fmt.Sprintf("--listen-ng=%s:%d", at, ngPort),
		fmt.Sprintf("--port-min=%d", mediaFirst), fmt.Sprintf("--port-max=%d", mediaLast))
	if err != nil {
		return nil, err
	}
	r.conn, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, ngPort)))
	if err == nil {
		err = r.until(ctx, upWithin, "answered", func(context.Context) error {
			_, err := r.ask(map[string]string{"command": "ping"})
			return err
		})
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *rtpengine) end() {
	if r.process != nil {
		r.conn.Close()
		r.stop()
	}
}

// ask sends a command of the ng protocol, a bencoded dictionary, and gives the answer's
// strings.
func (r *rtpengine) ask(command map[string]string) (map[string]string, error) {
	r.cookie++
	keys := make([]string, 0, len(command))
	for k := range command {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var text strings.Builder
	fmt.Fprintf(&text, "%d d", r.cookie)
	for _, k := range keys {
		fmt.Fprintf(&text, "%d:%s%d:%s", len(k), k, len(command[k]), command[k])
	}
	text.WriteString("e")
	if _, err := r.conn.Write([]byte(text.String())); err != nil {
		return nil, err
	}
	if err := r.conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return nil, err
	}
	answer := make([]byte, 16<<10)
	n, err := r.conn.Read(answer)
	if err != nil {
		return nil, err
	}
	_, body, _ := bytes.Cut(answer[:n], []byte(" "))
	said := bencoded(body)
	if said["result"] != "ok" && said["result"] != "pong" {
		return nil, fmt.Errorf("rtpengine to %s: %q", command["command"], body)
	}
	return said, nil
}

// bencoded gives the strings of a flat dictionary.
func bencoded(b []byte) map[string]string {
	said := map[string]string{}
	var key *string
	for len(b) > 1 {
		b = bytes.TrimLeft(b, "de")
		length, rest, ok := bytes.Cut(b, []byte(":"))
		n, err := strconv.Atoi(string(length))
		if !ok || err != nil || n > len(rest) {
			return said
		}
		word := string(rest[:n])
		b = rest[n:]
		if key == nil {
			key = &word
			continue
		}
		said[*key] = word
		key = nil
	}
	return said
}

// open has rtpengine relay a call: an offer of A's and an answer of B's.
func (r *rtpengine) open(c *mediaCall) error {
	profile := "RTP/AVP"
	crypto := ""
	if c.theirs != nil {
		profile = "RTP/SAVP"
		crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.StdEncoding.EncodeToString(c.theirs.Master) + "\r\n"
	}
	common := map[string]string{"call-id": fmt.Sprintf("%s-%d", c.far[0], r.cookie), "from-tag": "a", "ICE": "remove"}
	offer := map[string]string{"command": "offer", "sdp": description(c.far[0], profile, crypto), "transport-protocol": "RTP/AVP"}
	answer := map[string]string{"command": "answer", "to-tag": "b", "sdp": description(c.far[1], "RTP/AVP", ""), "transport-protocol": profile}
	for k, v := range common {
		offer[k], answer[k] = v, v
	}
	toB, err := r.ask(offer)
	if err != nil {
		return err
	}
	toA, err := r.ask(answer)
	if err != nil {
		return err
	}
	if c.local[0], err = portOf(toA["sdp"]); err != nil {
		return err
	}
	if c.local[1], err = portOf(toB["sdp"]); err != nil {
		return err
	}
	if c.theirs == nil {
		return nil
	}
	_, after, ok := strings.Cut(toA["sdp"], "AES_CM_128_HMAC_SHA1_80 inline:")
	if !ok || len(after) < 40 {
		return fmt.Errorf("rtpengine offers no key: %q", toA["sdp"])
	}
	master, err := base64.StdEncoding.DecodeString(after[:40])
	c.ours = &media.Key{Suite: media.AES128CM80, Master: master}
	return err
}

func description(at netip.AddrPort, profile, crypto string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d %s 0\r\na=rtpmap:0 PCMU/8000\r\n%sa=sendrecv\r\n",
		at.Addr(), at.Addr(), at.Port(), profile, crypto)
}

// portOf gives where a session description wants audio.
func portOf(sdp string) (netip.AddrPort, error) {
	var ip netip.Addr
	var port uint64
	for line := range strings.Lines(sdp) {
		words := strings.Fields(line)
		var err error
		switch {
		case len(words) == 3 && words[0] == "c=IN":
			ip, err = netip.ParseAddr(words[2])
		case len(words) > 2 && words[0] == "m=audio":
			port, err = strconv.ParseUint(words[1], 10, 16)
		}
		if err != nil {
			return netip.AddrPort{}, err
		}
	}
	if !ip.IsValid() || port == 0 {
		return netip.AddrPort{}, errors.Join(errors.New("no address for audio in " + strconv.Quote(sdp)))
	}
	return netip.AddrPortFrom(ip, uint16(port)), nil
}
