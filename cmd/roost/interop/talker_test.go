package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone/tone"
)

// talker is a baresip that answers by itself, says a tone and writes down what it hears.
// Its number is 2NN, and its address the site's NN, also for its media.
type talker struct {
	number, host string
	tls          bool
	srtp         string // baresip's mediaenc: srtp, srtp-mand; "" for none
	hz           int    // of its tone
}

// talking is such a baresip at work.
type talking struct {
	*program
	talker
	at    string // its IP address
	heard string // the folder of its WAV files
}

// ctrlPort is where a talker takes commands (baresip's ctrl_tcp).
const ctrlPort = 4444

func startTalker(t *testing.T, s *site, k talker) *talking {
	t.Helper()
	dir := "baresip-" + k.number
	b := &talking{talker: k, at: s.net + k.number[1:], heard: filepath.Join(s.dir, dir)}
	transport, port := "udp", sipPort
	if k.tls {
		transport, port = "tls", sipsPort
	}
	account := fmt.Sprintf("<sip:%[1]s@example.test;transport=%[3]s>;auth_user=%[1]s;auth_pass=secret%[1]s;outbound=\"sip:%[2]s:%[4]d;transport=%[3]s\";answermode=auto;regint=90",
		k.number, k.host, transport, port)
	if k.srtp != "" {
		account += ";mediaenc=" + k.srtp
	}
	if k.tls {
		account += ";sipnat=outbound"
	}
	s.file(dir+"/accounts", account+"\n")
	s.file(dir+"/contacts", "")
	s.file(dir+"/config", fmt.Sprintf(`poll_method epoll
net_interface %[1]s
sip_listen %[1]s:0
sip_cafile %[2]s
audio_path /usr/share/baresip
audio_source aufile,%[3]s
audio_player aubridge,nobody
snd_path %[4]s
rtp_ports 22000-22999
ctrl_tcp_listen %[1]s:%[5]d
module_path /usr/lib/baresip/modules
module uuid.so
module g711.so
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
`, b.at, filepath.Join(s.dir, "root.crt"), s.wav("tone-"+k.number+".wav", k.hz, tone.Rate, 60), b.heard, ctrlPort))
	b.program = start(t, s.dir, "stdbuf", "-oL", "baresip", "-4", "-f", dir)
	b.name = "baresip " + k.number
	return b
}

// command has baresip do something, such as dial, and waits for its answer. Commands and
// answers are JSON in netstrings; events may come before the answer.
func (b *talking) command(name, params string) {
	b.t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(b.at, strconv.Itoa(ctrlPort)), 10*time.Second)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		b.t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{"command": name, "params": params, "token": "1"})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "%d:%s,", len(text), text); err != nil {
		b.t.Fatal(err)
	}
	for in := bufio.NewReader(conn); ; {
		said, err := netstring(in)
		if err != nil {
			b.t.Fatalf("%s did not answer %s %s: %v", b.name, name, params, err)
		}
		var answer struct {
			Response, OK bool
			Data         string
		}
		if err := json.Unmarshal(said, &answer); err != nil {
			b.t.Fatalf("%s said %q: %v", b.name, said, err)
		}
		if answer.Response {
			if !answer.OK {
				b.t.Fatalf("%s does not %s %s: %s", b.name, name, params, answer.Data)
			}
			return
		}
	}
}

// netstring reads LENGTH:BYTES, of 64 kB at most.
func netstring(in *bufio.Reader) ([]byte, error) {
	prefix, err := in.ReadString(':')
	if err != nil {
		return nil, err
	}
	length, err := strconv.Atoi(strings.TrimSuffix(prefix, ":"))
	if err != nil || length < 0 || length > 64<<10 {
		return nil, fmt.Errorf("%q is no netstring's length", prefix)
	}
	text := make([]byte, length+1)
	if _, err := io.ReadFull(in, text); err != nil {
		return nil, err
	}
	return text[:length], nil
}

func (b *talking) dial(number string) { b.t.Helper(); b.command("dial", number) }

// hears waits until a second of the tone is in what baresip wrote down.
func (b *talking) hears(within time.Duration, hz int) {
	b.t.Helper()
	hears(b.t, b.name, b.frames, within, hz, 0)
}

// frames counts those of 20 ms of the tone in what baresip wrote down, in words too.
func (b *talking) frames(hz int) (found int, is string) {
	files, err := filepath.Glob(filepath.Join(b.heard, "*dec.wav"))
	if err != nil || len(files) == 0 {
		return 0, "nothing was written down yet"
	}
	for _, file := range files { // it begins another now and then
		written, err := os.ReadFile(file)
		if err != nil {
			return 0, err.Error()
		}
		here := tonesIn(written, hz)
		found += here
		is += fmt.Sprintf("%s: %d bytes, %d frames of it; ", filepath.Base(file), len(written), here)
	}
	return found, is
}
