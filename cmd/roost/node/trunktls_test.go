package node

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/certs"
	"roost/cmd/roost/console/api"
)

// pbx is another PBX that speaks TLS or TCP: it says that it is there, and is busy for
// every call.
type pbx struct {
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	came     []string // first lines
	names    []string // common names of certificates that it was shown
	work     sync.WaitGroup
}

// pbx serves at an address of the site's net, with a certificate for these names; none:
// without TLS.
func (s *site) pbx(host string, names ...string) *pbx {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.net+host+":0")
	if err != nil {
		s.t.Fatal(err)
	}
	if len(names) > 0 {
		identity, err := s.ca.IssueIdentity(certs.Request{System: "pbx", Addresses: names, ValidFor: time.Hour}, time.Now())
		if err != nil {
			s.t.Fatal(err)
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{identity.TLSCertificate()}, ClientAuth: tls.RequestClientCert})
	}
	p := &pbx{listener: listener}
	p.work.Go(p.accept)
	s.t.Cleanup(func() {
		listener.Close()
		p.hangUp()
		p.work.Wait()
	})
	return p
}

func (p *pbx) port() string {
	_, port, _ := net.SplitHostPort(p.listener.Addr().String())
	return port
}

func (p *pbx) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.conns = append(p.conns, conn)
		p.mu.Unlock()
		p.work.Go(func() { p.serve(conn) })
	}
}

// hangUp closes all connections.
func (p *pbx) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		conn.Close()
	}
	p.conns = nil
}

func (p *pbx) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		var head strings.Builder
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" && head.Len() > 0 {
				break
			}
			if line != "\r\n" {
				head.WriteString(line)
			}
		}
		m := parseRaw(strings.TrimSuffix(head.String(), "\r\n"))
		length, _ := strconv.Atoi(m.get("Content-Length"))
		if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
			return
		}
		p.mu.Lock()
		p.came = append(p.came, m.first)
		if secure, is := conn.(*tls.Conn); is {
			for _, shown := range secure.ConnectionState().PeerCertificates {
				name, _ := certs.SystemOf(shown)
				p.names = append(p.names, name)
				break
			}
		}
		p.mu.Unlock()
		status := 200
		if m.request("INVITE") {
			status = 486
		}
		if !m.request("ACK") {
			if _, err := io.WriteString(conn, m.answer(status, "")); err != nil {
				return
			}
		}
	}
}

func (p *pbx) got(prefix string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, first := range p.came {
		if strings.HasPrefix(first, prefix) {
			n++
		}
	}
	return n
}

// Over TLS the certificate must carry the name that is configured, whatever the DNS says
// of servers, and come from our root or the machine's; over TCP there is nothing to check.
func TestTrunk_OverTLSAndTCP(t *testing.T) {
	s := newSite(t)
	right, wrong, plain := s.pbx("201", "pbx.test"), s.pbx("202", "s1.pbx.test"), s.pbx("203")
	s.extra["london"] = fmt.Sprintf(`trunks:
  - {name: right, peer: pbx.test, srv: true, transport: tls, out: [{match: "1X."}]}
  - {name: wrong, peer: other.test, srv: true, transport: tls, out: [{match: "2X."}]}
  - {name: plain, peer: "%s203:%s", transport: tcp, out: [{match: "3X."}]}
`, s.net, plain.port())
	london := s.startWith("london", names(t,
		"_sips._tcp.pbx.test. 60 IN SRV 1 1 "+right.port()+" s0.pbx.test.", "s0.pbx.test. 60 IN A "+s.net+"201",
		"_sips._tcp.other.test. 60 IN SRV 1 1 "+wrong.port()+" s1.pbx.test.", "s1.pbx.test. 60 IN A "+s.net+"202"))
	s.trunkIs("london", "right", "up")
	s.trunkIs("london", "plain", "up")
	st := s.trunkIs("london", "wrong", "down")
	if tr := trunkState(st, "wrong"); !strings.Contains(tr.Why, "other.test") || wrong.got("") != 0 {
		t.Errorf("a server whose certificate does not name the trunk: %+v", tr)
	}
	ada := s.rawPhone("201", "101", "london")
	if status := ada.register(); status != 200 {
		t.Fatal(status)
	}
	for i, c := range []struct {
		number string
		p      *pbx
		want   int
	}{{"1201", right, 486}, {"3201", plain, 486}, {"2201", wrong, 500}} {
		_, m := ada.call(c.number)
		if m = ada.final(m); m.status() != c.want {
			t.Errorf("%d: a call to %s: %s", i, c.number, m.first)
		}
	}
	if right.got("INVITE sip:1201@pbx.test ") != 1 || plain.got("INVITE sip:3201@") != 1 || wrong.got("INVITE") != 0 {
		t.Errorf("came %q, %q, %q", right.came, plain.came, wrong.came)
	}
	right.mu.Lock()
	if len(right.names) == 0 || right.names[0] != "london" {
		t.Errorf("the other PBX, which asked for a certificate, was shown %q", right.names)
	}
	right.mu.Unlock()
	connected := london.counters()["trunk_connected"]
	if connected != 2 {
		t.Errorf("%v connections for two trunks", connected)
	}
	// The connection is lost, and made anew.
	plain.hangUp()
	s.until("london", "connected again", func(st api.Status) bool { return st.Counters["trunk_connected"] > connected })
	if _, m := ada.call("3201"); ada.final(m).status() != 486 {
		t.Errorf("after the loss: %s", m.first)
	}
}
