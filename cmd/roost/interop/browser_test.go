package interop

import (
	"crypto/sha256"
	_ "embed"
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
media: {ports: %s, security: preferred}`, mediaPorts), []string{"201", "222"})
	london := s.serve("london")

	desk := startTalker(t, s, talker{number: "222", host: host, hz: phoneTone})
	london.until(20*time.Second, "baresip registered", registered(1))
	page := startBrowser(t, s, "201", "wss://"+net.JoinHostPort(host, "8443"), "222", pageTone)
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

// TestInterop_BaresipTalksToChromiumWithJsSIP: baresip, which insists on SDES-SRTP over
// TLS, calls the page; roost takes the one encryption off and puts the other on.
func TestInterop_BaresipTalksToChromiumWithJsSIP(t *testing.T) {
	t.Parallel()
	needTool(t, "chromium")
	needTool(t, "baresip")
	const pageTone, phoneTone = 620, 1130
	s := newSite(t)
	host := s.address("london")
	s.write("london", fmt.Sprintf(`lab: true
sip: {listen: ["udp:5060", "tls:5061", "wss:8443"], origins: ["127.0.0.1:*"]}
media: {ports: %s, security: enforced}`, mediaPorts), []string{"201", "222"})
	london := s.serve("london", "--key-log", s.keyLog())
	lo := s.capture()

	desk := startTalker(t, s, talker{number: "222", host: host, hz: phoneTone, tls: true, srtp: "srtp-mand"})
	page := startBrowser(t, s, "201", "wss://"+net.JoinHostPort(host, "8443"), "", pageTone)
	page.until(60*time.Second, "the page registered", told("registered"))
	london.until(30*time.Second, "both registered", registered(2))
	desk.dial("201")
	page.until(30*time.Second, "the page rang", told("rung"))
	page.until(30*time.Second, "the page talks", told("talking"))
	page.until(30*time.Second, "the page hears baresip's tone", func(s said) bool {
		return s.What == "heard" && s.DB > -60 && math.Abs(s.Hz-phoneTone) < 15
	})
	desk.hears(30*time.Second, pageTone)
	talk{from: talker{number: "222"}, to: talker{number: "201"}, path: "anchored", security: [2]string{sdes, "DTLS"}}.carried(t, london, true)
	desk.command("hangup", "")
	page.until(20*time.Second, "the page has heard of the end", func(s said) bool {
		return s.What == "call ended" && strings.HasPrefix(s.Text, "remote")
	})
	if lo != nil {
		lo.voice, lo.sealed = 60, []string{s.net + "0/24", "127.0.0.1"}
	}
	lo.judge(t, 12, london.address)
}
