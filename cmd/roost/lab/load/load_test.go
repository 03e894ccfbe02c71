package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// registrar is a registrar of a few lines that can be told to misbehave. It shares
// nothing with the generator but the RFCs.
type registrar struct {
	mu      sync.Mutex
	answers int
	seen    map[string]int
	// spoil, if not nil, may change an answer, or return nil for none; n counts the
	// times that this very request came.
	spoil func(request, answer string, n int) []string
}

func (r *registrar) answer(request string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]int{}
	}
	r.seen[request]++
	r.answers++
	var b strings.Builder
	field := func(name string) string {
		for line := range strings.SplitSeq(request, "\r\n") {
			if value, ok := strings.CutPrefix(line, name+": "); ok {
				return value
			}
		}
		return ""
	}
	authorized := field("Authorization") != ""
	if authorized {
		b.WriteString("SIP/2.0 200 OK\r\n")
		fmt.Fprintf(&b, "m: %s;expires=%s\r\n", field("Contact"), field("Expires"))
	} else {
		b.WriteString("SIP/2.0 401 Unauthorized\r\n")
		b.WriteString("WWW-Authenticate: Digest realm=\"example.test\", algorithm=SHA-256, nonce=\"other\", qop=\"auth\"\r\n")
		fmt.Fprintf(&b, "WWW-Authenticate: Digest realm=\"example.test\", nonce=\"n%d\", qop=\"auth\"\r\n", r.answers)
	}
	fmt.Fprintf(&b, "v: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nl: 2\r\n\r\nok", field("Via"), field("Call-ID"), field("CSeq"))
	if r.spoil != nil {
		return r.spoil(request, b.String(), r.seen[request])
	}
	return []string{b.String()}
}

