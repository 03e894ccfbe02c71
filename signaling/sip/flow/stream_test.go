package flow

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// INVITE and CANCEL in one segment are handled in their order (notes/sipgo.md), and so
// are messages that come byte by byte.
func TestStream_OrderIsKept(t *testing.T) {
	r := newRecorder(echo)
	addr := serveTCP(t, newTable(t, r, Limits{}))
	c := dial(t, "tcp", addr)
	a, b := msg("INVITE sip:a SIP/2.0", "sdp\r\n\r\nINVITE"), msg("CANCEL sip:a SIP/2.0", "")
	write(t, c, a+b)
	expect(t, c, "re:"+a+"re:"+b)
	for _, x := range a {
		write(t, c, string(x))
	}
	expect(t, c, "re:"+a)
	if got := r.messages(); len(got) != 3 || got[0] != a || got[1] != b || got[2] != a {
		t.Errorf("handled %q", got)
	}
}

func TestStream_KeepAlive_RFC5626_3_5_1(t *testing.T) {
	r := newRecorder(echo)
	table := newTable(t, r, Limits{})
	c := dial(t, "tcp", serveTCP(t, table))
	write(t, c, "\r\n\r\n")
	expect(t, c, "\r\n")
	write(t, c, "\r\n")
	write(t, c, "\r\n")
	expect(t, c, "\r\n")
	m := msg("OPTIONS sip:a SIP/2.0", "")
	write(t, c, "\r\n"+m+"\r\n\r\n")
	expect(t, c, "re:"+m+"\r\n")
	write(t, c, "\r")
	write(t, c, "\n\r\n"+m)
	expect(t, c, "\r\nre:"+m)
	if n := table.Counters().Pings; n != 4 {
		t.Errorf("%d pings counted", n)
	}
}

// What is to follow an answer follows it, although answers are gathered; a panic there
// costs nothing else.
func TestStream_ThenFollowsTheAnswers(t *testing.T) {
	var table *Table
	table = newTable(t, newRecorder(echoThen(func() *Table { return table })), Limits{})
	c := dial(t, "tcp", serveTCP(t, table))
	a, b := msg("A", ""), msg("B", "")
	write(t, c, a+b)
	expect(t, c, "re:"+a+"re:"+b+"then:"+a+"then:"+b)
	write(t, c, a)
	expect(t, c, "re:"+a+"then:"+a)
	eventually(t, "three panics are counted", func() bool { return table.Counters().Panics == 3 })
}

func TestStream_BrokenFramingIsAnsweredAndClosed(t *testing.T) {
	limits := Limits{Header: 400, Body: 100}
	for _, c := range []struct {
		name, send string
		want       error
	}{
		{"two lengths", "A b C\r\nContent-Length: 1\r\nl: 2\r\n\r\nxx", ErrContentLength},
		{"two equal lengths", "A b C\r\nContent-Length: 1\r\nContent-Length : 1\r\n\r\nx", ErrContentLength},
		{"no number", "A b C\r\nContent-Length: x\r\n\r\n", ErrContentLength},
		{"negative", "A b C\r\nContent-Length: -1\r\n\r\n", ErrContentLength},
		{"no length", "A b C\r\nX: y\r\n\r\n", ErrNoContentLength},
		{"body too large", "A b C\r\nContent-Length: 101\r\n\r\n", ErrBodyTooLarge},
		{"header too large", "A b C\r\nX: " + strings.Repeat("y", 500), ErrHeaderTooLarge},
		{"whole header too large", "A b C\r\nX: " + strings.Repeat("y", 500) + "\r\nl: 0\r\n\r\n", ErrHeaderTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRecorder(func(in *Inbound) {
				if in.Broken != nil {
					in.Answer = append(in.Answer, "400"...)
				}
			})
			table := newTable(t, r, limits)
			conn := dial(t, "tcp", serveTCP(t, table))
			write(t, conn, c.send)
			expect(t, conn, "400")
			expectEnd(t, conn)
			expectClosed(t, r, BadFraming)
			if !errors.Is(r.broken[0], c.want) || len(r.messages()[0]) > limits.Header {
				t.Errorf("broken by %v, want %v", r.broken[0], c.want)
			}
			n := table.Counters()
			if n.HeaderTooLarge+n.BodyTooLarge+n.NoContentLength+n.BadContentLength != 1 {
				t.Errorf("not counted: %+v", n)
			}
		})
	}
}

