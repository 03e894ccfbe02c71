package interop

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone/tone"
)

// linphone is linphonec, the console's softphone, with files instead of a sound card.
type linphone struct {
	*program
	words io.Writer // its standard input
	heard string    // the WAV file of what it hears
}

// startLinphone starts one that answers by itself.
func startLinphone(t *testing.T, s *site, k talker) *linphone {
	t.Helper()
	dir := "linphone-" + k.number
	transport, encryption := "udp", "none"
	if k.tls {
		transport, encryption = "tls", "srtp"
	}
	port := map[bool]int{false: sipPort, true: sipsPort}[k.tls]
	// Its TLS compares a certificate with names alone, not with addresses: no verify_server_cn.
	config := s.file(dir+"/linphonerc", fmt.Sprintf(`[sip]
default_proxy=0
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
root_ca=%[1]s
verify_server_cn=0
media_encryption=%[2]s
bind_address=%[3]s
[net]
mtu=1300
firewall_policy=0
[rtp]
audio_rtp_port=23000-23999
[sound]
echocancellation=0
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
[proxy_0]
reg_proxy=<sip:%[4]s:%[5]d;transport=%[6]s>
reg_route=<sip:%[4]s:%[5]d;transport=%[6]s;lr>
reg_identity=sip:%[7]s@example.test
reg_expires=120
reg_sendregister=1
publish=0
[auth_info_0]
username=%[7]s
passwd=secret%[7]s
realm=example.test
`, filepath.Join(s.dir, "root.crt"), encryption, s.net+k.number[1:], k.host, port, transport, k.number))
	s.file(dir+"/.local/share/linphone/none", "") // the folder must be there
	l := &linphone{heard: filepath.Join(s.dir, dir, "heard.wav")}
	cmd := exec.Command("stdbuf", "-oL", "linphonec", "-a", "-c", config, "-d", "6", "-l", filepath.Join(s.dir, dir, "log"))
	cmd.Env = append(os.Environ(), "HOME="+filepath.Join(s.dir, dir))
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, l.words = in, out
	l.program = startAs(t, s.dir, cmd)
	in.Close()
	t.Cleanup(func() { out.Close() })
	l.name = "linphonec " + k.number
	t.Cleanup(func() {
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(s.dir, dir, "log"))
			t.Logf("%s logged at last (%v):\n%s", l.name, err, log[max(0, len(log)-10000):])
		}
	})
	l.say("soundcard use files")
	l.say("play " + s.wav(dir+"/tone.wav", k.hz, tone.Rate, 60))
	l.say("record " + l.heard)
	return l
}

// say types a command.
func (l *linphone) say(words string) {
	l.t.Helper()
	if _, err := io.WriteString(l.words, words+"\n"); err != nil {
		l.t.Fatalf("%s does not hear %q: %v", l.name, words, err)
	}
}

func (l *linphone) hears(within time.Duration, hz, before int) {
	l.t.Helper()
	hears(l.t, l.name, l.frames, within, hz, before)
}

// frames counts those of 20 ms of the tone in what it wrote down, in words too.
func (l *linphone) frames(hz int) (int, string) {
	written, err := os.ReadFile(l.heard)
	if err != nil {
		return 0, err.Error()
	}
	found := tonesIn(written, hz)
	return found, fmt.Sprintf("%d bytes, %d frames of it", len(written), found)
}

// TestInterop_LinphoneTalksToBaresip: linphonec, with SDES-SRTP over TLS, calls baresip
// and transfers it (REFER) to another baresip, which then calls linphonec. Each hears the
// tone of whom it is to hear.
func TestInterop_LinphoneTalksToBaresip(t *testing.T) {
	t.Parallel()
	needTool(t, "linphonec")
	needTool(t, "baresip")
	s := newSite(t)
	host := s.address("london")
	s.write("london", fmt.Sprintf("lab: true\nmedia: {ports: %s, security: preferred}", mediaPorts), []string{"220", "221", "240"})
	london := s.serve("london", "--key-log", s.keyLog())
	lo := s.capture()
	desk := startTalker(t, s, talker{number: "220", host: host, hz: 700})
	third := startTalker(t, s, talker{number: "221", host: host, hz: 1100, srtp: "srtp-mand"})
	soft := startLinphone(t, s, talker{number: "240", host: host, hz: 1500, tls: true})
	london.until(40*time.Second, "all are registered", registered(3))

	soft.say("call 220")
	desk.hears(30*time.Second, 1500)
	soft.hears(30*time.Second, 700, 0)
	calling := talk{from: talker{number: "240"}, to: desk.talker, path: "anchored", security: [2]string{sdes, "none"}}
	calling.carried(t, london, true)
	soft.say("transfer 221")
	third.hears(30*time.Second, 700)
	desk.hears(30*time.Second, 1100)
	desk.command("hangup", "")
	london.until(20*time.Second, "the call has ended", noCalls)

	third.dial("240")
	soft.hears(30*time.Second, 1100, 0)
	third.hears(30*time.Second, 1500)
	soft.say("terminate")
	london.until(20*time.Second, "the second call has ended", noCalls)
	lo.judge(t, 30, london.address)
}

// TestInterop_LinphoneHolds: linphonec calls a phone of ours, holds the call, and
// resumes it. (baresip 1.0 hears nothing more once it was held, also without a server.)
func TestInterop_LinphoneHolds(t *testing.T) {
	t.Parallel()
	needTool(t, "linphonec")
	s := newSite(t)
	host := s.address("london")
	s.write("london", fmt.Sprintf("lab: true\nmedia: {ports: %s, security: preferred}", mediaPorts), []string{"230", "240"})
	london := s.serve("london")
	lo := s.capture()
	held := s.phone("230", host, 700)
	soft := startLinphone(t, s, talker{number: "240", host: host, hz: 1500})
	london.until(40*time.Second, "both are registered", registered(2))
	soft.say("call 230")
	soft.hears(30*time.Second, 700, 0)
	soft.say("pause")
	london.untilCall(20*time.Second, "held", "230")
	before, _ := soft.frames(700)
	soft.say("resume")
	london.untilCall(20*time.Second, "talking", "230")
	soft.hears(30*time.Second, 700, before)
	soft.say("terminate")
	london.until(20*time.Second, "the call has ended", noCalls)
	until(t, 20*time.Second, "the phone has heard linphonec", func() (bool, string) {
		return strings.Contains(held.said(), "heard 1500 Hz"), held.said()
	})
	t.Log(held.said())
	lo.judge(t, 15, london.address)
}

// untilCall waits until a call with a number is in a state.
func (s *system) untilCall(within time.Duration, state, number string) {
	s.t.Helper()
	until(s.t, within, number+" is "+state, func() (bool, string) {
		list, err := s.console.Calls(s.t.Context(), 100)
		if err != nil {
			return false, err.Error()
		}
		for _, c := range list.Calls {
			if (string(c.From.Number) == number || string(c.To.Number) == number) && c.State == state {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%+v", list.Calls)
	})
}
