package console

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// written is a log that may be read while it is written.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// Strangers cost a bounded number of connections, each counted, and a line each ten
// seconds; who has a connection goes on being answered.
func TestLimits_Connections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &written{}
	server := New(listener, zerolog.New(log))
	server.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(func() {
		if err := server.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	client := &http.Client{}
	t.Cleanup(client.CloseIdleConnections)
	ask := func() error {
		response, err := client.Get("http://" + server.Address())
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	garbage, err := net.Dial("tcp", server.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer garbage.Close()
	_, _ = io.WriteString(garbage, "\x16\x03\x01\x02\x00 no HTTP\r\n\r\n")
	_, _ = io.Copy(io.Discard, garbage) // it is answered 400 and closed
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range maxConnections + 10 {
		conn, err := net.Dial("tcp", server.Address())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	deadline := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		c := server.Counters()
		// One of the places is the client's own.
		if c.Connections == maxConnections && c.Refused == 11 && c.Useless == 1 && c.Requests == 1 {
			tick.Stop()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", c)
		}
	}
	if err := ask(); err != nil {
		t.Errorf("who was here before is not answered: %v", err)
	}
	lines := log.String()
	if strings.Count(lines, "too many connections") != 1 || strings.Count(lines, "without an HTTP request") != 1 {
		t.Errorf("logged: %s", lines)
	}
}