func (r *registrar) udp(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for _, a := range r.answer(string(buf[:n])) {
				_, _ = conn.WriteToUDPAddrPort([]byte(a), from)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (r *registrar) tcp(t *testing.T) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			done.Go(func() { r.stream(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); done.Wait() })
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func (r *registrar) stream(conn net.Conn) {
	defer conn.Close()
	var pending []byte
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		pending = append(pending, buf[:n]...)
		for {
			end := bytes.Index(pending, endOfHead)
			if end < 0 {
				break
			}
			for _, a := range r.answer(string(pending[:end+4])) {
				if _, err := conn.Write([]byte(a)); err != nil {
					return
				}
			}
			pending = pending[end+4:]
		}
	}
}

func testConfig(target netip.AddrPort, transport string) Config {
	return Config{Target: target, Transport: transport, First: 1000, Users: 40, Password: "secret{number}",
		Domain: "example.test", For: 50 * time.Millisecond, Sockets: 4, Window: 16}
}

func TestLoadCountsWhatSucceeds(t *testing.T) {
	r := &registrar{}
	udp, tcp := r.udp(t), r.tcp(t)
	for name, c := range map[string]Config{
		"udp full": testConfig(udp, "udp"), "tcp full": testConfig(tcp, "tcp"),
		"udp refresh": {Refresh: true}, "tcp refresh": {Refresh: true}, "tcp new": {Refresh: true, NewConnection: true},
		"udp once": {Once: true}, "tcp once": {Once: true}, "udp rate": {Rate: 400},
	} {
		base := testConfig(udp, "udp")
		if strings.HasPrefix(name, "tcp") {
			base = testConfig(tcp, "tcp")
		}
		base.Refresh, base.NewConnection, base.Once, base.Rate = c.Refresh, c.NewConnection, c.Once, c.Rate
		result, err := Run(t.Context(), base)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !result.Good() || result.PerSecond <= 0 || result.Max < result.P50 {
			t.Errorf("%s: %+v", name, result)
		}
		switch {
		case c.Once && result.OK != 40:
			t.Errorf("%s: %d of 40", name, result.OK)
		case c.Rate > 0 && (result.Begun < 16 || result.Begun > 24):
			t.Errorf("%s: %d begun in 50 ms at 400 a second", name, result.Begun)
		case c.NewConnection && result.Connections != result.Begun:
			t.Errorf("%s: %d connections for %d", name, result.Connections, result.Begun)
		}
	}
}

// Each kind of wrong answer is seen, and none of them counts as a success.
func TestLoadChecksEveryAnswer(t *testing.T) {
	edit := func(old, new string) func(string, string, int) []string {
		return func(_, answer string, _ int) []string { return []string{strings.Replace(answer, old, new, 1)} }
	}
	for _, test := range []struct {
		name, wrong string
		spoil       func(request, answer string, n int) []string
		status      string
	}{
		{"another contact", "contact", edit("m: <sip:", "m: <sip:9"), ""},
		{"no lease", "lease", edit(";expires=180", ""), ""},
		{"another Call-ID", "Call-ID", edit("Call-ID: 0", "Call-ID: 1"), ""},
		{"another branch", "branch", edit("branch=z9hG4bK", "branch=z9hG4bKx"), ""},
		{"a later CSeq", "CSeq", edit("CSeq: ", "CSeq: 9"), ""},
		{"no SIP", "not a SIP response", edit("SIP/2.0", "HTTP/1.1"), ""},
		{"no CSeq", "Via, Call-ID or CSeq is missing", edit("CSeq:", "X:"), ""},
		{"another realm", "challenge", edit(`realm="example.test", nonce`, `realm="elsewhere", nonce`), ""},
		{"200 at once", "200 without credentials", func(request, answer string, _ int) []string {
			contact, _, _ := strings.Cut(request[strings.Index(request, "Contact: ")+len("Contact: "):], "\r\n")
			return []string{strings.Replace(answer, "401 Unauthorized\r\n", "200 OK\r\nContact: "+contact+";expires=9\r\n", 1)}
		}, ""},
		{"wrong password", "", edit("200 OK", "403 Forbidden"), "403"},
	} {
		r := &registrar{spoil: test.spoil}
		c := testConfig(r.udp(t), "udp")
		c.Once, c.GiveUp = true, 20*time.Millisecond
		result, err := Run(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if result.OK != 0 || result.Good() || (test.wrong != "" && result.Wrong[test.wrong] == 0) ||
			(test.status != "" && result.Refused[test.status] != 40) {
			t.Errorf("%s: %+v", test.name, result)
		}
	}
}

// RFC 3261 17.1.2.2: what is not answered is sent again after T1, the same bytes;
// an answer that comes twice is counted apart.
func TestLoadRetransmits(t *testing.T) {
	r := &registrar{spoil: func(request, answer string, n int) []string {
		if strings.Contains(request, "Authorization") && n == 1 {
			return nil
		}
		return []string{answer, answer}
	}}
	c := testConfig(r.udp(t), "udp")
	c.Once = true
	result, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Good() || result.Retransmissions < 40 || result.Duplicates < 40 || result.P50 < 500 || result.Served < 0.5 {
		t.Fatalf("%+v", result)
	}
}

func TestLoadGivesUp(t *testing.T) {
	r := &registrar{spoil: func(string, string, int) []string { return nil }}
	for _, transport := range []string{"udp", "tcp"} {
		target := r.udp(t)
		if transport == "tcp" {
			target = r.tcp(t)
		}
		c := testConfig(target, transport)
		c.Users, c.Once, c.GiveUp = 4, true, 30*time.Millisecond
		result, err := Run(t.Context(), c)
		if err != nil || result.Lost != 4 || result.OK != 0 || result.Good() {
			t.Errorf("%s: %v %+v", transport, err, result)
		}
	}
	c := testConfig(r.udp(t), "udp")
	c.Refresh, c.GiveUp = true, 30*time.Millisecond
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "40 without an answer") {
		t.Fatal(err)
	}
}

func TestLoadRenewsAStaleNonce(t *testing.T) {
	stale := "SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest stale=true, realm=\"example.test\", nonce=\"fresh\", qop=\"auth\"\r\n"
	r := &registrar{spoil: func(request, answer string, _ int) []string {
		if strings.Contains(request, "nc=00000002") {
			_, rest, _ := strings.Cut(answer, "\r\n")
			return []string{stale + rest}
		}
		return []string{answer}
	}}
	c := testConfig(r.udp(t), "udp")
	c.Refresh, c.Once = true, true
	result, err := Run(t.Context(), c)
	if err != nil || !result.Good() || result.Renewed != 40 {
		t.Fatalf("%v %+v", err, result)
	}
}

func TestLoadIsForThisMachineOnly(t *testing.T) {
	c := testConfig(netip.MustParseAddrPort("192.0.2.1:5060"), "udp")
	if _, err := Run(t.Context(), c); !errors.Is(err, ErrNotLoopback) {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"udp, tcp or tls":        func(c *Config) { c.Transport = "sctp" },
		"root":                   func(c *Config) { c.Transport = "tls" },
		"no connections to open": func(c *Config) { c.NewConnection = true },
		"users":                  func(c *Config) { c.Users = maxUsers + 1 },
		"MD5 or SHA-256":         func(c *Config) { c.Algorithm = "MD4" },
		"no domain":              func(c *Config) { c.Domain = "" },
	} {
		c := testConfig(netip.MustParseAddrPort("127.0.0.1:5060"), "udp")
		change(&c)
		if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	r := &registrar{}
	c := testConfig(r.udp(t), "udp")
	c.For = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := Run(ctx, c); err != nil || time.Since(began) > 5*time.Second {
		t.Fatalf("%v after %v", err, time.Since(began))
	}
}
