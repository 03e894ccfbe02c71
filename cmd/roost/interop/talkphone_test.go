package interop

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestInterop_BaresipTalksToASimulatedPhone: baresip and a phone of ours (roost phone)
// call each other, with plain RTP on one side and SDES-SRTP on the other, and with SRTP
// that both insist on. Each hears the other's tone.
func TestInterop_BaresipTalksToASimulatedPhone(t *testing.T) {
	t.Parallel()
	needTool(t, "baresip")
	s := newSite(t)
	host := s.address("london")
	s.write("london", fmt.Sprintf("lab: true\nmedia: {ports: %s, security: preferred}", mediaPorts),
		[]string{"220", "221", "230", "231"})
	london := s.serve("london")

	// The callee of the first is ours, of the second baresip.
	called := s.phone("230", host, 1500, "--srtp", "none")
	caller := startTalker(t, s, talker{number: "220", host: host, hz: 700, srtp: "srtp-mand"})
	callee := startTalker(t, s, talker{number: "221", host: host, hz: 900, srtp: "srtp-mand"})
	london.until(30*time.Second, "three are registered", registered(3))
	caller.dial("230")
	calling := s.phone("231", host, 1700, "--srtp", "enforced", "--call", "221", "--talk", "6s")

	caller.hears(30*time.Second, 1500)
	callee.hears(30*time.Second, 1700)
	talk{from: talker{number: "220"}, to: talker{number: "230"}, path: "anchored", security: [2]string{sdes, "none"}}.carried(t, london, true)
	talk{from: talker{number: "231"}, to: talker{number: "221"}, path: "direct", security: [2]string{sdes, sdes}}.carried(t, london, true)
	if err := calling.wait(60 * time.Second); err != nil {
		t.Errorf("the calling phone did not hear its callee to the end: %v", err)
	}
	caller.command("hangup", "")
	until(t, 20*time.Second, "the called phone has told of its call", func() (bool, string) {
		return strings.Contains(called.said(), "heard 700 Hz"), called.said()
	})
	if !strings.Contains(calling.said(), "heard 900 Hz") {
		t.Errorf("the calling phone said %s", calling.said())
	}
}

// phone starts a simulated phone; its number is 2NN, its address the site's NN.
func (s *site) phone(number, host string, hz int, more ...string) *program {
	s.t.Helper()
	args := []string{"phone", host, "--number", number, "--password", "secret" + number,
		"--address", s.net + number[1:], "--tone", fmt.Sprint(hz)}
	p := start(s.t, s.dir, os.Getenv(binaryVariable), append(args, more...)...)
	p.name = "phone " + number
	return p
}
