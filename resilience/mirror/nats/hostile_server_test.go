package natscarrier_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"roost/certs"
	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
)

// evilServer is berlin's server, with its good certificate, run by somebody else. say
// answers each subscription that it is sent.
func evilServer(t *testing.T, id *certs.Source, say func(conn net.Conn, subject, sid string)) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", id.LineServer(certs.Line{Clock: time.Now}))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveEvil(conn, say)
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return listener.Addr().String()
}

func serveEvil(conn net.Conn, say func(conn net.Conn, subject, sid string)) {
	defer conn.Close()
	fmt.Fprintf(conn, "INFO {\"server_id\":\"x\",\"version\":\"2.15.2\",\"proto\":1,\"headers\":true,\"max_payload\":%d}\r\n", 8<<20)
	reader := bufio.NewReader(conn)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		fields := strings.Fields(line)
		switch {
		case fields[0] == "PING":
			fmt.Fprint(conn, "PONG\r\n")
		case fields[0] == "SUB":
			say(conn, fields[1], fields[len(fields)-1])
		}
	}
}

func TestSH2_APeersServerCannotSpeakForAnother(t *testing.T) {
	ca := newCA(t, "root")
	address := evilServer(t, identity(t, ca, "berlin"), func(conn net.Conn, subject, sid string) {
		if subject != "hb.berlin" {
			return
		}
		for _, forged := range []string{"hb.paris", "hb.london", "repl.paris.delta.dir", "repl.berlin.delta.bind.paris", "not-a-subject"} {
			fmt.Fprintf(conn, "MSG %s %s 6\r\nforged\r\n", forged, sid)
		}
		fmt.Fprintf(conn, "MSG hb.berlin %s 4\r\ntrue\r\n", sid)
	})
	cfg := basis("london", identity(t, ca, "london"))
	london := start(t, cfg)
	beats := listen(t, london, heartbeat(mirror.Any))
	deltas := listen(t, london, delta(mirror.Any, mirror.Any))
	if err := london.SetPeers([]natscarrier.Peer{{System: "berlin", Address: address}, {System: "paris"}}); err != nil {
		t.Fatal(err)
	}
	beats.only(t, "true")
	deltas.only(t)
	if c := london.Counters(); c.Forged+c.Malformed < 4 {
		t.Fatalf("%+v", c)
	}
}

func TestLimits_APeersServerCannotEndThisProcess(t *testing.T) {
	ca := newCA(t, "root")
	address := evilServer(t, identity(t, ca, "berlin"), func(conn net.Conn, subject, sid string) {
		fmt.Fprintf(conn, "MSG %s %s 9000000000000\r\n", subject, sid)
	})
	cfg := basis("london", identity(t, ca, "london"))
	cfg.Peers = []natscarrier.Peer{{System: "berlin", Address: address}}
	why(t, start(t, cfg), "berlin", "broke the NATS protocol")
}

func TestLimits_APeersServerThatFloodsIsCutOff(t *testing.T) {
	ca := newCA(t, "root")
	address := evilServer(t, identity(t, ca, "berlin"), func(conn net.Conn, subject, sid string) {
		if subject != "hb.berlin" {
			return
		}
		message := []byte(fmt.Sprintf("MSG hb.berlin %s 4\r\nmore\r\n", sid))
		go func() {
			for _, err := conn.Write(message); err == nil; {
				_, err = conn.Write(message)
			}
		}()
	})
	cfg := basis("london", identity(t, ca, "london"))
	cfg.Limits.FloodDrops = 500
	cfg.Peers = []natscarrier.Peer{{System: "berlin", Address: address}}
	began := time.Now()
	london := start(t, cfg)
	why(t, london, "berlin", "sent far more than its rate")
	allowed := 101 + uint64(50*time.Since(began).Seconds()) // the burst, and the rate since then
	if c := london.Counters(); c.Floods == 0 || c.Received > allowed {
		t.Fatalf("%d allowed: %+v", allowed, c)
	}
}
