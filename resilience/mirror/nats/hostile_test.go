package natscarrier_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"roost/certs"
	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
)

// intruder is a plain NATS client with the good certificate of a system.
func intruder(t *testing.T, c *natscarrier.Carrier, id *certs.Source) *nats.Conn {
	t.Helper()
	return intruderAt(t, c.Addr().String(), id, nats.TLSHandshakeFirst())
}

func intruderAt(t *testing.T, address string, id *certs.Source, options ...nats.Option) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect("tls://"+address, append([]nats.Option{
		nats.Secure(id.LineClient(certs.Line{Clock: time.Now})), nats.NoReconnect(),
		nats.CustomInboxPrefix("_INBOX.berlin"), nats.PermissionErrOnSubscribe(true),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // violations are what is tested
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// besieged is london with a good line to paris, and a line to berlin whose certificate
// the test holds.
func besieged(t *testing.T, adapt func(*natscarrier.Config)) (london, paris *natscarrier.Carrier, berlin *certs.Source) {
	t.Helper()
	ca := newCA(t, "root")
	berlin = identity(t, ca, "berlin")
	cfg := basis("paris", identity(t, ca, "paris"))
	paris = start(t, withPeer(cfg, "london"))
	cfg = basis("london", identity(t, ca, "london"))
	if adapt != nil {
		adapt(&cfg)
	}
	cfg.Peers = []natscarrier.Peer{
		{System: "paris", Address: paris.Addr().String()},
		{System: "berlin", Address: freePort(t)},
	}
	london = start(t, cfg)
	if err := paris.SetPeers([]natscarrier.Peer{{System: "london", Address: london.Addr().String()}}); err != nil {
		t.Fatal(err)
	}
	awaitLine(t, london, "paris", true)
	awaitLine(t, paris, "london", true)
	return london, paris, berlin
}

func TestSH2_APeerCannotSpeakForAnother(t *testing.T) {
	london, paris, berlin := besieged(t, nil)
	beats := listen(t, london, heartbeat(mirror.Any))
	deltas := listen(t, london, delta(mirror.Any, mirror.Any))
	answers := listen(t, london, answer(mirror.Any, "london", mirror.Any))
	pulls := listen(t, london, pull("london", mirror.Any, mirror.Any))
	atParis := listen(t, paris, heartbeat(mirror.Any))
	conn := intruder(t, london, berlin)
	forged := []string{
		"hb.london", "hb.paris", "hb.berlin", // berlin is dialled: not even its own, here
		"repl.paris.delta.dir", "repl.paris.delta.bind.london", "repl.london.delta.bind.paris", "repl.berlin.delta.dir",
		"repl.paris.answer.london.dir", "repl.london.answer.paris.dir",
		"repl.london.since.paris.dir", "rpc.london.paris.evidence", "rpc.paris.london.evidence",
		"_INBOX.london.x", "_INBOX.paris.x", "$SYS.REQ.SERVER.PING", "$JS.API.INFO", "anything",
	}
	for _, subject := range forged {
		if err := conn.Publish(subject, []byte("forged")); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Publish("repl.london.since.berlin.dir", []byte("own")); err != nil {
		t.Fatal(err)
	}
	if m := pulls.next(t); m.Subject.Peer != "berlin" || string(m.Payload) != "own" {
		t.Fatalf("%+v", m)
	}
	until(t, "every forgery was refused and counted", func() bool { return london.Counters().Violations >= uint64(len(forged)) })
	publish(t, paris, heartbeat("paris"), "true")
	beats.only(t, "true")
	publish(t, london, heartbeat("london"), "true")
	atParis.only(t, "true")
	for name, h := range map[string]*heard{"deltas": deltas, "answers": answers, "pulls": pulls} {
		if len(h.messages) > 0 {
			t.Errorf("%s: heard %+v", name, <-h.messages)
		}
	}
}

func TestSH5_APeerCannotHearWhatIsForAnother(t *testing.T) {
	london, _, berlin := besieged(t, nil)
	conn := intruder(t, london, berlin)
	for _, subject := range []string{
		">", "*", "*.>", "hb.*", "hb.>", "hb.paris", "repl.>", "repl.london.>", "repl.london.delta.>", "repl.london.delta.*.*",
		"repl.london.delta.bind.paris", "repl.london.answer.*.dir", "repl.london.answer.paris.>", "repl.*.delta.dir",
		"rpc.>", "rpc.london.>", "repl.london.since.>", "_INBOX.>", "_INBOX.paris.>", "_INBOX.*.>", "$SYS.>",
	} {
		sub, err := conn.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, err := sub.NextMsg(time.Second); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("subscribing to %q: %v", subject, err)
		}
	}
}

func TestCalls_AReplyCannotBeSentElsewhere(t *testing.T) {
	london, paris, berlin := besieged(t, nil)
	stop, err := london.Subscribe(call("london", mirror.Any, mirror.Any), func(m mirror.Message) { _ = m.Reply([]byte("forged")) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	beats := listen(t, paris, heartbeat(mirror.Any))
	conn := intruder(t, london, berlin)
	for _, reply := range []string{"hb.london", "repl.london.delta.dir", "_INBOX.paris.x", "_INBOX.berlin"} {
		if err := conn.PublishRequest("rpc.london.berlin.x", reply, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Publish("rpc.london.berlin.x", []byte("no reply wanted")); err != nil {
		t.Fatal(err)
	}
	until(t, "all were refused", func() bool { return london.Counters().Forged == 5 })
	if m, err := conn.Request("rpc.london.berlin.x", nil, patience); err != nil || string(m.Data) != "forged" {
		t.Fatalf("an honest call: %v, %v", m, err)
	}
	publish(t, london, heartbeat("london"), "true")
	beats.only(t, "true")
}

func TestLimits_AnOversizedMessageEndsTheConnection(t *testing.T) {
	london, paris, berlin := besieged(t, nil)
	raw, reader := rawClient(t, london, berlin)
	fmt.Fprintf(raw, "PUB repl.london.since.berlin.dir %d\r\n", london.MaxPayload()+1)
	line, err := reader.ReadString('\n')
	for err == nil && strings.HasPrefix(line, "INFO") {
		line, err = reader.ReadString('\n')
	}
	if err != nil || !strings.Contains(line, "Maximum Payload Violation") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := reader.ReadString('\n'); err == nil {
		t.Fatal("the connection stands")
	}
	passes(t, london, "london", listen(t, paris, heartbeat("london")), "still here")
}

// rawClient speaks NATS by hand, with the certificate of a peer.
func rawClient(t *testing.T, c *natscarrier.Carrier, id *certs.Source) (*tls.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := tls.Dial("tcp", c.Addr().String(), id.LineClient(certs.Line{Clock: time.Now}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	fmt.Fprint(conn, "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"name\":\"berlin data\"}\r\nPING\r\n")
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "PONG") {
			return conn, reader
		}
	}
}

func TestLimits_AFloodIsCutOffAndOthersAreServed(t *testing.T) {
	london, paris, berlin := besieged(t, func(c *natscarrier.Config) { c.Limits.FloodDrops = 500 })
	beats := listen(t, london, heartbeat("paris"))
	listen(t, london, pull("london", mirror.Any, mirror.Any))
	conn := intruder(t, london, berlin)
	ended := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(ended) })
	deadline := time.Now().Add(patience)
	for conn.Publish("repl.london.since.berlin.dir", []byte("more")) == nil && time.Now().Before(deadline) {
		continue
	}
	<-ended
	count := london.Counters()
	if count.Floods == 0 || count.DroppedRate < 500 {
		t.Fatalf("%+v", count)
	}
	if _, err := nats.Connect("tls://"+london.Addr().String(), nats.Secure(berlin.LineClient(certs.Line{Clock: time.Now})),
		nats.TLSHandshakeFirst(), nats.NoReconnect()); !errors.Is(err, nats.ErrAuthorization) {
		t.Fatalf("at once back after a flood: %v", err)
	}
	passes(t, paris, "paris", beats, "still here")
	until(t, "the penalty is over", func() bool {
		back, err := nats.Connect("tls://"+london.Addr().String(), nats.Secure(berlin.LineClient(certs.Line{Clock: time.Now})),
			nats.TLSHandshakeFirst(), nats.NoReconnect())
		if err == nil {
			back.Close()
		}
		return err == nil
	})
}

func TestLimits_APeerThatDoesNotReadIsCutOffAndOthersAreServed(t *testing.T) {
	london, paris, berlin := besieged(t, func(c *natscarrier.Config) { c.Limits.PendingBytes = 4 << 20 })
	raw, _ := rawClient(t, london, berlin)
	fmt.Fprint(raw, "SUB repl.london.delta.*.berlin 1\r\nSUB repl.london.delta.dir 2\r\n")
	dirs := listen(t, paris, delta("london", mirror.Dir))
	payload := make([]byte, 64<<10)
	deadline := time.Now().Add(patience)
	for london.Counters().SlowPeers == 0 && time.Now().Before(deadline) {
		if err := london.Publish(delta("london", mirror.Dir), payload); err != nil {
			t.Fatal(err)
		}
		dirs.next(t) // paris gets each of them meanwhile
	}
	until(t, "berlin is cut off", func() bool { return london.Counters().SlowPeers > 0 })
}

func TestLimits_ConnectionsOfOnePeer(t *testing.T) {
	london, _, berlin := besieged(t, nil)
	conns := make([]*nats.Conn, 20)
	for i := range conns {
		conns[i] = intruder(t, london, berlin)
	}
	until(t, "only the newest stand", func() bool {
		standing := 0
		for _, c := range conns {
			if !c.IsClosed() {
				standing++
			}
		}
		return standing == 6
	})
	for _, a := range london.Arrivals() {
		if a.System == "berlin" && a.Connections != 6 {
			t.Fatalf("%+v", a)
		}
	}
}

func TestLimits_SilentAndStrangeClientsAreDroppedAndPeersComeIn(t *testing.T) {
	london, paris, _ := besieged(t, nil)
	var silent []net.Conn
	for i := range 200 {
		conn, err := net.Dial("tcp", london.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			fmt.Fprint(conn, "GET / HTTP/1.1\r\n\r\n")
		}
		silent = append(silent, conn)
	}
	if err := paris.SetPeers(nil); err != nil {
		t.Fatal(err)
	}
	if err := paris.SetPeers([]natscarrier.Peer{{System: "london", Address: london.Addr().String()}}); err != nil {
		t.Fatal(err)
	}
	awaitLine(t, paris, "london", true) // while all of them stand
	for _, conn := range silent {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Read(make([]byte, 512))
		for err == nil {
			_, err = conn.Read(make([]byte, 512)) // an alert
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatal("a silent connection still stands")
		}
	}
	refusal(t, london, "said nothing")
	refusal(t, london, "does not speak TLS")
}
