package faults

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/certs"
)

const (
	domain    = "example.test"
	patience  = 30 * time.Second
	pollEvery = 20 * time.Millisecond
	fiveYears = 5 * 365 * 24 * time.Hour
	longLife  = 90 * 24 * time.Hour // of an identity: longer than what is an alarm
)

// site is some systems on a part of the loopback network of its own, 127.a.b.0/24.
type site struct {
	t       *testing.T
	dir     string
	a, b    byte
	ca      *certs.CA
	systems map[string]*system
	secrets []string // that must stand in no log

	phoneSpeed float64
}

// newSite finds a block that no other test of this kind has, on this machine.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), systems: map[string]*system{}, phoneSpeed: hasty}
	for {
		s.a, s.b = byte(222+rand.IntN(30)), byte(1+rand.IntN(250))
		lock, err := net.Listen("tcp", s.at(1, 7399))
		if err == nil {
			t.Cleanup(func() { lock.Close() })
			break
		}
	}
	var err error
	if s.ca, err = certs.InitDir(s.dir, time.Now(), fiveYears); err != nil {
		t.Fatal(err)
	}
	return s
}

// ip is an address of the site: systems have 11 and up, phones 30 and up, strangers
// 100 and up.
func (s *site) ip(last byte) netip.Addr { return netip.AddrFrom4([4]byte{127, s.a, s.b, last}) }

func (s *site) at(last byte, port uint16) string {
	return netip.AddrPortFrom(s.ip(last), port).String()
}

// lastByte of a system's address, by its name.
func lastByte(name string) byte {
	return map[string]byte{"london": 11, "paris": 12, "oslo": 13}[name]
}

// settings are what differs between the configurations of these tests.
type settings struct {
	numbers []string
	// lines are items of network.lines without the dash, e.g. "{system: paris, …}".
	lines []string
	speed int // lab_speed, 20 if 0
	// Further lines of each section, indented as there; rules is put into braces.
	sip, network, rules, top string
	noListener               bool // network.listen is left out: an outside cluster
	notLab                   bool
	address                  netip.Addr // not the site's
	// users are more fields of a number's user: ", forward: {always: \"202\"}".
	users map[string]string
}

// quick rules: heard each 100 ms, not visible after 1 s, failover after 3 s, failback
// after 2 s. In rule time, at speed 20.
const quick = "failover_delay: 60s, failback_delay: 40s, homeless_grace: 60s, retry_first: 60s, visible_within: 20s, " +
	"behind_alarm: 60s, guest_expires: {min: 20s, max: 40s}"

func (s *site) line(peer string, backsUp bool) string {
	asks := ""
	if backsUp {
		asks = ", backs_up_my: [phones]"
	}
	return fmt.Sprintf("{system: %s, address: %q, networking_level: scn%s}", peer, s.at(lastByte(peer), 7422), asks)
}

// configure writes a system's configuration and returns its path.
func (s *site) configure(name string, set settings) string {
	s.t.Helper()
	if set.speed == 0 {
		set.speed = 20
	}
	if set.rules == "" {
		set.rules = quick
	}
	address := s.ip(lastByte(name))
	said := address
	if set.address.IsValid() {
		said = set.address
	}
	var text strings.Builder
	fmt.Fprintf(&text, "system: %s\naddress: %s\nrealm: %s\n", name, said, domain)
	if !set.notLab {
		fmt.Fprintf(&text, "lab: true\nlab_speed: %d\n", set.speed)
	}
	fmt.Fprintf(&text, "certificates: {identity: %[1]s.crt, key: %[1]s.key, trusted_root: root.crt}\n", name)
	expires := "{min: 20s, default: 60s, max: 60s}"
	if set.notLab {
		expires = "{min: 60s, default: 60s, max: 60s}"
	}
	text.WriteString("sip:\n  expires: " + expires + "\n" + set.sip)
	text.WriteString("network:\n" + set.network)
	if !set.notLab {
		text.WriteString("  heartbeat: 2s\n")
	}
	if !set.noListener {
		text.WriteString("  listen: \":7422\"\n")
	}
	text.WriteString("  lines:\n")
	for _, line := range set.lines {
		fmt.Fprintf(&text, "    - %s\n", line)
	}
	if len(set.lines) == 0 {
		text.WriteString("    []\n")
	}
	fmt.Fprintf(&text, "resilience: {%s}\nconsole: {listen: \"%s:8080\"}\n%s", set.rules, address, set.top)
	text.WriteString("users:\n")
	for _, n := range set.numbers {
		fmt.Fprintf(&text, "  - {number: %q, name: \"Phone %s\", login_code: \"4711%s0815\", password: %q%s}\n", n, n, n, password(n), set.users[n])
		s.keepSecret(n)
	}
	text.WriteString("extensions:\n")
	for _, n := range set.numbers {
		fmt.Fprintf(&text, "  - {number: %q, protocol: sip, base_user: %q}\n", n, n)
	}
	path := filepath.Join(s.dir, name+".yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func password(number string) string { return "secret-of-" + number }

// certify issues a system's identity for its own address; request may change it.
func (s *site) certify(ca *certs.CA, name string, change func(*certs.Request)) {
	s.t.Helper()
	request := certs.Request{System: name, Addresses: []string{s.ip(lastByte(name)).String()}, Domain: domain, ValidFor: longLife}
	if change != nil {
		change(&request)
	}
	if _, err := ca.IssueInto(s.dir, request, time.Now()); err != nil {
		s.t.Fatal(err)
	}
}

// start configures, certifies (unless that was done) and runs a system, and waits until
// its console answers.
func (s *site) start(name string, set settings) *system {
	s.t.Helper()
	path := s.configure(name, set)
	if _, err := os.Stat(filepath.Join(s.dir, name+".crt")); err != nil {
		s.certify(s.ca, name, nil)
	}
	return s.run(name, path)
}

// pair starts london and paris, each the other's backup.
func (s *site) pair(london, paris []string, change func(*settings)) (*system, *system) {
	s.t.Helper()
	set := settings{}
	if change != nil {
		change(&set)
	}
	at := func(numbers []string, peer string) settings {
		own := set
		own.numbers, own.lines = numbers, []string{s.line(peer, true)}
		return own
	}
	l, p := s.start("london", at(london, "paris")), s.start("paris", at(paris, "london"))
	l.mirrors("paris")
	p.mirrors("london")
	return l, p
}

// until waits for a condition, which says what is so far.
func until(t *testing.T, what string, condition func() (bool, string)) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		ok, is := condition()
		if ok {
			return
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s\n%s", patience, what, is)
		}
	}
}

// while checks that a condition holds for some time.
func while(t *testing.T, d time.Duration, what string, condition func() (bool, string)) {
	t.Helper()
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		if ok, is := condition(); !ok {
			t.Fatalf("it did not stay so for %v: %s\n%s", d, what, is)
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return
		}
	}
}