// notes/sipgo.md: a dead flow is never dialled anew (RFC 5626 §5.3.1: 430).
func TestSend_DeadFlowIsGone(t *testing.T) {
	r := newRecorder(nil)
	table := newTable(t, r, Limits{})
	c := dial(t, "tcp", serveTCP(t, table))
	write(t, c, msg("A", ""))
	eventually(t, "message", func() bool { return r.lastFlow() != 0 })
	id := r.lastFlow()
	if err := table.Send(id, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "hello")
	_ = c.Close()
	if e := expectClosed(t, r, PeerClosed); e.id != id {
		t.Errorf("closed %s, want %s", e.id, id)
	}
	if err := table.Send(id, []byte("x")); !errors.Is(err, ErrGone) {
		t.Errorf("send to a dead flow: %v", err)
	}
	if _, ok := table.Info(id); ok || table.Close(id) || table.Prove(id) || table.SetIdle(id, time.Second) {
		t.Error("a dead flow is still known")
	}
	for _, id := range []ID{0, 1, 1 << 63, makeID(9, 1, 1), makeID(1, 1, 1<<31)} {
		if err := table.Send(id, nil); !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v", id, err)
		}
	}
	// The slot is used again, under another ID.
	c2 := dial(t, "tcp", table.Locals()[0].Addr.String())
	write(t, c2, msg("A", ""))
	eventually(t, "second flow", func() bool { return r.lastFlow() != id })
	if next := r.lastFlow(); next.slot() != id.slot() {
		t.Errorf("slot %d is not used again", id.slot())
	}
}

func TestClose_WritesWhatIsQueuedFirst(t *testing.T) {
	r := newRecorder(func(in *Inbound) {
		in.Answer = append(in.Answer, "bye"...)
		in.Close = true
	})
	table := newTable(t, r, Limits{})
	c := dial(t, "tcp", serveTCP(t, table))
	write(t, c, msg("A", "")+msg("never handled", ""))
	expect(t, c, "bye")
	expectEnd(t, c)
	expectClosed(t, r, Asked)
	if n := len(r.messages()); n != 1 {
		t.Errorf("%d messages were handled on a flow that was closed by the first", n)
	}
}

func TestClose_FromOutside(t *testing.T) {
	r := newRecorder(nil)
	table := newTable(t, r, Limits{})
	c := dial(t, "tcp", serveTCP(t, table))
	write(t, c, msg("A", ""))
	eventually(t, "message", func() bool { return r.lastFlow() != 0 })
	if !table.Close(r.lastFlow()) || table.Close(r.lastFlow()) {
		t.Error("Close is true once")
	}
	expectEnd(t, c)
	expectClosed(t, r, Asked)
}

// A panic costs the message that caused it, not the flow, not the process.
func TestHandle_PanicCostsOneMessage(t *testing.T) {
	r := newRecorder(func(in *Inbound) {
		if strings.HasPrefix(string(in.Bytes), "BAD") {
			in.Answer = append(in.Answer, "half an answer"...)
			panic(errPlanned)
		}
		echo(in)
	})
	table := newTable(t, r, Limits{})
	c := dial(t, "tcp", serveTCP(t, table))
	good := msg("GOOD", "")
	write(t, c, good+msg("BAD", "")+good)
	expect(t, c, "re:"+good+"re:"+good)
	if n := table.Counters().Panics; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}

// A peer that does not read: its queue is bounded, it is closed, and nobody waits.
func TestSend_PeerThatDoesNotRead(t *testing.T) {
	r := newRecorder(nil)
	table := newTable(t, r, Limits{Queue: 64 << 10})
	c := dial(t, "tcp", serveTCP(t, table))
	write(t, c, msg("A", ""))
	eventually(t, "message", func() bool { return r.lastFlow() != 0 })
	chunk := make([]byte, 16<<10)
	var err error
	for i := 0; err == nil && i < 10_000; i++ {
		begin := time.Now()
		err = table.Send(r.lastFlow(), chunk)
		if took := time.Since(begin); took > 2*time.Second {
			t.Fatalf("Send waited %s", took)
		}
	}
	if !errors.Is(err, ErrQueueFull) {
		t.Errorf("error %v, want ErrQueueFull", err)
	}
	expectClosed(t, r, NotReading)
}

