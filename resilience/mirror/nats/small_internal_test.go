package natscarrier

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"roost/resilience/mirror"
)

func TestPauses_AreShortWhileTheFaultIsFreshAndAlwaysBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := Timing{}.withDefaults()
		p := pauses{timing: &timing, began: time.Now()}
		if first := p.next(); first > 50*time.Millisecond || first < 40*time.Millisecond {
			t.Errorf("the first pause is %v", first)
		}
		for time.Since(p.began) < timing.FastFor {
			pause := p.next()
			if pause > time.Second {
				t.Fatalf("%v after %v", pause, time.Since(p.began))
			}
			wait(t.Context(), pause)
		}
		for range 100 {
			pause := p.next()
			if pause > 5*time.Second {
				t.Fatalf("%v after %v", pause, time.Since(p.began))
			}
			wait(t.Context(), pause)
		}
		if p.next() < 3*time.Second {
			t.Error("a fault of many minutes is still tried every second")
		}
	})
}

func TestQueue_KeepsOrderAndBounds(t *testing.T) {
	q := newQueue(4, 100, func(s *string) int { return len(*s) })
	for _, s := range []string{"a", "b", "c", "d"} {
		if !q.put(s) {
			t.Fatal(s)
		}
	}
	if q.put("e") {
		t.Error("a fifth was taken")
	}
	for round := range 1000 { // through many compactions
		if got, ok := q.take(); !ok || got != string("abcd"[round%4]) {
			t.Fatalf("round %d: %q", round, got)
		}
		q.put(string("abcd"[round%4]))
	}
	for range 4 {
		q.take()
	}
	if !q.put(strings.Repeat("x", 100)) || q.put("y") {
		t.Error("bytes are not bounded")
	}
	q.close()
	if _, ok := q.take(); ok || q.put("z") {
		t.Error("a closed queue still works")
	}
}

func TestListenAddress(t *testing.T) {
	for listen, want := range map[string]int{"127.0.0.1:7422": 7422, "127.0.0.1:0": -1, ":7422": 7422, "[::1]:1": 1} {
		host, port, err := listenAddress(listen)
		if err != nil || port != want || host == "" {
			t.Errorf("%s: %q %d %v", listen, host, port, err)
		}
	}
}

func TestReasons_AreWrittenForAPerson(t *testing.T) {
	for want, err := range map[string]error{
		"the connection ended":               nil,
		"does not accept our certificate":    &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")},
		"hangs, or something on the way":     context.DeadlineExceeded,
		"something nobody has words for: 42": errors.New("something nobody has words for: 42"),
		"broke the NATS protocol":            errFrame,
	} {
		if got := inWords("paris", "192.0.2.1:7422", err); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestRates_AreForEachClassOfItsOwn(t *testing.T) {
	r := newRates(&Limits{HeartbeatRate: 1, DeltaRate: 1, PullRate: 1, AnswerRate: 1, CallRate: 1, FloodDrops: 3})
	now := time.Unix(1000, 0)
	for _, c := range []mirror.Class{mirror.Heartbeats, mirror.Deltas, mirror.Pulls, mirror.Answers, mirror.Calls} {
		for i := range 2 {
			if r.judge(c, now) != pass {
				t.Errorf("%v: message %d of the burst was not let through", c, i)
			}
		}
	}
	for i, want := range []verdict{dropTell, drop, dropCut, drop} {
		if got := r.judge(mirror.Pulls, now); got != want {
			t.Errorf("drop %d: %v, want %v", i+1, got, want)
		}
	}
	if r.judge(mirror.Pulls, now.Add(time.Second)) != pass {
		t.Error("a second later it is still dropped")
	}
}

func TestSources_DoNotGrow(t *testing.T) {
	s := newSources(1)
	for i := range 3 * maxSources {
		s.allow(string(rune(i)), time.Unix(0, 0))
	}
	if len(s.by) > maxSources {
		t.Fatalf("%d addresses are remembered", len(s.by))
	}
}

// The server's log lines hold what strangers sent.
func FuzzServerLine(f *testing.F) {
	f.Add("127.0.0.1:4711 - cid:5 - TLS handshake error: remote error: tls: bad certificate")
	f.Add("[::1]:1 - cid:5 - \"v1.55.0:go:berlin data\" - Publish Violation")
	f.Fuzz(func(t *testing.T, text string) {
		remote, rest, ok := splitServerLine(text)
		if ok != (remote != nil) || len(rest) > len(text) {
			t.Fatalf("%v %q %v", remote, rest, ok)
		}
	})
}

// Three connections that come up at the same instant must leave the line up.
func TestLine_TheLastStateToldIsTheLastThatWas(t *testing.T) {
	for range 2000 {
		states := newStates(zerolog.Nop())
		l := &line{peer: Peer{System: "paris"}}
		var wg sync.WaitGroup
		for k := range kinds {
			wg.Go(func() { l.note(k, true, "", states) })
		}
		wg.Wait()
		if list := states.list(); !list[0].Up {
			t.Fatalf("%+v", list)
		}
	}
}
