package faults

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// stranger is a socket to a system, with text in both directions. It shares no code with
// the phones or the front-end.
type stranger struct {
	t    *testing.T
	conn net.Conn
	read *bufio.Reader // of a stream
	site *site
	next int
}

// udp opens a UDP socket from an address of the site to a system.
func (s *site) udp(from netip.Addr, to *system) *stranger {
	s.t.Helper()
	local := net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(to.at(5060)))
	if err != nil {
		s.t.Fatal(err)
	}
	return &stranger{t: s.t, conn: conn, site: s}
}

// tcp opens a TCP connection.
func (s *site) tcp(from netip.Addr, to netip.AddrPort) *stranger {
	s.t.Helper()
	conn, err := dialFrom(from, to)
	if err != nil {
		s.t.Fatal(err)
	}
	return &stranger{t: s.t, conn: conn, read: bufio.NewReader(conn), site: s}
}

// tls opens a TLS connection that looks at no certificate.
func (s *site) tls(from netip.Addr, to netip.AddrPort) *stranger {
	s.t.Helper()
	plain, err := dialFrom(from, to)
	if err != nil {
		s.t.Fatal(err)
	}
	conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true}) // what is tested is the server
	return &stranger{t: s.t, conn: conn, read: bufio.NewReader(conn), site: s}
}

func dialFrom(from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 5 * time.Second}
	return dialer.Dial("tcp", to.String())
}

func (y *system) at(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(y.site.ip(lastByte(y.name)), port)
}

func (w *stranger) close() { w.conn.Close() }

// send writes and does not mind a connection that was closed.
func (w *stranger) send(text string) {
	_ = w.conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	_, _ = io.WriteString(w.conn, text)
}

// answer is a response as it came.
type answer struct {
	status int
	phrase string
	text   string
}

func (a answer) header(name string) string {
	found := regexp.MustCompile(`(?mi)^` + name + `: *(.*?)\r?$`).FindStringSubmatch(a.text)
	if found == nil {
		return ""
	}
	return found[1]
}

var errNoAnswer = errors.New("no answer")

// receive reads one message, a response, within a time.
func (w *stranger) receive(within time.Duration) (answer, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return answer{}, err
	}
	text, err := w.message()
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	a := answer{text: text}
	if _, err := fmt.Sscanf(text, "SIP/2.0 %d", &a.status); err != nil {
		return a, fmt.Errorf("not a response: %q", text)
	}
	first, _, _ := strings.Cut(text, "\r\n")
	if len(first) > 12 {
		a.phrase = first[12:]
	}
	return a, nil
}

func (w *stranger) message() (string, error) {
	if w.read == nil {
		buffer := make([]byte, 64<<10)
		n, err := w.conn.Read(buffer)
		return string(buffer[:n]), err
	}
	var head strings.Builder
	length := 0
	for {
		line, err := w.read.ReadString('\n')
		if err != nil {
			return head.String(), err
		}
		head.WriteString(line)
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Content-Length") {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if line == "\r\n" && head.Len() > 2 {
			break
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(w.read, body)
	return head.String() + string(body), err
}

// ask sends a request and returns its answer; over UDP it repeats it.
func (w *stranger) ask(text string) answer {
	w.t.Helper()
	var last error
	for range 20 {
		w.send(text)
		a, err := w.receive(500 * time.Millisecond)
		if err == nil {
			return a
		}
		last = err
		if w.read != nil {
			break
		}
	}
	w.t.Fatalf("%v to:\n%s", last, text)
	return answer{}
}

// request writes a request about a number. Each has a branch of its own.
func (w *stranger) request(method, number string, cseq int, more ...string) string {
	w.next++
	transport := "UDP"
	if w.read != nil {
		transport = "TCP"
		if _, secure := w.conn.(*tls.Conn); secure {
			transport = "TLS"
		}
	}
	target := "sip:" + domain
	if method != "REGISTER" {
		target = "sip:" + number + "@" + domain
	}
	lines := append([]string{
		fmt.Sprintf("%s %s SIP/2.0", method, target),
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK-%p-%d;rport", transport, w.conn.LocalAddr(), w, w.next),
		"Max-Forwards: 70",
		fmt.Sprintf("From: <sip:%s@%s>;tag=f%d", number, domain, w.next),
		fmt.Sprintf("To: <sip:%s@%s>", number, domain),
		fmt.Sprintf("Call-ID: %p-%s", w, number),
		fmt.Sprintf("CSeq: %d %s", cseq, method),
		"User-Agent: stranger",
	}, more...)
	return strings.Join(append(lines, "Content-Length: 0", "", ""), "\r\n")
}

func (w *stranger) contact(number string) string {
	return fmt.Sprintf("Contact: <sip:%s@%s>;+sip.instance=\"<urn:uuid:00000000-0000-4000-8000-00000000%04s>\"", number, w.conn.LocalAddr(), number)
}

// authorization answers a challenge.
func authorization(t *testing.T, challenged answer, method, uri, number, password string, count int) string {
	t.Helper()
	challenge, err := digest.ParseChallenge(challenged.header("WWW-Authenticate"))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, challenged.text)
	}
	proof, err := digest.Digest(challenge, digest.Options{
		Method: method, URI: uri, Count: count, Username: number, Password: password, Cnonce: "0a4f113b"})
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: " + proof.String()
}

// register registers a number with a password and returns the last answer and the
// Authorization that it was for.
func (w *stranger) register(number, password string, cseq int, more ...string) (answer, string) {
	w.t.Helper()
	more = append(more, w.contact(number))
	challenged := w.ask(w.request("REGISTER", number, cseq, more...))
	if challenged.status != 401 {
		return challenged, ""
	}
	proof := authorization(w.t, challenged, "REGISTER", "sip:"+domain, number, password, 1)
	return w.ask(w.request("REGISTER", number, cseq+1, append(more, proof)...)), proof
}