// What the kernel does not take at once is written in order all the same.
func TestSend_QueueKeepsOrder(t *testing.T) {
	r := newRecorder(nil)
	table := newTable(t, r, Limits{Queue: 32 << 20})
	c := dial(t, "tcp", serveTCP(t, table))
	write(t, c, msg("A", ""))
	eventually(t, "message", func() bool { return r.lastFlow() != 0 })
	const chunks, size = 400, 40 << 10
	for i := range chunks {
		if err := table.Send(r.lastFlow(), []byte(strings.Repeat(string(rune('a'+i%26)), size))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range chunks {
		expect(t, c, strings.Repeat(string(rune('a'+i%26)), size))
	}
	table.Close(r.lastFlow())
	expectEnd(t, c)
}

func TestLimit_ConnectionsInAllAndPerSource(t *testing.T) {
	var table *Table
	r := newRecorder(func(in *Inbound) { table.Prove(in.Flow); echo(in) }) // phones: they do not give way
	table = newTable(t, r, Limits{Connections: 3, PerSource: 2})
	l := newMemListener()
	if err := table.ServeTCP(l); err != nil {
		t.Fatal(err)
	}
	refused := func(from string) bool {
		c := l.dial(from)
		t.Cleanup(func() { _ = c.Close() })
		m := msg("A", "")
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(c, m); err != nil {
			return true
		}
		expect(t, c, "re:"+m)
		return false
	}
	for i, want := range []struct {
		from    string
		refused bool
	}{
		{"10.0.0.1:1", false}, {"10.0.0.1:2", false}, {"10.0.0.1:3", true},
		{"[2001:db8::1]:1", false}, {"10.0.0.2:1", true},
	} {
		if got := refused(want.from); got != want.refused {
			t.Fatalf("connection %d from %s: refused %v", i+1, want.from, got)
		}
	}
	if n := table.Counters(); n.RefusedPerSource != 1 || n.RefusedFull != 1 || n.Connections != 3 {
		t.Errorf("%+v", n)
	}
}

func TestLimit_IPv6SourceIsASlash64(t *testing.T) {
	r := newRecorder(echo)
	table := newTable(t, r, Limits{PerSource: 1})
	l := newMemListener()
	if err := table.ServeTCP(l); err != nil {
		t.Fatal(err)
	}
	a := l.dial("[2001:db8::1]:1")
	b := l.dial("[2001:db8::ffff]:1")
	expectEnd(t, b)
	_ = a.Close()
	_ = b.Close()
	if n := table.Counters().RefusedPerSource; n != 1 {
		t.Errorf("%d refused", n)
	}
}

// Descriptors used up: the listener goes on once there are some again.
func TestAccept_ErrorsAreTriedAgain(t *testing.T) {
	r := newRecorder(echo)
	table := newTable(t, r, Limits{})
	l := &failingListener{memListener: newMemListener(), fail: 3}
	if err := table.ServeTCP(l); err != nil {
		t.Fatal(err)
	}
	c := l.dial("10.0.0.1:1")
	defer c.Close()
	write(t, c, msg("A", ""))
	expect(t, c, "re:"+msg("A", ""))
	if n := table.Counters().AcceptErrors; n != 3 {
		t.Errorf("%d accept errors", n)
	}
}

type failingListener struct {
	*memListener
	fail int
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.fail > 0 {
		l.fail--
		return nil, errPlanned
	}
	return l.memListener.Accept()
}

// Shutdown: the message under way is finished and answered, then the flow ends, and
// no goroutine is left (TestMain).
func TestShutdown_FinishesWhatIsUnderWay(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	r := newRecorder(func(in *Inbound) {
		close(entered)
		<-leave
		echo(in)
	})
	table := New(Config{Handler: r, Log: zerolog.Nop()})
	addr := serveTCP(t, table)
	c := dial(t, "tcp", addr)
	m := msg("A", "")
	write(t, c, m)
	<-entered
	done := make(chan error)
	go func() { done <- table.Shutdown(context.Background()) }()
	eventually(t, "drain", func() bool {
		select {
		case <-table.draining:
			return true
		default:
			return false
		}
	})
	close(leave)
	expectClosed(t, r, Draining)
	_ = c.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		t.Error("the listener is still open")
	}
	if err := table.ServeTCP(newMemListener()); !errors.Is(err, ErrShutdown) {
		t.Errorf("serving after the end: %v", err)
	}
}

// A peer that neither reads nor closes cannot hold up the end.
func TestShutdown_CutsWhenItsTimeIsOver(t *testing.T) {
	r := newRecorder(echo)
	table := New(Config{Handler: r, Log: zerolog.Nop()})
	l := newMemListener()
	if err := table.ServeTCP(l); err != nil {
		t.Fatal(err)
	}
	c := l.dial("10.0.0.1:1")
	defer c.Close()
	write(t, c, msg("A", "")) // its answer is never read
	eventually(t, "message", func() bool { return r.lastFlow() != 0 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := table.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	expectClosed(t, r, Draining)
}
