package mirrortest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"roost/resilience/mirror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMessagesArriveInOrderUnlessTheLineIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := n.Carrier("a"), n.Carrier("b")
		defer a.Close()
		defer b.Close()
		n.SetDelay(10 * time.Millisecond)
		var got []byte
		sub := mirror.Subject{Class: mirror.Deltas, Origin: mirror.Any, Set: mirror.Dir}
		undo, err := b.Subscribe(sub, func(m mirror.Message) { got = append(got, m.Payload...) })
		if err != nil {
			t.Fatal(err)
		}
		say := func(text string) {
			for i := range len(text) {
				if err := a.Publish(mirror.Subject{Class: mirror.Deltas, Origin: "a", Set: mirror.Dir}, []byte{text[i]}); err != nil {
					t.Fatal(err)
				}
			}
			<-time.After(11 * time.Millisecond)
			synctest.Wait()
		}
		say("order")
		n.Cut("a", "b", "cable")
		say(" lost")
		n.Heal("b", "a")
		say(" kept")
		undo()
		say(" late")
		if string(got) != "order kept" || n.Lost() != 5 {
			t.Errorf("got %q, %d lost", got, n.Lost())
		}
	})
}

func TestLinesAreWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := n.Carrier("a"), n.Carrier("b")
		defer a.Close()
		var why []string
		stop := a.WatchLines(func(l mirror.LineState) { why = append(why, l.Peer+" "+l.Why) })
		synctest.Wait()
		n.Cut("a", "b", "cable")
		n.Heal("a", "b")
		synctest.Wait()
		b.Close()
		synctest.Wait()
		if want := []string{"b ", "b cable", "b ", "b not connected"}; !slices.Equal(why, want) {
			t.Errorf("lines %q", why)
		}
		stop()
	})
}

func TestARequestHasOneAnswerOrAnErrorAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := n.Carrier("a"), n.Carrier("b")
		defer a.Close()
		ask := mirror.Subject{Class: mirror.Calls, Origin: "b", Peer: "a", Verb: "v"}
		if _, err := a.Request(t.Context(), ask, nil); !errors.Is(err, mirror.ErrNoAnswer) {
			t.Errorf("nobody subscribed: %v", err)
		}
		silent := false
		if _, err := b.Subscribe(ask, func(m mirror.Message) {
			if !silent {
				_ = m.Reply(append([]byte("re "), m.Payload...))
				_ = m.Reply([]byte("again"))
			}
		}); err != nil {
			t.Fatal(err)
		}
		if got, err := a.Request(t.Context(), ask, []byte("x")); string(got) != "re x" || err != nil {
			t.Errorf("answer %q, %v", got, err)
		}
		silent = true
		if _, err := a.Request(t.Context(), ask, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no answer: %v", err)
		}
		if _, err := a.Request(t.Context(), ask, make([]byte, a.MaxPayload()+1)); !errors.Is(err, mirror.ErrTooBig) {
			t.Errorf("too big: %v", err)
		}
		b.Close()
		if err := b.Publish(ask, nil); !errors.Is(err, mirror.ErrDown) {
			t.Errorf("closed: %v", err)
		}
	})
}
