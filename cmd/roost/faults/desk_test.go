package faults

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// desk is a phone over UDP whose every message is written by hand, so that it can also
// say what no phone should.
type desk struct {
	t      *testing.T
	site   *site
	number string
	conn   *net.UDPConn // to the system
	voice  *net.UDPConn
	inbox  []mail

	cseq, calls int
	challenge   *digest.Challenge
	proofs      int // how often the challenge was answered
}

// mail is a message as it came.
type mail struct{ answer }

func (m mail) is(method string) bool { return strings.HasPrefix(m.text, method+" ") }

func (m mail) body() string {
	_, body, _ := strings.Cut(m.text, "\r\n\r\n")
	return body
}

// cseq is "1 INVITE".
func (m mail) cseq() string { return m.header("CSeq") }

// audio is where the sender of a description listens.
func (m mail) audio() netip.AddrPort {
	var host, port string
	for line := range strings.Lines(m.body()) {
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

// desk makes a registered phone at an address.
func (s *site) desk(number string, at netip.Addr, of *system) *desk {
	s.t.Helper()
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: at.AsSlice()}, net.UDPAddrFromAddrPort(of.at(5060)))
	if err != nil {
		s.t.Fatal(err)
	}
	voice, err := net.ListenUDP("udp", &net.UDPAddr{IP: at.AsSlice()})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close(); voice.Close() })
	// What comes in bursts is not lost here; the kernel may grant less.
	_ = conn.SetReadBuffer(4 << 20)
	d := &desk{t: s.t, site: s, number: number, conn: conn, voice: voice}
	if m := d.register(); m.status != 200 {
		s.t.Fatalf("%s is registered with %s", number, m.text)
	}
	return d
}

func (d *desk) register() mail {
	to := fmt.Sprintf("<sip:%s@%s>", d.number, domain)
	return d.proven(&request{method: "REGISTER", uri: "sip:" + domain, from: to + ";tag=reg", to: to, callID: "reg-" + d.number,
		more: []string{"Expires: 60"}})
}

// request is what a request has of its own.
type request struct {
	method, uri, from, to, callID string
	cseq                          int // 0: the next
	branch                        string
	more                          []string
	body, kind                    string
	hops                          int // Max-Forwards, 70 if 0, none below
}

func (d *desk) next() int {
	d.cseq++
	return d.cseq
}

