package flow

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// bubble serves an in-memory TCP listener in a synctest bubble.
func bubble(t *testing.T, limits Limits, f func(t *testing.T, table *Table, r *recorder, l *memListener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(echo)
		table := New(Config{Handler: r, Limits: limits, Log: zerolog.Nop()})
		l := newMemListener()
		if err := table.ServeTCP(l); err != nil {
			t.Fatal(err)
		}
		f(t, table, r, l)
		if err := table.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// goesOn keeps reading what the flow writes, so that in-memory writes do not wait.
func goesOn(c net.Conn) { go func() { _, _ = io.Copy(io.Discard, c) }() }

// drip writes s every second until the flow is closed.
func drip(c net.Conn, s string) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := io.WriteString(c, s); err != nil {
				return
			}
			pass(time.Second)
		}
	}()
	return done
}

// pass lets the bubble's time go by.
func pass(d time.Duration) { <-time.After(d) }

func TestDeadline_SilentConnection(t *testing.T) {
	bubble(t, Limits{FirstMessage: 15 * time.Second}, func(t *testing.T, table *Table, r *recorder, l *memListener) {
		begin := time.Now()
		c := l.dial("10.0.0.1:1")
		defer c.Close()
		if e := <-r.closed; e.why != Silent || time.Since(begin) != 15*time.Second {
			t.Errorf("closed because %q after %s", e.why, time.Since(begin))
		}
	})
}

// Keep-alives are no message: a connection that sends nothing else is dropped too.
func TestDeadline_OnlyPings(t *testing.T) {
	bubble(t, Limits{FirstMessage: 15 * time.Second}, func(t *testing.T, table *Table, r *recorder, l *memListener) {
		begin := time.Now()
		c := l.dial("10.0.0.1:1")
		defer c.Close()
		goesOn(c)
		dripped := drip(c, "\r\n\r\n")
		if e := <-r.closed; e.why != Silent || time.Since(begin) != 15*time.Second {
			t.Errorf("closed because %q after %s", e.why, time.Since(begin))
		}
		<-dripped
	})
}

// A byte every now and then does not prolong a message's deadline.
func TestDeadline_HalfSentMessage(t *testing.T) {
	bubble(t, Limits{WholeMessage: 10 * time.Second}, func(t *testing.T, table *Table, r *recorder, l *memListener) {
		c := l.dial("10.0.0.1:1")
		defer c.Close()
		goesOn(c)
		write(t, c, msg("A", ""))
		begin := time.Now()
		dripped := drip(c, "x")
		if e := <-r.closed; e.why != HalfSent || time.Since(begin) != 10*time.Second {
			t.Errorf("closed because %q after %s", e.why, time.Since(begin))
		}
		<-dripped
	})
}

// Many messages, each begun before the last was read, are no half-sent message.
func TestDeadline_BusyConnectionIsNotHalfSent(t *testing.T) {
	bubble(t, Limits{WholeMessage: 10 * time.Second}, func(t *testing.T, table *Table, r *recorder, l *memListener) {
		c := l.dial("10.0.0.1:1")
		defer c.Close()
		goesOn(c)
		m := msg("A", "")
		write(t, c, m[:5])
		for range 60 {
			pass(time.Second)
			write(t, c, m[5:]+m[:5])
		}
		write(t, c, m[5:])
		synctest.Wait()
		if n := len(r.messages()); n != 61 {
			t.Errorf("%d messages", n)
		}
	})
}

// An unproven flow may be silent for Idle, a proven one for what its owner says
// (Flow-Timer and some seconds), and a ping counts as a sign of life.
func TestDeadline_Idle(t *testing.T) {
	limits := Limits{Idle: 2 * time.Minute, IdleProven: time.Hour}
	for _, c := range []struct {
		name   string
		proven bool
		idle   time.Duration
		pings  int // one a minute
		want   time.Duration
	}{
		{"unproven", false, 0, 0, 2 * time.Minute},
		{"unproven with pings", false, 0, 5, 7 * time.Minute},
		{"proven", true, 0, 0, time.Hour},
		{"proven with Flow-Timer", true, 130 * time.Second, 3, 3*time.Minute + 130*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, limits, func(t *testing.T, table *Table, r *recorder, l *memListener) {
				conn := l.dial("10.0.0.1:1")
				defer conn.Close()
				goesOn(conn)
				begin := time.Now()
				write(t, conn, msg("A", ""))
				synctest.Wait()
				if c.proven && !table.Prove(r.lastFlow()) || !table.SetIdle(r.lastFlow(), c.idle) {
					t.Fatal("the flow is gone")
				}
				for range c.pings {
					pass(time.Minute)
					write(t, conn, "\r\n\r\n")
				}
				if e := <-r.closed; e.why != Idle || time.Since(begin) != c.want {
					t.Errorf("closed because %q after %s, want %s", e.why, time.Since(begin), c.want)
				}
				if n := table.Counters().Proven; n != 0 {
					t.Errorf("%d flows are still counted as proven", n)
				}
			})
		})
	}
}

