package node

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/miekg/dns"
	"github.com/rs/zerolog"

	"roost/signaling/sip/trunk"
)

// carrier is a carrier's server: it registers who knows the password, says that it is
// there, and leaves calls to the test. Nothing of ours is in it.
type carrier struct {
	*rawPhone
	mu       sync.Mutex
	mode     string // "": in order; "silent"; "503"
	password string // asked for by REGISTER; "": anybody is taken
	contact  string // that is registered
	wrong    int    // REGISTERs with credentials that are not right
	taken    []rawMessage
	pinged   int
}

// carrier makes one at an address of the site's net; it answers to a system.
func (s *site) carrier(host, system string) *carrier {
	s.t.Helper()
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(s.net + host)})
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { conn.Close() })
		return conn
	}
	c := &carrier{rawPhone: &rawPhone{t: s.t, number: "carrier" + host, conn: listen(), media: listen(), more: make(chan struct{}, 1)}}
	c.use(s.address(system))
	done := make(chan struct{})
	go func() { defer close(done); c.read() }()
	s.t.Cleanup(func() { c.conn.Close(); <-done })
	return c
}

func (c *carrier) port() int { return c.conn.LocalAddr().(*net.UDPAddr).Port }

func (c *carrier) be(mode string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mode = mode
}

// wants makes it ask for a password.
func (c *carrier) wants(password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.password = password
}

// wrongs is how often it was told a wrong one.
func (c *carrier) wrongs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrong
}

func (c *carrier) read() {
	buffer := make([]byte, 65536)
	for {
		n, from, err := c.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if m := parseRaw(string(buffer[:n])); !c.serves(m, from) {
			c.rawPhone.mu.Lock()
			c.inbox = append(c.inbox, m)
			c.rawPhone.mu.Unlock()
			select {
			case c.more <- struct{}{}:
			default:
			}
		}
	}
}

// serves deals with what needs no test.
func (c *carrier) serves(m rawMessage, from net.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	status, lines := 200, []string(nil)
	switch {
	case c.mode == "silent":
		return true
	case m.status() > 0 || m.request("ACK"):
		return false
	case c.mode == "503":
		status = 503
	case m.request("OPTIONS"):
		c.pinged++
	case m.request("REGISTER"):
		status, lines = c.registers(m)
	default:
		return false
	}
	_, _ = c.conn.WriteTo([]byte(m.answer(status, "", lines...)), from)
	return true
}

func (c *carrier) registers(m rawMessage) (status int, lines []string) {
	if c.password != "" && !m.proves("REGISTER", c.password) {
		if m.get("Authorization") != "" {
			c.wrong++
		}
		return 401, []string{`WWW-Authenticate: Digest realm="carrier.test", nonce="abc", qop="auth", algorithm=SHA-256`}
	}
	c.taken = append(c.taken, m)
	if c.contact = inBrackets(m.get("Contact")); m.get("Expires") == "0" {
		c.contact = ""
		return 200, nil
	}
	return 200, []string{"Contact: " + m.get("Contact") + ";expires=" + m.get("Expires")}
}

func (c *carrier) registered() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.contact
}

// proves checks a request's credentials the way RFC 7616 computes them.
func (m rawMessage) proves(method, password string) bool {
	line := m.get("Authorization") + m.get("Proxy-Authorization")
	got, err := digest.ParseCredentials(line)
	if err != nil {
		return false
	}
	want, err := digest.Digest(&digest.Challenge{Realm: got.Realm, Nonce: got.Nonce, Algorithm: got.Algorithm, QOP: []string{"auth"}},
		digest.Options{Method: method, URI: got.URI, Count: got.Nc, Username: "4930123", Password: password, Cnonce: got.Cnonce})
	return err == nil && got.Response == want.Response && got.Username == "4930123"
}

// answer is a response to a request.
func (m rawMessage) answer(status int, body string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d Said\r\n", status)
	for _, via := range m.header["via"] {
		fmt.Fprintf(&b, "Via: %s\r\n", via)
	}
	to := m.get("To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=said"
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n", m.get("From"), to, m.get("Call-ID"), m.get("CSeq"))
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// calls sends an INVITE of the carrier's to a URI, and gives the first answer, also 100.
func (c *carrier) calls(uri, to, from string, more ...string) (*rawCall, rawMessage) {
	c.t.Helper()
	c.callID++
	out := &rawCall{p: c.rawPhone, local: fmt.Sprintf("<sip:%s@carrier.test>;tag=c%d", from, c.callID), callID: fmt.Sprintf("carrier-%d@%s", c.callID, c.at()), toURI: uri}
	out.inviteCSeq = c.next()
	c.request("INVITE", uri, "<sip:"+to+"@carrier.test>", out.local, out.callID, out.inviteCSeq, c.offer(), more...)
	return out, c.await("an answer", func(m rawMessage) bool { return m.status() > 0 && m.get("Call-ID") == out.callID })
}

// names serves zone-file lines on loopback, and gives a resolver that asks there.
func names(t *testing.T, lines ...string) trunk.Resolver {
	t.Helper()
	var all []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up, done := make(chan struct{}), make(chan struct{})
	server := &dns.Server{PacketConn: socket, NotifyStartedFunc: func() { close(up) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		for _, rr := range all {
			if strings.EqualFold(rr.Header().Name, q.Question[0].Name) && rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { defer close(done); _ = server.ActivateAndServe() }()
	<-up
	t.Cleanup(func() { _ = server.Shutdown(); <-done })
	return &trunk.DNS{Servers: []string{socket.LocalAddr().String()}, Within: time.Second}
}

// startWith starts a system that looks names up as is said.
func (s *site) startWith(name string, r trunk.Resolver) *Node {
	s.t.Helper()
	n, err := New(s.load(name), Options{Log: zerolog.New(zerolog.NewTestWriter(s.t)).Level(zerolog.InfoLevel), Resolver: r})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.running[name] = n
	return n
}

// srv are the records of carrier.test for servers in the order of their priority.
func (s *site) srv(servers ...*carrier) []string {
	var lines []string
	for i, c := range servers {
		host := c.conn.LocalAddr().(*net.UDPAddr).IP
		lines = append(lines, fmt.Sprintf("_sip._udp.carrier.test. 60 IN SRV %d 1 %d s%d.carrier.test.", 10*(i+1), c.port(), i),
			fmt.Sprintf("s%d.carrier.test. 60 IN A %s", i, host))
	}
	return lines
}

func (c *carrier) got() []rawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.taken)
}
