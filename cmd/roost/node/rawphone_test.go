package node

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// rawPhone is a phone of a few lines over UDP that does only what a test tells it: its
// messages are written by hand, and nothing of ours is in it.
type rawPhone struct {
	t      *testing.T
	number string
	conn   *net.UDPConn
	server *net.UDPAddr
	media  *net.UDPConn
	sdp    string // more lines of its description
	callID int

	mu    sync.Mutex
	cseq  int
	inbox []rawMessage
	more  chan struct{}
}

// rawMessage is a message as it came.
type rawMessage struct {
	first  string
	header map[string][]string
	body   string
}

func (m rawMessage) get(name string) string {
	if values := m.header[strings.ToLower(name)]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (m rawMessage) status() int {
	fields := strings.Fields(m.first)
	if len(fields) < 2 || !strings.HasPrefix(m.first, "SIP/2.0 ") {
		return 0
	}
	status, _ := strconv.Atoi(fields[1])
	return status
}

func (m rawMessage) method() string {
	_, method, _ := strings.Cut(m.get("CSeq"), " ")
	return method
}

func (m rawMessage) request(method string) bool { return strings.HasPrefix(m.first, method+" ") }

// audio is where the description says that its sender listens.
func (m rawMessage) audio() netip.AddrPort {
	var host, port string
	for line := range strings.Lines(m.body) {
		line = strings.TrimSpace(line)
		if rest, is := strings.CutPrefix(line, "c=IN IP4 "); is {
			host = rest
		}
		if rest, is := strings.CutPrefix(line, "m=audio "); is {
			port, _, _ = strings.Cut(rest, " ")
		}
	}
	at, _ := netip.ParseAddrPort(host + ":" + port)
	return at
}

// rawPhone makes a phone at an address of the site's net.
func (s *site) rawPhone(number, host, system string) *rawPhone {
	s.t.Helper()
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(s.net + host)})
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { conn.Close() })
		return conn
	}
	p := &rawPhone{t: s.t, number: number, conn: listen(), media: listen(), more: make(chan struct{}, 1)}
	p.use(s.address(system))
	done := make(chan struct{})
	go func() { defer close(done); p.read() }()
	s.t.Cleanup(func() { p.conn.Close(); <-done })
	return p
}

// use sends to another system from now on.
func (p *rawPhone) use(address string) {
	p.server = net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 5060))
}

func (p *rawPhone) read() {
	buffer := make([]byte, 65536)
	for {
		n, err := p.conn.Read(buffer)
		if err != nil {
			return
		}
		m := parseRaw(string(buffer[:n]))
		p.mu.Lock()
		p.inbox = append(p.inbox, m)
		p.mu.Unlock()
		select {
		case p.more <- struct{}{}:
		default:
		}
	}
}

func parseRaw(text string) rawMessage {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	m := rawMessage{first: lines[0], header: map[string][]string{}, body: body}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		m.header[name] = append(m.header[name], strings.TrimSpace(value))
	}
	return m
}

// await takes the first message out of the inbox that is wanted.
func (p *rawPhone) await(what string, wanted func(rawMessage) bool) rawMessage {
	p.t.Helper()
	m, ok := p.within(5*time.Second, wanted)
	if !ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		var came []string
		for _, m := range p.inbox {
			came = append(came, m.first+" ("+m.get("CSeq")+")")
		}
		p.t.Fatalf("phone %s: no %s; came: %s", p.number, what, strings.Join(came, ", "))
	}
	return m
}

func (p *rawPhone) within(d time.Duration, wanted func(rawMessage) bool) (rawMessage, bool) {
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		for i, m := range p.inbox {
			if wanted(m) {
				p.inbox = append(p.inbox[:i:i], p.inbox[i+1:]...)
				p.mu.Unlock()
				return m, true
			}
		}
		p.mu.Unlock()
		select {
		case <-p.more:
		case <-deadline.C:
			return rawMessage{}, false
		}
	}
}

func (p *rawPhone) send(text string) {
	p.t.Helper()
	if _, err := p.conn.WriteTo([]byte(text), p.server); err != nil {
		p.t.Fatal(err)
	}
}

func (p *rawPhone) at() string { return p.conn.LocalAddr().String() }

func (p *rawPhone) next() int {
	p.cseq++
	return p.cseq
}

// offer is the phone's session description.
func (p *rawPhone) offer() string {
	a := p.media.LocalAddr().(*net.UDPAddr)
	return fmt.Sprintf("v=0\r\no=%[1]s 1 1 IN IP4 %[2]s\r\ns=-\r\nc=IN IP4 %[2]s\r\nt=0 0\r\nm=audio %[3]d RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n%[4]s",
		p.number, a.IP, a.Port, p.sdp)
}

