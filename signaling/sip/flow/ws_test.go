package flow

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// serveWS serves a real listener and gives its URL; with tc it is WSS.
func serveWS(t *testing.T, table *Table, tc *tls.Config, origins ...string) string {
	t.Helper()
	l := must(OpenTCP(t.Context(), "127.0.0.1:0"))
	if err := table.ServeWS(l, tc, origins); err != nil {
		t.Fatal(err)
	}
	if tc != nil {
		return "wss://" + l.Addr().String()
	}
	return "ws://" + l.Addr().String()
}

func dialWS(t *testing.T, url string, o websocket.DialOptions) *websocket.Conn {
	t.Helper()
	if o.Subprotocols == nil {
		o.Subprotocols = []string{"sip"}
	}
	c, _, err := websocket.Dial(t.Context(), url, &o) //nolint:bodyclose // its documentation: there is no need to close it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func readWS(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, b, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeWS(t *testing.T, c *websocket.Conn, s string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(s)); err != nil {
		t.Fatal(err)
	}
}

func TestRFC7118_OneMessageAFrame(t *testing.T) {
	r := newRecorder(echo)
	table := newTable(t, r, Limits{})
	c := dialWS(t, serveWS(t, table, nil), websocket.DialOptions{})
	if c.Subprotocol() != "sip" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	for _, line := range []string{"one", "two", "three"} {
		m := msg(line, "body of "+line)
		writeWS(t, c, m)
		if got := readWS(t, c); got != "re:"+m {
			t.Errorf("answer %q", got)
		}
	}
	// Two messages sent in one write come as two of the WebSocket.
	both := []byte(msg("a", "x") + msg("b", ""))
	if err := table.Send(r.lastFlow(), both); err != nil {
		t.Fatal(err)
	}
	if a, b := readWS(t, c), readWS(t, c); a != msg("a", "x") || b != msg("b", "") {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestRFC7118_5_3_ContentLengthMayBeMissing(t *testing.T) {
	r := newRecorder(nil)
	table := newTable(t, r, Limits{})
	c := dialWS(t, serveWS(t, table, nil), websocket.DialOptions{})
	writeWS(t, c, "bare\r\nTo: x\r\n\r\nsome body")
	writeWS(t, c, "\r\n\r\n")
	if got := readWS(t, c); got != "\r\n" {
		t.Errorf("keep-alive answered with %q", got)
	}
	want := []string{"bare\r\nTo: x\r\nContent-Length: 9\r\n\r\nsome body"}
	if got := r.messages(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestWS_AFalseLengthEndsTheConnection(t *testing.T) {
	r := newRecorder(nil)
	table := newTable(t, r, Limits{})
	c := dialWS(t, serveWS(t, table, nil), websocket.DialOptions{})
	writeWS(t, c, msg("first", ""))
	writeWS(t, c, "smuggle\r\nContent-Length: 2\r\n\r\nabc")
	if got := (<-r.closed).why; got != BadFraming {
		t.Errorf("closed because %v", got)
	}
	if got := r.messages(); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

func TestWS_SilentAfterTheUpgradeIsClosed(t *testing.T) {
	r := newRecorder(nil)
	table := newTable(t, r, Limits{FirstMessage: 50 * time.Millisecond})
	dialWS(t, serveWS(t, table, nil), websocket.DialOptions{})
	if got := (<-r.closed).why; got != Silent {
		t.Errorf("closed because %v", got)
	}
}

// A deadline that is brought forward while the reader waits must not end the connection.
func TestWS_ADeadlineOnlyWakesTheReader(t *testing.T) {
	r := newRecorder(echo)
	table := newTable(t, r, Limits{})
	c := dialWS(t, serveWS(t, table, nil), websocket.DialOptions{})
	writeWS(t, c, msg("x", ""))
	readWS(t, c)
	table.Prove(r.lastFlow())
	table.SetIdle(r.lastFlow(), time.Hour)
	writeWS(t, c, msg("y", ""))
	if got := readWS(t, c); !strings.Contains(got, "y") {
		t.Errorf("got %q", got)
	}
	table.SetIdle(r.lastFlow(), time.Millisecond)
	if got := (<-r.closed).why; got != Idle {
		t.Errorf("closed because %v", got)
	}
}

func TestWSS_SpeaksTLSAndSaysSo(t *testing.T) {
	var transport Transport
	r := newRecorder(func(in *Inbound) { transport = in.Transport; echo(in) })
	table := newTable(t, r, Limits{})
	server := &tls.Config{Certificates: []tls.Certificate{identity(t, "london")}}
	c := dialWS(t, serveWS(t, table, server), websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(), DisableKeepAlives: true}},
	})
	writeWS(t, c, msg("x", ""))
	readWS(t, c)
	if transport != WSS {
		t.Errorf("transport %v", transport)
	}
}

func TestWS_WhoMayConnect(t *testing.T) {
	table := newTable(t, newRecorder(nil), Limits{})
	url := serveWS(t, table, nil, "https://phone.example.test")
	for _, c := range []struct {
		name, origin string
		protocols    []string
		status       int
	}{
		{"without the subprotocol", "", []string{"chat"}, http.StatusUpgradeRequired},
		{"a page of a stranger", "https://evil.example", []string{"sip"}, http.StatusForbidden},
		{"a page of ours", "https://phone.example.test", []string{"sip"}, http.StatusSwitchingProtocols},
	} {
		o := websocket.DialOptions{Subprotocols: c.protocols, HTTPHeader: http.Header{}}
		if c.origin != "" {
			o.HTTPHeader.Set("Origin", c.origin)
		}
		conn, res, err := websocket.Dial(t.Context(), url, &o) //nolint:bodyclose // as above
		if err == nil {
			_ = conn.CloseNow()
		}
		if res == nil || res.StatusCode != c.status {
			t.Errorf("%s: %v, %v", c.name, res, err)
		}
	}
}

func TestWS_ConnectionsThatNeverUpgradeAreBounded(t *testing.T) {
	table := newTable(t, newRecorder(nil), Limits{Handshakes: 2})
	url := serveWS(t, table, nil)
	addr := strings.TrimPrefix(url, "ws://")
	for range 2 {
		dial(t, "tcp", addr)
	}
	third := dial(t, "tcp", addr)
	_ = third.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the third was not closed: %v", err)
	}
	if got := table.Counters().RefusedFull; got != 1 {
		t.Errorf("refused %d", got)
	}
}

func FuzzWithLength(f *testing.F) {
	f.Add([]byte(msg("x", "body")))
	f.Add([]byte("x\r\n\r\nbody"))
	f.Add([]byte("\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := withLength(slices.Clone(b))
		if err != nil || strings.Trim(string(b), "\r\n") == "" {
			return
		}
		frame := framer{header: len(out) + 1, body: len(out) + 1}
		if n, err := frame.next(out); err != nil || n != len(out) {
			t.Errorf("%q became %q, which is cut at %d of %d: %v", b, out, n, len(out), err)
		}
	})
}

// One source cannot fill the door that all browsers come in by, neither with connections
// that say nothing nor with such as asked for something else and stay.
func TestWS_OneSourceDoesNotFillTheDoor(t *testing.T) {
	table := newTable(t, newRecorder(nil), Limits{Handshakes: 100, HandshakesPerSource: 3})
	url := serveWS(t, table, nil)
	addr := strings.TrimPrefix(url, "ws://")
	for range 3 {
		dial(t, "tcp", addr)
	}
	fourth := dial(t, "tcp", addr)
	_ = fourth.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := fourth.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the fourth connection of a source stands: %v", err)
	}
	if n := table.Counters().RefusedPerSource; n != 1 {
		t.Errorf("%d refused", n)
	}
}

func TestWS_WhoAsksForAPageIsNotKept(t *testing.T) {
	table := newTable(t, newRecorder(nil), Limits{HandshakesPerSource: 3})
	addr := strings.TrimPrefix(serveWS(t, table, nil), "ws://")
	for range 10 { // each gives its place back
		c := dial(t, "tcp", addr)
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		page, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(page), "HTTP/1.1 426 ") {
			t.Fatalf("%v %q", err, page)
		}
	}
}

func TestWS_FramesThatAreNone(t *testing.T) {
	for name, bytes := range map[string]string{"no mask": "\x81\x05hello", "too large": "\x81\xff\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00" + strings.Repeat("x", 1<<20)} {
		r := newRecorder(nil)
		table := newTable(t, r, Limits{})
		addr := strings.TrimPrefix(serveWS(t, table, nil), "ws://")
		c := dial(t, "tcp", addr)
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"))
		if head, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(head, " 101 ") {
			t.Fatalf("%v %q", err, head)
		}
		_, _ = c.Write([]byte(bytes))
		if got := (<-r.closed).why; got != BadFraming {
			t.Errorf("%s: closed because %v", name, got)
		}
		if table.Counters().BadContentLength != 1 {
			t.Errorf("%s is not counted", name)
		}
	}
}
