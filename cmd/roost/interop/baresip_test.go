package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// The backup refuses a phone while its home is there (FO1), and baresip asks a system
// that refused, or that it lost, again after 30 to 60 s; a second failure makes it 60 to
// 120 s. So the home is killed shortly before the backup is asked again, and comes back
// before baresip tries it for the first time: a test of minutes instead of ten.
const (
	firstRetry  = 30 * time.Second
	slowestTry  = 60 * time.Second
	killBefore  = 3 * time.Second // more than the failover delay in force
	secondRetry = 120 * time.Second
)

// Rule times of real size, twenty times as fast: failover delay 1.5s, heartbeat 0.25s.
// Guests are not sent home within the test: baresip goes by itself (FB10).
const baresipPair = `lab: true
lab_speed: 20
sip: {expires: {min: 60s, default: 1800s, max: 1800s}}
network:
  heartbeat: 5s
  lines: [{system: %s, address: "%s:7422", networking_level: scn, backs_up_my: [phones]}]
resilience: {failover_delay: 30s, failback_delay: 3600s, visible_within: 15s, guest_expires: {min: 600s, max: 800s}}`

// TestInterop_BaresipFollows_FO1_FO2_FB6_FB10 registers baresip at a home over each transport.
// The home is killed; the same baresip, which knows both systems, is a guest at the backup,
// and is home again after the home came back.
func TestInterop_BaresipFollows_FO1_FO2_FB6_FB10(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			needTool(t, "baresip")
			needTool(t, "stdbuf")
			baresipFollows(t, transport)
		})
	}
}

func baresipFollows(t *testing.T, transport string) {
	s := newSite(t)
	s.write("london", fmt.Sprintf(baresipPair, "paris", s.address("paris")), []string{"201"})
	s.write("paris", fmt.Sprintf(baresipPair, "london", s.address("london")), []string{"251"})
	flags := []string{}
	if transport == "tls" {
		flags = append(flags, "--key-log", s.keyLog())
	}
	london, paris := s.serve("london", flags...), s.serve("paris", flags...)
	paris.until(20*time.Second, "paris could serve london's phones", func(status api.Status) bool {
		return len(status.Homes) == 1 && status.Homes[0].State == "SYNCED" && status.Homes[0].Ready
	})
	lo := s.capture()

	phone := startBaresip(t, s, "201", transport)
	london.until(20*time.Second, "at home", registered(1))
	phone.until(10*time.Second, "baresip has a 200 of london", "london", "200 ", 1)
	// FO1: refused with 503, without Retry-After, and never challenged.
	phone.until(10*time.Second, "baresip has a 503 of paris", "paris", "503 ", 1)
	refused := time.Now()
	for _, response := range phone.from("paris") {
		if !strings.HasPrefix(response, "SIP/2.0 503 ") || strings.Contains(response, "Retry-After") {
			t.Errorf("paris answered\n%s", response)
		}
	}
	if guests := paris.registrations(); len(guests) != 0 {
		t.Fatalf("while its home is visible, paris registered %+v", guests)
	}
	if home := london.registrations(); len(home) != 1 || home[0].Number != "201" || home[0].Transport != transport || home[0].Guest {
		t.Fatalf("london registered %+v", home)
	}

	until(t, firstRetry, "shortly before baresip asks paris again", func() (bool, string) {
		return time.Since(refused) > firstRetry-killBefore, "waiting"
	})
	london.signal(syscall.SIGKILL)
	if err := london.wait(10 * time.Second); err == nil {
		t.Fatal("london ended in order")
	}
	paris.until(slowestTry+10*time.Second, "a guest at paris", func(status api.Status) bool {
		return status.Phones.Guests == 1 && len(status.Guests) == 1 && status.Guests[0].Number == "201" && status.Guests[0].Home == "london"
	})
	phone.until(5*time.Second, "baresip has a 200 of paris", "paris", "200 ", 1)
	if guests := paris.registrations(); len(guests) != 1 || !guests[0].Guest || guests[0].Home != "london" || guests[0].Transport != transport {
		t.Fatalf("paris registered %+v", guests)
	}

	before := phone.heard("london", "200 ")
	london = s.serve("london", flags...)
	london.until(secondRetry+20*time.Second, "home again", registered(1))
	phone.until(5*time.Second, "baresip has another 200 of london", "london", "200 ", before+1)
	paris.until(10*time.Second, "no guest at paris", func(status api.Status) bool {
		return status.Phones.Guests == 0 && len(status.Guests) == 0
	})

	if err := phone.stop(45 * time.Second); err != nil {
		t.Errorf("baresip ended with %v", err)
	}
	london.until(10*time.Second, "baresip has un-registered", registered(0))
	lo.judge(t, 8, london.address, paris.address)
}

