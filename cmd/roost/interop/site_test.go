package interop

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/certs"
	"roost/cmd/roost/console"
	"roost/cmd/roost/console/api"
)

// site is one or two systems on loopback addresses of their own.
type site struct {
	t   *testing.T
	dir string
	net string // "127.x.y."
	ca  *certs.CA
}

// system is a roost process and its console.
type system struct {
	*program
	site    *site
	name    string
	address string
	console *console.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	ca, err := certs.InitDir(dir, time.Now(), 90*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &site{t: t, dir: dir, ca: ca, net: claim(t)}
}

// claim takes a 127.x.y.0/24 that no other test has, here or in another process: who
// has it holds a socket there.
func claim(t *testing.T) string {
	t.Helper()
	for range 50 {
		prefix := fmt.Sprintf("127.%d.%d.", 220+rand.IntN(30), 1+rand.IntN(250))
		held, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(prefix + "97"), Port: sipPort})
		if err == nil {
			t.Cleanup(func() { held.Close() })
			return prefix
		}
	}
	t.Fatal("no free 127.x.y.0/24 found")
	return ""
}

// addresses of the systems, by name.
func (s *site) address(name string) string {
	return s.net + map[string]string{"london": "11", "paris": "12"}[name]
}

// write makes a system's configuration and certificate. keys are lines of YAML of
// the top level; numbers are its phones, each with the password "secret" + number.
func (s *site) write(name, keys string, numbers []string) {
	s.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "system: %s\naddress: %s\nrealm: example.test\n", name, s.address(name))
	fmt.Fprintf(&text, "certificates: {identity: %[1]s.crt, key: %[1]s.key, trusted_root: root.crt}\n", name)
	fmt.Fprintf(&text, "console: {listen: \"%s:8080\"}\n%s\nusers:\n", s.address(name), keys)
	for _, n := range numbers {
		fmt.Fprintf(&text, "  - {number: %q, name: \"Phone %s\", login_code: \"1%s\", password: \"secret%s\"}\n", n, n, n, n)
	}
	text.WriteString("extensions:\n")
	for _, n := range numbers {
		fmt.Fprintf(&text, "  - {number: %q, protocol: sip, base_user: %q}\n", n, n)
	}
	s.file(name+".yaml", text.String())
	request := certs.Request{System: name, Addresses: []string{s.address(name)}, Domain: "example.test", ValidFor: 60 * 24 * time.Hour}
	if _, err := s.ca.IssueInto(s.dir, request, time.Now()); err != nil {
		s.t.Fatal(err)
	}
}

// file writes a file into the site's directory and gives its path.
func (s *site) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// serve starts a system whose configuration is written, and waits until it answers.
func (s *site) serve(name string, flags ...string) *system {
	s.t.Helper()
	p := start(s.t, s.dir, os.Getenv(binaryVariable), append([]string{"serve", "-c", name + ".yaml"}, flags...)...)
	p.name = name
	one := &system{program: p, site: s, name: name, address: s.address(name), console: console.NewClient(s.address(name) + ":8080")}
	s.t.Cleanup(one.console.Close)
	one.until(20*time.Second, name+" serves", func(status api.Status) bool { return status.Ready && len(status.Listeners) > 0 })
	return one
}

// status asks the system itself.
func (s *system) status() (api.Status, error) { return s.console.Status(s.t.Context()) }

// until waits for the system's status to be as wanted.
func (s *system) until(within time.Duration, what string, wanted func(api.Status) bool) {
	s.t.Helper()
	until(s.t, within, what, func() (bool, string) {
		status, err := s.status()
		if err != nil {
			return false, err.Error()
		}
		maps.DeleteFunc(status.Counters, func(_ string, count float64) bool { return count == 0 })
		return wanted(status), fmt.Sprintf("phones %+v, homes %+v, guests %+v, events %+v, counters %v", status.Phones, status.Homes, status.Guests, status.Events, status.Counters)
	})
}

// registrations are all that the system has.
func (s *system) registrations() []api.Registration {
	s.t.Helper()
	page, err := s.console.Registrations(s.t.Context(), "", 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	return page.Registrations
}