// request writes a request; more are further header lines.
func (p *rawPhone) request(method, uri, to, from, callID string, cseq int, body string, more ...string) {
	p.t.Helper()
	var b bytes.Buffer
	branch := fmt.Sprintf("%s%d%d", method, cseq, len(more))
	if method == "CANCEL" {
		branch = fmt.Sprintf("INVITE%d1", cseq) // that of the INVITE with credentials
	}
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@%s>\r\n",
		method, uri, p.at(), branch, from, to, callID, cseq, method, p.number, p.at())
	for _, line := range more {
		b.WriteString(line + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.send(b.String())
}

// proven sends a request, answers the challenge, and gives the answer: of a proven
// INVITE the first one, also 100.
func (p *rawPhone) proven(method, uri, to, from, callID, body string, more ...string) (rawMessage, int) {
	p.t.Helper()
	cseq, least := p.next(), 100
	p.request(method, uri, to, from, callID, cseq, body, more...)
	answered := func(cseq int) func(rawMessage) bool {
		return func(m rawMessage) bool {
			return m.status() > least && m.get("Call-ID") == callID && m.get("CSeq") == fmt.Sprintf("%d %s", cseq, method)
		}
	}
	m := p.await("answer to "+method, answered(cseq))
	if m.status() != 401 {
		return m, cseq
	}
	if method == "INVITE" {
		p.ack(uri, m.get("To"), from, callID, cseq)
	}
	var challenge *digest.Challenge
	for _, text := range m.header["www-authenticate"] {
		if c, err := digest.ParseChallenge(text); err == nil && (challenge == nil || c.Algorithm == "MD5") {
			challenge = c
		}
	}
	credentials, err := digest.Digest(challenge, digest.Options{Method: method, URI: uri, Username: p.number, Password: "secret" + p.number, Count: 1})
	if err != nil {
		p.t.Fatal(err)
	}
	cseq, least = p.next(), 99 // what takes long is not waited for
	p.request(method, uri, to, from, callID, cseq, body, append(more, "Authorization: "+credentials.String())...)
	return p.await("answer to the proven "+method, answered(cseq)), cseq
}

func (p *rawPhone) ack(uri, to, from, callID string, cseq int) {
	p.t.Helper()
	p.request("ACK", uri, to, from, callID, cseq, "")
}

func (p *rawPhone) self() string {
	return fmt.Sprintf("<sip:%s@example.test>;tag=raw%s%d", p.number, p.number, p.callID)
}

// register registers the phone and gives the status.
func (p *rawPhone) register() int {
	p.t.Helper()
	m, _ := p.proven("REGISTER", "sip:example.test", fmt.Sprintf("<sip:%s@example.test>", p.number), p.self(), "reg-"+p.number+"@"+p.at(), "", "Expires: 200")
	return m.status()
}

// rawCall is a phone's end of a call.
type rawCall struct {
	p              *rawPhone
	local, remote  string // From and To of its own requests
	target, callID string
	peer           rawMessage // the far end's last description
	invite         rawMessage
	inviteCSeq     int
	toURI          string
}

// call sends an INVITE and gives the first answer above 100.
func (p *rawPhone) call(number string, more ...string) (*rawCall, rawMessage) {
	p.t.Helper()
	p.callID++
	c := &rawCall{p: p, local: p.self(), callID: fmt.Sprintf("call-%d-%s@%s", p.callID, p.number, p.at()), toURI: "sip:" + number + "@example.test"}
	m, cseq := p.proven("INVITE", c.toURI, "<"+c.toURI+">", c.local, c.callID, p.offer(), more...)
	c.inviteCSeq = cseq
	return c, m
}

// answered waits for the 2xx of the call, or takes m where it is one, and acknowledges.
func (c *rawCall) answered(m rawMessage) {
	c.p.t.Helper()
	if m.status() < 200 {
		m = c.p.await("final answer to INVITE", func(m rawMessage) bool {
			return m.status() >= 200 && m.get("Call-ID") == c.callID && m.method() == "INVITE"
		})
	}
	if m.status() != 200 {
		c.p.t.Fatalf("phone %s: the call was answered %s", c.p.number, m.first)
	}
	c.remote, c.target, c.peer = m.get("To"), inBrackets(m.get("Contact")), m
	c.p.ack(c.target, c.remote, c.local, c.callID, c.inviteCSeq)
}

// final is the final answer to an INVITE of which m came.
func (p *rawPhone) final(m rawMessage) rawMessage {
	p.t.Helper()
	if m.status() >= 200 {
		return m
	}
	return p.await("final answer to INVITE", func(f rawMessage) bool {
		return f.status() >= 200 && f.get("Call-ID") == m.get("Call-ID") && f.method() == "INVITE"
	})
}

func inBrackets(address string) string {
	_, rest, _ := strings.Cut(address, "<")
	uri, _, _ := strings.Cut(rest, ">")
	return uri
}

// rings waits for an INVITE.
func (p *rawPhone) rings() *rawCall {
	p.t.Helper()
	m := p.await("INVITE", func(m rawMessage) bool { return m.request("INVITE") && !strings.Contains(m.get("To"), "tag=") })
	p.callID++
	c := &rawCall{p: p, invite: m, peer: m, callID: m.get("Call-ID"), remote: m.get("From"), target: inBrackets(m.get("Contact"))}
	c.local = fmt.Sprintf("%s;tag=called%s%d", m.get("To"), p.number, p.callID)
	return c
}

// reply answers a request of the call.
func (c *rawCall) reply(m rawMessage, status int, phrase, body string) {
	c.p.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, phrase)
	for _, via := range m.header["via"] {
		fmt.Fprintf(&b, "Via: %s\r\n", via)
	}
	to := m.get("To")
	if !strings.Contains(to, "tag=") {
		to = c.local
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s@%s>\r\n", m.get("From"), to, m.get("Call-ID"), m.get("CSeq"), c.p.number, c.p.at())
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	c.p.send(b.String())
}

// pickUp answers the call and waits for the ACK.
func (c *rawCall) pickUp() {
	c.p.t.Helper()
	c.reply(c.invite, 200, "OK", c.p.offer())
	c.p.await("ACK", func(m rawMessage) bool { return m.request("ACK") && m.get("Call-ID") == c.callID })
}

// within sends a request within the dialog and gives the final answer.
func (c *rawCall) within(method, body string, more ...string) rawMessage {
	c.p.t.Helper()
	return c.asks(method, body, more...)()
}

// asks sends a request within the dialog; what it gives waits for the final answer.
func (c *rawCall) asks(method, body string, more ...string) func() rawMessage {
	c.p.t.Helper()
	cseq := c.p.next() + 1000
	c.p.request(method, c.target, c.remote, c.local, c.callID, cseq, body, more...)
	return func() rawMessage {
		c.p.t.Helper()
		m := c.p.await("answer to "+method, func(m rawMessage) bool {
			return m.status() >= 200 && m.get("Call-ID") == c.callID && m.get("CSeq") == fmt.Sprintf("%d %s", cseq, method)
		})
		if method == "INVITE" {
			c.p.ack(c.target, c.remote, c.local, c.callID, cseq)
			if m.status() == 200 && m.body != "" {
				c.peer = m
			}
		}
		return m
	}
}

// offered answers a re-INVITE of the far end with the phone's description.
func (c *rawCall) offered() rawMessage {
	c.p.t.Helper()
	m := c.p.await("re-INVITE", func(m rawMessage) bool { return m.request("INVITE") && m.get("Call-ID") == c.callID })
	c.reply(m, 200, "OK", c.p.offer())
	return m
}

// agreed waits for the ACK of a re-INVITE that was answered.
func (c *rawCall) agreed(m rawMessage) {
	c.p.t.Helper()
	ack := c.p.await("ACK", func(m rawMessage) bool { return m.request("ACK") && m.get("Call-ID") == c.callID })
	if c.peer = m; m.body == "" {
		c.peer = ack
	}
}

// notified waits for a NOTIFY that tells how a transfer went.
func (c *rawCall) notified(status string) {
	c.p.t.Helper()
	for {
		m := c.p.await("NOTIFY "+status, func(m rawMessage) bool { return m.request("NOTIFY") && m.get("Call-ID") == c.callID })
		c.reply(m, 200, "OK", "")
		if strings.Contains(m.body, "SIP/2.0 "+status) {
			return
		}
	}
}

// hungUp waits for a BYE of the call and answers it.
func (c *rawCall) hungUp() {
	c.p.t.Helper()
	m := c.p.await("BYE", func(m rawMessage) bool { return m.request("BYE") && m.get("Call-ID") == c.callID })
	c.reply(m, 200, "OK", "")
}

// hears sends RTP from one phone and waits for it at the other.
func hears(t *testing.T, from *rawPhone, to netip.AddrPort, at *rawPhone) bool {
	t.Helper()
	packet := make([]byte, 12+160)
	packet[0], packet[11] = 0x80, 7
	buffer := make([]byte, 1500)
	for i := range 40 {
		packet[3] = byte(i)
		if _, err := from.media.WriteToUDPAddrPort(packet, to); err != nil {
			t.Fatal(err)
		}
		_ = at.media.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := at.media.Read(buffer); err == nil && n == len(packet) {
			return true
		}
	}
	return false
}

// offerPort is where the phone listens for media.
func (p *rawPhone) offerPort() uint16 { return uint16(p.media.LocalAddr().(*net.UDPAddr).Port) }
