package proxy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/cmd/roost/lab/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 5 * time.Second

// echo starts a server that sends back what it is sent.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
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
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return listener.Addr().String()
}

func start(t *testing.T) *proxy.Proxy {
	t.Helper()
	p, err := proxy.New("127.0.0.1:0", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func dial(t *testing.T, p *proxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func exchange(conn net.Conn, text string, within time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	return expect(conn, text, within)
}

func expect(conn net.Conn, text string, within time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != text {
		return errors.New("got " + string(got))
	}
	return nil
}

func TestForwards_ALargeTransferWhole(t *testing.T) {
	p := start(t)
	conn := dial(t, p)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB, more than is held in flight
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d of %d bytes came back whole: %v", len(got), len(sent), err)
	}
}

func TestCut_ResetsOpenAndNewConnectionsUntilHealed(t *testing.T) {
	p := start(t)
	old := dial(t, p)
	if err := exchange(old, "before", patience); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if p.State() != proxy.Cut {
		t.Fatalf("state is %v", p.State())
	}
	if err := exchange(old, "during", patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the open connection was not reset: %v", err)
	}
	if fresh, err := net.Dial("tcp", p.Addr()); err == nil {
		defer fresh.Close()
		if err := exchange(fresh, "during", patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a new connection was not reset: %v", err)
		}
	}
	p.Heal()
	if err := exchange(dial(t, p), "after", patience); err != nil {
		t.Fatalf("after healing: %v", err)
	}
}

func TestHang_HoldsBytesAndDeliversThemWhenHealed(t *testing.T) {
	p := start(t)
	conn := dial(t, p)
	if err := exchange(conn, "before", patience); err != nil {
		t.Fatal(err)
	}
	p.Hang()
	if err := exchange(conn, "during", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a hung line must stay silent, got %v", err)
	}
	fresh := dial(t, p)
	if err := exchange(fresh, "fresh", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a new connection on a hung line must stay silent, got %v", err)
	}
	p.Heal()
	if err := expect(conn, "during", patience); err != nil {
		t.Fatalf("what was sent into the hang: %v", err)
	}
	if err := expect(fresh, "fresh", patience); err != nil {
		t.Fatalf("what was sent on a connection made in the hang: %v", err)
	}
}

func TestHang_ThenCutThenHealAgain(t *testing.T) {
	p := start(t)
	conn := dial(t, p)
	p.Hang()
	p.Cut()
	if err := exchange(conn, "x", patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("not reset: %v", err)
	}
	p.Heal()
	if err := exchange(dial(t, p), "after", patience); err != nil {
		t.Fatal(err)
	}
}

func TestDelay_HoldsEachDirectionBack(t *testing.T) {
	p := start(t)
	conn := dial(t, p)
	p.Delay(30 * time.Millisecond)
	began := time.Now()
	if err := exchange(conn, "slow", patience); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Fatalf("there and back took %v, want at least 60ms", took)
	}
}

func TestReset_IsABlip(t *testing.T) {
	p := start(t)
	conn := dial(t, p)
	if err := exchange(conn, "before", patience); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	if err := exchange(conn, "x", patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("not reset: %v", err)
	}
	if err := exchange(dial(t, p), "after", patience); err != nil {
		t.Fatal(err)
	}
	if p.Accepted() != 2 {
		t.Fatalf("accepted %d connections, want 2", p.Accepted())
	}
}

func TestNew_RefusesWhatIsNotLoopback(t *testing.T) {
	for _, c := range [][2]string{{"0.0.0.0:0", "127.0.0.1:1"}, {"127.0.0.1:0", "192.0.2.1:1"}} {
		if _, err := proxy.New(c[0], c[1]); !errors.Is(err, proxy.ErrNotLoopback) {
			t.Errorf("New(%q, %q) = %v", c[0], c[1], err)
		}
	}
	if _, err := proxy.New("localhost", "127.0.0.1:1"); err == nil {
		t.Error("an address without a port was taken")
	}
}
