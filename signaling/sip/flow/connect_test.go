package flow

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
)

// What this system connects to is a flow like any other, in both directions.
func TestConnect_AConnectionOfOurOwnIsAFlow(t *testing.T) {
	for _, secure := range []bool{true, false} {
		far := newRecorder(echo)
		theirs := newTable(t, far, Limits{})
		var address string
		var tc *tls.Config
		if secure {
			address, tc = serveTLS(t, theirs, &tls.Config{Certificates: []tls.Certificate{identity(t, "paris")}}), clientTLS()
		} else {
			address = serveTCP(t, theirs)
		}
		near := newRecorder(func(*Inbound) {})
		ours := newTable(t, near, Limits{PerSource: 1})
		var ids []ID
		for range 2 { // the limits on strangers are not ours
			id, err := ours.Connect(dial(t, "tcp", address), tc)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := ours.Send(ids[0], []byte(msg("ping", ""))); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the answer came", func() bool { return len(near.messages()) == 1 })
		if info, ok := ours.Info(ids[0]); !ok || !info.Proven || info.Transport.String() != map[bool]string{true: "TLS", false: "TCP"}[secure] || (info.TLS != nil) != secure {
			t.Errorf("the flow is %+v, %v", info, ok)
		}
		if err := theirs.Send(far.lastFlow(), []byte(msg("pong", ""))); err != nil {
			t.Fatal(err)
		}
		eventually(t, "their request came", func() bool { return len(near.messages()) == 2 })
		if err := theirs.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		expectClosed(t, near, PeerClosed)
		expectClosed(t, near, PeerClosed)
		if c := ours.Counters(); c.Connections != 0 || c.Proven != 0 {
			t.Errorf("afterwards %d connections, %d proven", c.Connections, c.Proven)
		}
	}
}

func TestConnect_AHandshakeThatFailsIsTold(t *testing.T) {
	theirs := newTable(t, newRecorder(echo), Limits{})
	address := serveTLS(t, theirs, &tls.Config{Certificates: []tls.Certificate{identity(t, "paris")}})
	ours := newTable(t, newRecorder(func(*Inbound) {}), Limits{})
	if id, err := ours.Connect(dial(t, "tcp", address), &tls.Config{ServerName: "paris", RootCAs: nil}); err == nil {
		t.Errorf("a certificate of nobody gave flow %v", id)
	}
	if c := ours.Counters(); c.Connections != 0 || c.Handshaking != 0 {
		t.Errorf("afterwards %d connections, %d in their handshake", c.Connections, c.Handshaking)
	}
	if err := ours.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer far.Close()
	if _, err := ours.Connect(near, nil); !errors.Is(err, ErrShutdown) {
		t.Errorf("after the shutdown: %v", err)
	}
}
