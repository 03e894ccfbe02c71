package interop

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone/tone"
)

var (
	//go:embed testdata/browser/package.json
	browserPackages []byte
	//go:embed testdata/browser/package-lock.json
	browserLock []byte
	//go:embed testdata/browser/phone.html
	browserPage []byte
)

// said is one thing that the page told.
type said struct {
	What string  `json:"what"`
	Text string  `json:"text"`
	Hz   float64 `json:"hz"`
	DB   float64 `json:"db"`
}

// browser is Chromium with a page that is a softphone.
type browser struct {
	*program
	mu   sync.Mutex
	told []said
}

// jssip gives JsSIP in one file, fetched and bundled once for each set of versions and
// kept in the user's cache.
func jssip(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(browserLock)
	dir := filepath.Join(cache, "roost", "jssip-"+hex.EncodeToString(sum[:6]))
	file := filepath.Join(dir, "jssip.js")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	needTool(t, "npm")
	work := t.TempDir()
	for name, content := range map[string][]byte{"package.json": browserPackages, "package-lock.json": browserLock} {
		if err := os.WriteFile(filepath.Join(work, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bundled := filepath.Join(work, "jssip.js")
	for _, args := range [][]string{
		{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"},
		{"node_modules/.bin/esbuild", "node_modules/jssip/lib/JsSIP.js", "--bundle", "--minify", "--global-name=JsSIP", "--outfile=jssip.js"},
	} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = work
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, output)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(bundled)
	if err == nil {
		err = os.WriteFile(file+".new", content, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// startBrowser opens the page as the phone of a number, with a tone as its microphone.
func startBrowser(t *testing.T, s *site, number, server, call string, hz int) *browser {
	t.Helper()
	script := jssip(t)
	b := &browser{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /phone.html", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(browserPage) })
	mux.HandleFunc("GET /jssip.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("POST /said", func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 4096))
		var one said
		if err != nil || json.Unmarshal(body, &one) != nil {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.told) < 10_000 {
			b.told = append(b.told, one)
		}
	})
	page := httptest.NewServer(mux)
	t.Cleanup(page.Close)
	profile := filepath.Join(s.dir, "chromium-"+number)
	if err := os.MkdirAll(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	my := url.Values{"server": {server}, "number": {number}, "password": {"secret" + number}, "call": {call}}
	b.program = start(t, s.dir, "chromium",
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+profile,
		"--ignore-certificate-errors", // the lab's root is not in Chromium's store
		"--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
		"--use-file-for-fake-audio-capture="+s.wav("microphone.wav", hz, 48000, 10), "--autoplay-policy=no-user-gesture-required",
		"--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns",
		page.URL+"/phone.html#"+my.Encode())
	b.name = "chromium"
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page told %+v", b.all())
		}
	})
	return b
}

func (b *browser) all() []said {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.told)
}

// until waits for the page to tell something.
func (b *browser) until(within time.Duration, what string, met func(said) bool) {
	b.t.Helper()
	until(b.t, within, what, func() (bool, string) {
		all := b.all()
		return slices.ContainsFunc(all, met), fmt.Sprintf("the page told %+v", all[max(0, len(all)-8):])
	})
}

func told(what string) func(said) bool { return func(s said) bool { return s.What == what } }

// wav writes so many seconds of a tone as a WAV file of 16 bits, at rate samples a second.
func (s *site) wav(name string, hz, rate, seconds int) string {
	s.t.Helper()
	var b strings.Builder
	put := func(n int, v uint32) {
		for range n {
			b.WriteByte(byte(v))
			v >>= 8
		}
	}
	b.WriteString("RIFF")
	put(4, uint32(36+rate*seconds*2))
	b.WriteString("WAVEfmt ")
	for _, f := range [][2]uint32{{4, 16}, {2, 1}, {2, 1}, {4, uint32(rate)}, {4, uint32(rate) * 2}, {2, 2}, {2, 16}} {
		put(int(f[0]), f[1])
	}
	b.WriteString("data")
	put(4, uint32(rate*seconds*2))
	for i := range rate * seconds {
		put(2, uint32(int16(12000*math.Sin(2*math.Pi*float64(hz)*float64(i)/float64(rate)))))
	}
	return s.file(name, b.String())
}

// TestInterop_ChromiumWithJsSIPTalksToBaresip: a page in Chromium registers over WSS
// and calls baresip. Its media is DTLS-SRTP with ICE and rtcp-mux, baresip's plain RTP;
// each hears the tone of the other.
func TestInterop_ChromiumWithJsSIPTalksToBaresip(t *testing.T) {
	t.Parallel()
	needTool(t, "chromium")
	needTool(t, "baresip")
	const pageTone, phoneTone = 620, 1130
	s := newSite(t)
	host := s.address("london")
	s.write("london", fmt.Sprintf(`lab: true
sip: {listen: ["udp:5060", "wss:8443"], origins: ["127.0.0.1:*"]}
media: {ports: %s, security: preferred}`, "21000-21099"), []string{"201", "202"})
	london := s.serve("london")

	desk := talkingBaresip(t, s, "202", host, phoneTone)
	london.until(20*time.Second, "baresip registered", registered(1))
	page := startBrowser(t, s, "201", "wss://"+net.JoinHostPort(host, "8443"), "202", pageTone)
	page.until(40*time.Second, "the page registered", told("registered"))
	page.until(20*time.Second, "the page talks", told("talking"))
	page.until(20*time.Second, "the page hears baresip's tone", func(s said) bool {
		return s.What == "heard" && s.DB > -60 && math.Abs(s.Hz-phoneTone) < 15
	})
	desk.hears(20*time.Second, pageTone)
	london.until(10*time.Second, "one anchored call", func(status api.Status) bool {
		return status.Calls.Anchored == 1 && status.Calls.Direct == 0
	})
}

// talking is a baresip that answers by itself, says a tone and writes down what it hears.
type talking struct {
	*program
	heard string // the folder of its WAV files
}

func talkingBaresip(t *testing.T, s *site, number, host string, hz int) *talking {
	t.Helper()
	dir := "baresip-" + number
	b := &talking{heard: filepath.Join(s.dir, dir)}
	s.file(dir+"/accounts", fmt.Sprintf("<sip:%[1]s@example.test;transport=udp>;auth_user=%[1]s;auth_pass=secret%[1]s;outbound=\"sip:%[2]s:5060\";answermode=auto;regint=90\n", number, host))
	s.file(dir+"/contacts", "")
	s.file(dir+"/config", fmt.Sprintf(`poll_method epoll
sip_listen %s2%s:0
audio_path /usr/share/baresip
audio_source aufile,%s
audio_player aubridge,nobody
snd_path %s
rtp_ports 22000-22099
module_path /usr/lib/baresip/modules
module uuid.so
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
`, s.net, number[len(number)-1:], s.wav("tone-"+number+".wav", hz, tone.Rate, 60), b.heard))
	b.program = start(t, s.dir, "stdbuf", "-oL", "baresip", "-4", "-f", dir)
	b.name = "baresip " + number
	return b
}

// hears waits until a second of the tone is in what baresip wrote down.
func (b *talking) hears(within time.Duration, hz int) {
	b.t.Helper()
	until(b.t, within, fmt.Sprintf("%s hears %d Hz", b.name, hz), func() (bool, string) {
		files, err := filepath.Glob(filepath.Join(b.heard, "*dec.wav"))
		if err != nil || len(files) == 0 {
			return false, "nothing was written down yet"
		}
		written, err := os.ReadFile(files[len(files)-1])
		if err != nil {
			return false, err.Error()
		}
		return tonesIn(written, hz) >= tone.Rate/tone.FrameSamples, fmt.Sprintf("%d bytes, %d frames of it", len(written), tonesIn(written, hz))
	})
}

// tonesIn counts the frames of 20 ms in a WAV file of 8,000 samples a second in which a
// tone is heard.
func tonesIn(wav []byte, hz int) int {
	const header = 44
	frame, found := make([]byte, 0, tone.FrameSamples), 0
	var ear tone.Detector
	for i := header; i+1 < len(wav); i += 2 {
		frame = append(frame, tone.Encode(int16(binary.LittleEndian.Uint16(wav[i:]))))
		if len(frame) == tone.FrameSamples {
			if tone.Same(ear.Hear(frame), hz) {
				found++
			}
			frame = frame[:0]
		}
	}
	return found
}
