package node

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"roost/registrar"
	"roost/signaling/sip/message"
)

// What stands in sip.proxies decides whose word on a Path is taken (RFC 3327), and who
// may keep the flow of a phone behind it (RFC 5626 6): the same REGISTERs, from an edge
// proxy of the configured network and from an address beside it.
func TestRFC3327_ThePathOfAConfiguredProxyIsBelievedAndNoOthers(t *testing.T) {
	s := newSite(t)
	london := s.startEdited("london", "  expires:", fmt.Sprintf("  proxies: [\"%s64/28\"]\n  expires:", s.net))
	const path = "<sip:edge.example.test;lr;ob>"
	for _, c := range []struct {
		number, from string
		path         string // kept with the binding
		flow         int    // the answer to an outbound registration
		ignored      float64
	}{
		{"201", s.net + "70", path, 200, 0},
		{"202", s.net + "80", "", 439, 1},
		{"203", "127.0.0.1", "", 439, 1},
	} {
		before := london.counters()
		edge := newEdge(t, s, c.from)
		answer := edge.register(c.number, "", "Path: "+path, "Supported: path")
		bound := london.registrar.Lookup(registrar.Number(c.number), time.Now())
		if answer.Status != 200 || len(bound) != 1 {
			t.Fatalf("%s from %s: %d %s, bound %+v", c.number, c.from, answer.Status, answer.Reason, bound)
		}
		if told, _ := answer.Get(message.HPath); bound[0].Path != c.path || told != c.path {
			t.Errorf("%s from %s: Path %q is kept and %q told, want %q", c.number, c.from, bound[0].Path, told, c.path)
		}
		after := london.counters()
		if n := after["sip_path_ignored"] - before["sip_path_ignored"]; n != c.ignored {
			t.Errorf("%s from %s: %v Paths were counted as ignored", c.number, c.from, n)
		}
		instance := `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E` + c.number + `>";reg-id=1`
		if a := edge.register(c.number, instance, "Path: "+path, "Supported: path, outbound"); a.Status != c.flow {
			t.Errorf("%s from %s: an outbound registration through a proxy is answered %d %s, want %d", c.number, c.from, a.Status, a.Reason, c.flow)
		}
	}
}

// edge is a proxy that passes on the REGISTERs of phones behind it.
type edge struct {
	t    *testing.T
	conn *net.UDPConn
	cseq int
}

func newEdge(t *testing.T, s *site, from string) *edge {
	t.Helper()
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: net.ParseIP(s.address("london")), Port: 5060})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &edge{t: t, conn: conn}
}

// register answers the challenge, and gives what came then.
func (e *edge) register(number, params string, headers ...string) *message.Message {
	e.t.Helper()
	challenged := e.send(number, params, headers)
	www, _ := challenged.Get(message.HWWWAuthenticate)
	if challenged.Status != 401 {
		return challenged // refused before credentials mattered
	}
	challenge, err := digest.ParseChallenge(www)
	if err != nil {
		e.t.Fatalf("%q: %v", www, err)
	}
	proof, err := digest.Digest(challenge, digest.Options{Method: "REGISTER", URI: "sip:example.test", Username: number, Password: "secret" + number, Count: 1})
	if err != nil {
		e.t.Fatal(err)
	}
	return e.send(number, params, append(headers, "Authorization: "+proof.String()))
}

func (e *edge) send(number, params string, headers []string) *message.Message {
	e.t.Helper()
	e.cseq++
	at := e.conn.LocalAddr()
	text := fmt.Sprintf("REGISTER sip:example.test SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP %[1]s;rport;branch=z9hG4bKedge%[3]d\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKphone%[3]d\r\n"+
		"Max-Forwards: 69\r\nFrom: <sip:%[2]s@example.test>;tag=f\r\nTo: <sip:%[2]s@example.test>\r\n"+
		"Call-ID: behind-%[1]s-%[2]s\r\nCSeq: %[3]d REGISTER\r\nContact: <sip:%[2]s@10.0.0.9:5060>%[4]s\r\nExpires: 60\r\n"+
		"User-Agent: A phone behind a proxy\r\n%[5]s\r\nContent-Length: 0\r\n\r\n",
		at, number, e.cseq, params, strings.Join(headers, "\r\n"))
	if _, err := e.conn.Write([]byte(text)); err != nil {
		e.t.Fatal(err)
	}
	if err := e.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		e.t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, err := e.conn.Read(answer)
	if err != nil {
		e.t.Fatalf("no answer to\n%s: %v", text, err)
	}
	m := new(message.Message)
	if fault := m.Parse(answer[:n], message.Limits{}, false); fault != nil {
		e.t.Fatalf("%v in\n%s", fault, answer[:n])
	}
	return m
}
