package flow

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Every limit has a line in the log; a thousand offences have one line in ten seconds,
// and no line has a word of what was sent.
func TestLog_OneLineAKindAndNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log syncBuffer
		r := newRecorder(func(in *Inbound) {
			if strings.Contains(string(in.Bytes), "panic") {
				panic("planned")
			}
		})
		table := New(Config{Handler: r, Log: zerolog.New(&log), Limits: Limits{
			Connections: 40, PerSource: 15, Rate: 1, Burst: 1, Body: 10,
		}})
		l, p := newMemListener(), newMemPackets()
		if err := table.ServeTCP(l); err != nil {
			t.Fatal(err)
		}
		if err := table.ServeUDP(p); err != nil {
			t.Fatal(err)
		}
		send := func(from, s string) {
			c := l.dial(from)
			t.Cleanup(func() { _ = c.Close() })
			goesOn(c)
			_, _ = io.WriteString(c, s)
		}
		for i := range 10 {
			send(fmt.Sprintf("10.0.0.1:%d", i+1), "A secret\r\nContent-Length: 11\r\n\r\n")
			send(fmt.Sprintf("10.0.0.1:%d", i+1), "A secret")
			send(fmt.Sprintf("10.0.0.1:%d", i+1), msg("panic secret", ""))
			send(fmt.Sprintf("10.0.0.2:%d", i+1), "")
			p.send(fmt.Sprintf("10.1.0.%d:1", i), "\x00\x01secret")
			p.send("10.1.1.1:1", "secret")
		}
		for range 40 {
			send("10.0.0.3:1", "")
			send("10.0.0.4:1", "")
		}
		pass(20 * time.Second)
		synctest.Wait()
		for _, want := range []string{
			"cannot be cut", "message not finished", "panicked", "no message within", "neither SIP nor a STUN",
			"too many from one source", "too many connections of one source", "registered phone gave way",
		} {
			if n := strings.Count(log.String(), want); n < 1 || n > 2 {
				t.Errorf("%d lines with %q", n, want)
			}
		}
		if strings.Contains(log.String(), "secret") {
			t.Error("the log tells what was sent")
		}
		if t.Failed() {
			t.Log(log.String())
		}
		if err := table.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
