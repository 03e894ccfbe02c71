package interop

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"roost/cmd/roost/lab/phone/tone"
)

// debianPython is the one that has Debian's modules; another may be first in the path.
const debianPython = "/usr/bin/python3"

func hasLibsrtp() bool {
	return exec.Command(debianPython, "-c", "import pylibsrtp").Run() == nil
}

// sealedStream is what a relay encrypts for a phone: the port that it sends from, the suite
// and its key (RFC 4568), as roost signalled them to that phone.
type sealedStream struct{ port, suite, key string }

var offeredPort = regexp.MustCompile(`\bm=audio (\d+) `)

// sealedFor finds what a system told the caller of a call, in an answer, or the callee,
// in an offer, at last: its port, and its key for the suite that was agreed.
func (r recording) sealedFor(t *testing.T, system, caller, callee, suite string, toCaller bool) (found sealedStream) {
	t.Helper()
	offeredKey := regexp.MustCompile(`\ba=crypto:\d+ ` + suite + ` inline:([A-Za-z0-9+/]+=*)`)
	kind := "sip.Request-Line"
	if toCaller {
		kind = "sip.Status-Line"
	}
	filter := fmt.Sprintf("ip.src == %s && sdp && %s && sip.from.user == %q && sip.to.user == %q", system, kind, caller, callee)
	told := r.dissect(t, filter, "sdp.media", "sdp.media_attr")
	for _, line := range told {
		// The fields have what follows m= and a=, with commas between them.
		line = "m=" + strings.ReplaceAll(line, "\t", "\ta=")
		line = strings.ReplaceAll(line, ",crypto:", ",a=crypto:")
		port, key := offeredPort.FindStringSubmatch(line), offeredKey.FindStringSubmatch(line)
		if port != nil && key != nil {
			found = sealedStream{port[1], suite, key[1]}
		}
	}
	if found.key == "" {
		t.Fatalf("%s told no key (%s): %q", system, filter, told)
	}
	return found
}

// unsealed decrypts a stream by libsrtp: the voice, in µ-law, and how many packets were
// not what the key makes.
func (r recording) unsealed(t *testing.T, system string, stream sealedStream) (voice []byte, forged int) {
	t.Helper()
	packets := r.dissect(t, fmt.Sprintf("ip.src == %s && udp.srcport == %s && rtp && !icmp", system, stream.port), "udp.payload")
	script, err := filepath.Abs("testdata/srtp/unprotect.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), debianPython, script, stream.suite, stream.key)
	cmd.Stdin = strings.NewReader(strings.Join(packets, "\n") + "\n")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, complaint.String())
	}
	for line := range strings.Lines(string(output)) {
		packet, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || len(packet) < 12 || packet[1]&0x7f != 0 {
			forged++
			continue
		}
		voice = append(voice, packet[12+4*int(packet[0]&0x0f):]...)
	}
	return voice, forged
}

// opens proves that what a system encrypted for the caller or the callee of a call is the
// tone of the other, by the key that it signalled, and by no other.
func (c *capture) opens(t *testing.T, system string, caller, callee talker, suite string, toCaller bool) {
	t.Helper()
	phone, hz := callee.number, caller.hz
	if toCaller {
		phone, hz = caller.number, callee.hz
	}
	stream := c.sealedFor(t, system, caller.number, callee.number, suite, toCaller)
	voice, forged := c.unsealed(t, system, stream)
	heard := tonesOf(voice, hz)
	t.Logf("to %s from port %s by %s: %d bytes of voice, %d frames of %d Hz, %d packets forged", phone, stream.port, suite, len(voice), heard, hz, forged)
	if heard < tone.Rate/tone.FrameSamples/2 || forged > 0 {
		t.Errorf("what %s sent to %s: %d frames of %d Hz were heard, %d packets are not what the key makes", system, phone, heard, hz, forged)
	}
	stream.key = "AAAA" + stream.key[4:]
	if voice, _ := c.unsealed(t, system, stream); len(voice) > 0 {
		t.Errorf("what was sent to %s is decrypted with another key too: %d bytes", phone, len(voice))
	}
}