// registered is true of so many own phones.
func registered(count int) func(api.Status) bool {
	return func(status api.Status) bool { return status.Phones.Registered == count }
}

// baresip is a softphone that prints each message it sends and gets.
type baresip struct {
	*program
	systems map[string]string // address and port by name
}

func startBaresip(t *testing.T, s *site, number, transport string) *baresip {
	t.Helper()
	modules := ""
	for _, dir := range []string{"/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"} {
		if _, err := os.Stat(filepath.Join(dir, "account.so")); err == nil {
			modules = dir
		}
	}
	if modules == "" {
		cannot(t, "baresip's modules are not where Debian has them, /usr/lib/baresip/modules")
	}
	port := map[string]int{"udp": 5060, "tcp": 5060, "tls": 5061}[transport]
	b := &baresip{systems: map[string]string{}}
	account := fmt.Sprintf("<sip:%[1]s@example.test;transport=%[2]s>;auth_user=%[1]s;auth_pass=secret%[1]s;regint=90;sipnat=outbound", number, transport)
	for i, name := range []string{"london", "paris"} {
		b.systems[name] = fmt.Sprintf("%s:%d", s.address(name), port)
		account += fmt.Sprintf(";outbound%s=\"sip:%s;transport=%s\"", []string{"", "2"}[i], b.systems[name], transport)
	}
	s.file("baresip/accounts", account+"\n")
	s.file("baresip/contacts", "")
	s.file("baresip/config", fmt.Sprintf(`poll_method epoll
sip_listen %s21:0
sip_cafile %s
audio_path /usr/share/baresip
module_path %s
module uuid.so
module g711.so
module_app account.so
module_app menu.so
`, s.net, filepath.Join(s.dir, "root.crt"), modules))
	b.program = start(t, s.dir, "stdbuf", "-oL", "baresip", "-4", "-s", "-f", "baresip")
	b.name = "baresip"
	return b
}

// from gives the responses of a system, by baresip's own account of what it got: a line
// "TLS FROM -> TO", then the message. None of these has a body.
func (b *baresip) from(system string) []string {
	heard := regexp.MustCompile(`(?s)\n(?:UDP|TCP|TLS) ` + regexp.QuoteMeta(b.systems[system]) + ` -> [0-9.:]+\r?\n(SIP/2\.0 .*?\r\n\r\n)`)
	var responses []string
	for _, match := range heard.FindAllStringSubmatch(b.said(), -1) {
		responses = append(responses, match[1])
	}
	return responses
}

// heard counts the responses of a system whose status line goes on so.
func (b *baresip) heard(system, status string) int {
	count := 0
	for _, response := range b.from(system) {
		if strings.HasPrefix(response, "SIP/2.0 "+status) {
			count++
		}
	}
	return count
}

func (b *baresip) until(within time.Duration, what, system, status string, times int) {
	b.t.Helper()
	until(b.t, within, what, func() (bool, string) {
		n := b.heard(system, status)
		return n >= times, fmt.Sprintf("%d times %s of %s", n, status, system)
	})
}