// Taking the proof away, or a shorter time, takes effect at once.
func TestDeadline_IsBroughtForward(t *testing.T) {
	limits := Limits{Idle: time.Minute, IdleProven: time.Hour}
	bubble(t, limits, func(t *testing.T, table *Table, r *recorder, l *memListener) {
		conn := l.dial("10.0.0.1:1")
		defer conn.Close()
		goesOn(conn)
		write(t, conn, msg("A", ""))
		synctest.Wait()
		table.Prove(r.lastFlow())
		pass(10 * time.Minute)
		begin := time.Now()
		table.Unprove(r.lastFlow())
		if e := <-r.closed; e.why != Idle || time.Since(begin) > time.Second {
			t.Errorf("closed because %q after %s", e.why, time.Since(begin))
		}
	})
}

// 10,000 half-open connections: a phone is served meanwhile, all of them are dropped
// after the deadline, and nothing of them is left.
func TestFault_TenThousandHalfOpenConnections(t *testing.T) {
	limits := Limits{FirstMessage: 15 * time.Second, WholeMessage: 10 * time.Second, PerSource: 5_001}
	bubble(t, limits, func(t *testing.T, table *Table, r *recorder, l *memListener) {
		const crowd = 10_000
		for i := range crowd {
			c := l.dial(fmt.Sprintf("10.0.%d.1:%d", i%3, 1+i))
			defer c.Close()
			if i%2 == 0 {
				write(t, c, "REGISTER sip:half")
			}
		}
		synctest.Wait()
		if n := table.Counters().Connections; n != crowd {
			t.Fatalf("%d connections", n)
		}
		phone := l.dial("10.9.9.9:5060")
		defer phone.Close()
		m := msg("REGISTER sip:whole SIP/2.0", "")
		write(t, phone, m)
		expect(t, phone, "re:"+m)
		why := map[Reason]int{}
		for range crowd {
			e := <-r.closed
			why[e.why]++
		}
		if why[Silent] != crowd/2 || why[HalfSent] != crowd/2 {
			t.Errorf("closed: %v", why)
		}
		write(t, phone, m)
		expect(t, phone, "re:"+m)
		synctest.Wait()
		if n := table.Counters().Connections; n != 1 || len(table.sources.of) != 1 {
			t.Errorf("%d connections and %d sources are left, want the phone's", n, len(table.sources.of))
		}
	})
}

func TestDeadline_WriteToAPeerThatDoesNotRead(t *testing.T) {
	bubble(t, Limits{Write: 5 * time.Second}, func(t *testing.T, table *Table, r *recorder, l *memListener) {
		c := l.dial("10.0.0.1:1")
		defer c.Close()
		begin := time.Now()
		write(t, c, msg("A", "")) // the echo is never read
		if e := <-r.closed; e.why != NotReading || time.Since(begin) != 5*time.Second {
			t.Errorf("closed because %q after %s", e.why, time.Since(begin))
		}
	})
}

// Unfinished messages of all streams together hold no more than the limit; who would
// go over it is closed, the others go on.
func TestLimit_HalfSentBytesInAll(t *testing.T) {
	bubble(t, Limits{HalfSent: 10 * lentSize}, func(t *testing.T, table *Table, r *recorder, l *memListener) {
		conns := make([]net.Conn, 12)
		for i := range conns {
			conns[i] = l.dial("10.0.0.1:1")
			defer conns[i].Close()
			_, _ = io.WriteString(conns[i], "REGISTER") // fails where it is one too many
			synctest.Wait()
		}
		if n := table.Counters(); n.Closed[HalfSent] != 2 || n.Connections != 10 {
			t.Errorf("%+v", n)
		}
		write(t, conns[0], msg("", ""))
		expect(t, conns[0], "re:"+msg("REGISTER", ""))
		synctest.Wait()
		if held := table.halfSent.Load(); held != 9*lentSize {
			t.Errorf("%d bytes are held", held)
		}
	})
}
