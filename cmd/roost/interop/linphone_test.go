package interop

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	config := s.file(dir+"/linphonerc", fmt.Sprintf(`[sip]
default_proxy=0
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
root_ca=%[1]s
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

func (l *linphone) hears(within time.Duration, hz int) {
	l.t.Helper()
	until(l.t, within, fmt.Sprintf("%s hears %d Hz", l.name, hz), func() (bool, string) {
		written, err := os.ReadFile(l.heard)
		if err != nil {
			return false, err.Error()
		}
		found := tonesIn(written, hz)
		return found >= tone.Rate/tone.FrameSamples, fmt.Sprintf("%d bytes, %d frames of it", len(written), found)
	})
}

// TestInterop_LinphoneTalksToBaresip: linphonec and baresip call each other.
func TestInterop_LinphoneTalksToBaresip(t *testing.T) {
	t.Parallel()
	needTool(t, "linphonec")
	needTool(t, "baresip")
	s := newSite(t)
	host := s.address("london")
	s.write("london", fmt.Sprintf("lab: true\nmedia: {ports: %s, security: preferred}", mediaPorts), []string{"220", "240"})
	london := s.serve("london")
	lo := s.capture()
	desk := startTalker(t, s, talker{number: "220", host: host, hz: 700})
	soft := startLinphone(t, s, talker{number: "240", host: host, hz: 1500})
	london.until(40*time.Second, "both are registered", registered(2))
	soft.say("call 220")
	desk.hears(30*time.Second, 1500)
	soft.hears(30*time.Second, 700)
	soft.say("terminate")
	london.until(20*time.Second, "the call has ended", noCalls)
	lo.judge(t, 10, london.address)
}
