package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"roost/certs"
	"roost/cmd/roost/config"
	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a home and a backup in this process, on loopback addresses of their own,
// with rule times of some seconds that pass twenty times as fast.
type site struct {
	t        *testing.T
	dir      string
	net      string // "127.x.y."
	ca       *certs.CA
	running  map[string]*Node
	phonesAt map[string][]string // numbers by system
	extra    map[string]string   // more of a system's configuration
	h323     string              // the number of a phone that speaks H.323
	manual   bool                // failback is manual (FB8)
	returns  phone.How           // how phones go home by themselves, if not as their family does
}

const (
	testSpeed = 20
	testDelay = 40 * time.Second / testSpeed
	patience  = 30 * time.Second
	pollEvery = 20 * time.Millisecond
)

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	ca, err := certs.InitDir(dir, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: dir, ca: ca, running: map[string]*Node{},
		net:   fmt.Sprintf("127.%d.%d.", 20+rand.IntN(200), 1+rand.IntN(250)),
		extra: map[string]string{}, phonesAt: map[string][]string{"london": {"201", "202", "203"}, "paris": {"251"}}}
	t.Cleanup(func() {
		for name := range s.running {
			s.stop(name)
		}
	})
	return s
}

func (s *site) address(name string) string {
	return s.net + map[string]string{"london": "11", "paris": "12"}[name]
}

// write makes the configuration of a system.
func (s *site) write(name string) string {
	s.t.Helper()
	peer := map[string]string{"london": "paris", "paris": "london"}[name]
	var users, extensions strings.Builder
	for _, n := range s.phonesAt[name] {
		fmt.Fprintf(&users, "  - {number: %q, name: \"Phone %s\", login_code: \"1%s\", password: \"secret%s\"}\n", n, n, n, n)
		protocol := "sip"
		if n == s.h323 {
			protocol = "h323"
		}
		fmt.Fprintf(&extensions, "  - {number: %q, protocol: %s, base_user: %q}\n", n, protocol, n)
	}
	text := fmt.Sprintf(`
system: %[1]s
address: %[2]s
lab: true
lab_speed: 20
realm: example.test
certificates: {identity: %[1]s.crt, key: %[1]s.key, trusted_root: root.crt}
sip:
  listen: ["udp:5060", "tcp:5060", "tls:5061"]
  expires: {min: 20s, default: 200s, max: 200s}
network:
  listen: ":7422"
  heartbeat: 2s
  lines:
    - {system: %[3]s, address: "%[4]s:7422", networking_level: scn, backs_up_my: [phones]}
resilience: {failover_delay: 40s, failback_delay: 20s, homeless_grace: 60s, retry_first: 60s, visible_within: 10s, guest_expires: {min: 20s, max: 40s}}
console: {listen: "%[2]s:8080"}
users:
%[5]sextensions:
%[6]s%[7]s`, name, s.address(name), peer, s.address(peer), users.String(), extensions.String(), s.extra[name])
	if s.manual {
		text = strings.Replace(text, "resilience: {", "resilience: {failback: manual, ", 1)
	}
	path := filepath.Join(s.dir, name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, name+".crt")); err != nil {
		request := certs.Request{System: name, Addresses: []string{s.address(name)}, Domain: "example.test", ValidFor: 60 * 24 * time.Hour}
		if _, err := s.ca.IssueInto(s.dir, request, time.Now()); err != nil {
			s.t.Fatal(err)
		}
	}
	return path
}

func (s *site) load(name string) *config.Config {
	s.t.Helper()
	c, err := config.Load(s.write(name), os.Getenv)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *site) start(name string) *Node {
	s.t.Helper()
	n, err := New(s.load(name), Options{Log: zerolog.New(zerolog.NewTestWriter(s.t)).Level(zerolog.InfoLevel)})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.running[name] = n
	return n
}

func (s *site) stop(name string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.running[name].Stop(ctx); err != nil {
		s.t.Errorf("stopping %s: %v", name, err)
	}
	delete(s.running, name)
}

// phones switches simulated phones on for all numbers of a home, its address first
// in their list, the backup's second.
func (s *site) phones(home, profile, transport string) *phone.Fleet {
	s.t.Helper()
	backup := map[string]string{"london": "paris", "paris": "london"}[home]
	setup := phone.Setup{Speed: testSpeed, Domain: "example.test", TrustedRoot: filepath.Join(s.dir, "root.crt"), Seed: 1}
	for _, name := range []string{home, backup} {
		at := netip.MustParseAddr(s.address(name))
		setup.Servers = append(setup.Servers, phone.Server{Name: name,
			UDP: netip.AddrPortFrom(at, 5060), TCP: netip.AddrPortFrom(at, 5060), TLS: netip.AddrPortFrom(at, 5061)})
	}
	for i, n := range s.phonesAt[home] {
		setup.Phones = append(setup.Phones, phone.Spec{Number: n, Password: "secret" + n, Profile: profile, Transport: transport, Returns: s.returns,
			Address: netip.MustParseAddr(fmt.Sprintf("%s%d", s.net, 101+i))})
	}
	fleet, err := phone.Start(s.t.Context(), setup, func(r phone.Report) { s.t.Log(r.String()) })
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { fleet.Stop() })
	return fleet
}

// until waits for a system's status to be as wanted.
func (s *site) until(name, what string, wanted func(api.Status) bool) api.Status {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		status := source{s.running[name]}.Status()
		if wanted(status) {
			return status
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			s.t.Fatalf("%s: not within %v: %s\n%+v", name, patience, what, status)
		}
	}
}

func homeState(s api.Status, home string) string {
	for _, h := range s.Homes {
		if h.System == home {
			return h.State
		}
	}
	return ""
}