func (d *desk) write(r *request) string {
	if r.cseq == 0 {
		r.cseq = d.next()
	}
	if r.branch == "" {
		r.branch = fmt.Sprintf("z9hG4bK%s%p%d", r.method, d, r.cseq)
	}
	if r.kind == "" {
		r.kind = "application/sdp"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\n", r.method, r.uri, d.conn.LocalAddr(), r.branch)
	if r.hops == 0 {
		r.hops = 70
	}
	fmt.Fprintf(&b, "Max-Forwards: %d\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@%s>\r\n",
		max(r.hops, 0), r.from, r.to, r.callID, r.cseq, r.method, d.number, d.conn.LocalAddr())
	for _, line := range r.more {
		b.WriteString(line + "\r\n")
	}
	if r.body != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", r.kind)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
	return b.String()
}

func (d *desk) send(text string) { _, _ = d.conn.Write([]byte(text)) }

// await gives the first message that is wanted, and keeps the others.
func (d *desk) await(what string, within time.Duration, wanted func(mail) bool) mail {
	d.t.Helper()
	m, ok := d.within(within, wanted)
	if !ok {
		var came strings.Builder
		for _, m := range d.inbox {
			first, _, _ := strings.Cut(m.text, "\r\n")
			came.WriteString(first + " (" + m.cseq() + "), ")
		}
		d.t.Fatalf("phone %s: no %s; came: %s", d.number, what, came.String())
	}
	return m
}

func (d *desk) within(within time.Duration, wanted func(mail) bool) (mail, bool) {
	for i, m := range d.inbox {
		if wanted(m) {
			d.inbox = append(d.inbox[:i:i], d.inbox[i+1:]...)
			return m, true
		}
	}
	deadline := time.Now().Add(within)
	buffer := make([]byte, 64<<10)
	for {
		_ = d.conn.SetReadDeadline(deadline)
		n, err := d.conn.Read(buffer)
		switch {
		case late(err):
			return mail{}, false
		case err != nil:
			continue // an ICMP of before
		}
		m := mail{answer{text: string(buffer[:n])}}
		_, _ = fmt.Sscanf(m.text, "SIP/2.0 %d", &m.status)
		if wanted(m) {
			return m, true
		}
		d.inbox = append(d.inbox, m)
	}
}

// answers tells the final answers to a request.
func answers(r *request) func(mail) bool {
	want := fmt.Sprintf("%d %s", r.cseq, r.method)
	return func(m mail) bool { return m.status >= 200 && m.header("Call-ID") == r.callID && m.cseq() == want }
}

// ask sends a request until it is answered, and gives the final answer.
func (d *desk) ask(r *request) mail {
	d.t.Helper()
	text := d.write(r)
	for range 6 {
		d.send(text)
		if m, ok := d.within(700*time.Millisecond, answers(r)); ok {
			return m
		}
	}
	return d.await("answer to "+r.method, 10*time.Second, answers(r))
}

// proven sends a request with credentials, once the system has challenged for them.
func (d *desk) proven(r *request) mail {
	d.t.Helper()
	more := r.more
	for range 3 {
		if d.challenge != nil {
			r.more = append(more[:len(more):len(more)], d.proof(r.method, r.uri))
		}
		m := d.ask(r)
		if m.status != 401 {
			return m
		}
		if r.method == "INVITE" {
			d.ackRefusal(r, m)
		}
		d.challenged(m)
		r.cseq, r.branch = 0, ""
	}
	d.t.Fatalf("phone %s: %s is challenged again and again", d.number, r.method)
	return mail{}
}

func (d *desk) challenged(m mail) {
	c, err := digest.ParseChallenge(m.header("WWW-Authenticate"))
	if err != nil {
		d.t.Fatalf("%v in %s", err, m.text)
	}
	d.challenge, d.proofs = c, 0
}

func (d *desk) proof(method, uri string) string {
	d.proofs++
	proof, err := digest.Digest(d.challenge, digest.Options{Method: method, URI: uri, Count: d.proofs,
		Username: d.number, Password: password(d.number), Cnonce: "0a4f113b"})
	if err != nil {
		d.t.Fatal(err)
	}
	return "Authorization: " + proof.String()
}

func (d *desk) ackRefusal(r *request, m mail) {
	d.send(d.write(&request{method: "ACK", uri: r.uri, from: r.from, to: m.header("To"), callID: r.callID, cseq: r.cseq, branch: r.branch}))
}

// offer is the phone's session description, with more lines at its end.
func (d *desk) offer(more ...string) string {
	at := d.voice.LocalAddr().(*net.UDPAddr)
	return sdp(at.IP.String(), at.Port, "RTP/AVP", more...)
}

var descriptions atomic.Uint64 // for o=

func sdp(host string, port int, profile string, more ...string) string {
	lines := append([]string{"v=0", fmt.Sprintf("o=- %d 1 IN IP4 %s", descriptions.Add(1), host), "s=-", "c=IN IP4 " + host, "t=0 0",
		fmt.Sprintf("m=audio %d %s 0 101", port, profile), "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000"}, more...)
	return strings.Join(append(lines, ""), "\r\n")
}

// deskCall is a desk's end of a call.
type deskCall struct {
	d             *desk
	local, remote string // From and To of its own requests, with tags
	uri, callID   string // uri: where requests within the call go
	peer          mail   // the far end's last description
	invite        *request
}

// invitation is an INVITE to a number with a body.
func (d *desk) invitation(number, body string, more ...string) *request {
	d.calls++
	uri := "sip:" + number + "@" + domain
	return &request{method: "INVITE", uri: uri, from: fmt.Sprintf("<sip:%s@%s>;tag=%s-%d", d.number, domain, d.number, d.calls),
		to: "<" + uri + ">", callID: fmt.Sprintf("call-%p-%d", d, d.calls), body: body, more: more}
}

// refused sends an INVITE that is to be refused, and gives the refusal.
func (d *desk) refused(number, body string, more ...string) mail {
	d.t.Helper()
	r := d.invitation(number, body, more...)
	m := d.proven(r)
	d.ackRefusal(r, m)
	if m.status < 300 {
		c := d.up(r, m)
		c.hangUp()
	}
	return m
}

// call calls a number that answers.
func (d *desk) call(number, body string, more ...string) *deskCall {
	d.t.Helper()
	r := d.invitation(number, body, more...)
	m := d.proven(r)
	if m.status != 200 {
		d.t.Fatalf("phone %s calls %s: %s", d.number, number, m.text)
	}
	return d.up(r, m)
}

// up acknowledges a 200.
func (d *desk) up(r *request, m mail) *deskCall {
	c := &deskCall{d: d, local: r.from, remote: m.header("To"), uri: inBrackets(m.header("Contact")), callID: r.callID, peer: m, invite: r}
	c.ack(r.cseq)
	return c
}

func (c *deskCall) ack(cseq int) {
	c.d.send(c.d.write(&request{method: "ACK", uri: c.uri, from: c.local, to: c.remote, callID: c.callID, cseq: cseq, branch: fmt.Sprintf("z9hG4bKack%p%d", c.d, cseq)}))
}

func inBrackets(address string) string {
	_, rest, _ := strings.Cut(address, "<")
	uri, _, _ := strings.Cut(rest, ">")
	return uri
}

// rings waits for an INVITE.
func (d *desk) rings() *deskCall {
	d.t.Helper()
	m := d.await("INVITE", 10*time.Second, func(m mail) bool { return m.is("INVITE") && !strings.Contains(m.header("To"), "tag=") })
	d.calls++
	return &deskCall{d: d, peer: m, callID: m.header("Call-ID"), remote: m.header("From"), uri: inBrackets(m.header("Contact")),
		local: fmt.Sprintf("%s;tag=called-%s-%d", m.header("To"), d.number, d.calls)}
}

// reply answers a request of the far end.
func (c *deskCall) reply(m mail, status int, phrase, body string) {
	to := m.header("To")
	if !strings.Contains(to, "tag=") {
		to = c.local
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s@%s>\r\n", status, phrase,
		m.header("Via"), m.header("From"), to, m.header("Call-ID"), m.cseq(), c.d.number, c.d.conn.LocalAddr())
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	c.d.send(b.String())
}

// asking is a request within the call.
func (c *deskCall) asking(method, body string, more ...string) *request {
	return &request{method: method, uri: c.uri, from: c.local, to: c.remote, callID: c.callID, body: body, more: more}
}

// asks sends a request within the call and gives its answer.
func (c *deskCall) asks(method, body string, more ...string) mail {
	c.d.t.Helper()
	r := c.asking(method, body, more...)
	m := c.d.ask(r)
	if method == "INVITE" && m.status < 300 {
		c.ack(r.cseq)
	} else if method == "INVITE" {
		c.d.ackRefusal(r, m)
	}
	return m
}

func (c *deskCall) hangUp() {
	c.d.t.Helper()
	if m := c.asks("BYE", ""); m.status != 200 {
		c.d.t.Errorf("phone %s hangs up: %s", c.d.number, m.text)
	}
}

// hungUp waits for the far end's BYE.
func (c *deskCall) hungUp() {
	c.d.t.Helper()
	m := c.d.await("BYE", 10*time.Second, func(m mail) bool { return m.is("BYE") && m.header("Call-ID") == c.callID })
	c.reply(m, 200, "OK", "")
}

// quiet checks that nothing comes within a time that is wanted.
func (d *desk) quiet(for_ time.Duration, unwanted func(mail) bool) {
	d.t.Helper()
	if m, came := d.within(for_, unwanted); came {
		d.t.Errorf("phone %s got what it should not have:\n%s", d.number, m.text)
	}
}

// rtp is a packet of PCMU.
func rtp(seq uint16, ssrc byte, mark byte) []byte {
	p := make([]byte, 12+160)
	p[0], p[2], p[3], p[11] = 0x80, byte(seq>>8), byte(seq), ssrc
	stamp := uint32(seq) * 160
	p[4], p[5], p[6], p[7] = byte(stamp>>24), byte(stamp>>16), byte(stamp>>8), byte(stamp)
	for i := range p[12:] {
		p[12+i] = mark
	}
	return p
}

// heardBy sends voice from one desk to where it was told, and waits for it at the other;
// mark tells it from other voices. At least one of the packets must come, and none with
// another mark.
func heardBy(t *testing.T, from *desk, to netip.AddrPort, at *desk, mark byte, first uint16) {
	t.Helper()
	at.overheard()
	buffer := make([]byte, 2048)
	for i := range uint16(50) {
		_, _ = from.voice.WriteToUDPAddrPort(rtp(first+i, mark, mark), to)
		_ = at.voice.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := at.voice.Read(buffer)
		switch {
		case err != nil:
			continue
		case n != 172 || buffer[12] != mark:
			t.Errorf("phone %s hears %d bytes of somebody else: %x", at.number, n, buffer[:min(n, 16)])
		}
		return
	}
	t.Errorf("phone %s does not hear %s", at.number, from.number)
}

// alien is the mark of voices that nobody may hear.
const alien = 0xee

// overheard reads what has come to a desk's ear, which must be no stranger's.
func (d *desk) overheard() {
	d.t.Helper()
	buffer := make([]byte, 2048)
	for {
		_ = d.voice.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := d.voice.Read(buffer)
		if err != nil {
			return
		}
		if n != 172 || buffer[12] == alien {
			d.t.Errorf("phone %s heard a stranger: %x", d.number, buffer[:min(n, 16)])
		}
	}
}
