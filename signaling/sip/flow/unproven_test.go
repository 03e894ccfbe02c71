package flow

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"
)

// A full table of silent strangers does not keep a phone out that comes back: the
// oldest of them gives way to it at once, not at its deadline. A phone that has proved
// itself gives way to nobody, and who is over its own share takes nobody's place.
func TestFault_SilentStrangersGiveWayAndPhonesDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log syncBuffer
		r := newRecorder(echo)
		table := New(Config{Handler: r, Log: zerolog.New(&log), Limits: Limits{Connections: 4, PerSource: 3}})
		l := newMemListener()
		if err := table.ServeTCP(l); err != nil {
			t.Fatal(err)
		}
		open := func(from string) net.Conn {
			c := l.dial(from)
			t.Cleanup(func() { _ = c.Close() })
			synctest.Wait()
			return c
		}
		stands := func(what string, gaveWay, full, perSource uint64) {
			t.Helper()
			c := table.Counters()
			if c.GaveWay != gaveWay || c.RefusedFull != full || c.RefusedPerSource != perSource || c.Connections != 4 {
				t.Errorf("%s: %d gave way, %d refused as full, %d of one source, %d stand; want %d, %d, %d, 4",
					what, c.GaveWay, c.RefusedFull, c.RefusedPerSource, c.Connections, gaveWay, full, perSource)
			}
		}
		var strangers []net.Conn
		for i := range 4 {
			strangers = append(strangers, open(fmt.Sprintf("10.0.%d.1:1", i)))
		}
		stands("full", 0, 0, 0)

		m := msg("REGISTER", "")
		serve := func(phone net.Conn) ID {
			t.Helper()
			write(t, phone, m)
			expect(t, phone, "re:"+m)
			synctest.Wait()
			return r.lastFlow()
		}
		phone := open("10.1.0.1:1")
		if id := serve(phone); !table.Prove(id) {
			t.Fatal("the phone's flow is gone")
		}
		if e := <-r.closed; e.why != Crowded {
			t.Errorf("the stranger was closed because %q", e.why)
		}
		expectEnd(t, strangers[0])
		stands("a phone came", 1, 0, 0)

		for i := range 20 { // more strangers, each pushing out the one before
			open(fmt.Sprintf("10.2.%d.1:1", i))
		}
		serve(phone)
		stands("twenty strangers came", 21, 0, 0)

		var ids []ID
		for i := range 3 {
			c := open(fmt.Sprintf("10.3.0.1:%d", i+1))
			ids = append(ids, serve(c))
			table.Prove(ids[i])
		}
		stands("all are phones", 24, 0, 0)
		open("10.3.0.1:4")
		stands("one source has its share", 24, 0, 1)
		open("10.4.0.1:1")
		stands("nobody can give way", 24, 1, 1)
		table.Unprove(ids[1])
		if c := open("10.4.0.1:2"); !table.Prove(serve(c)) {
			t.Error("the newcomer was not let in")
		}
		stands("a phone's registration has ended", 25, 1, 1)
		if table.Prove(ids[1]) {
			t.Error("a flow that gave way was proved")
		}
		serve(phone)
		for _, line := range []string{"without a registered phone gave way", "connection refused: too many connections\""} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("%d lines with %q in\n%s", n, line, log.String())
			}
		}
		if err := table.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if table.cutting.Load() != 0 || table.unproven.oldest != nil || table.unproven.newest != nil {
			t.Error("something is left of the connections")
		}
	})
}

// The same over TLS, where the strangers never begin a handshake, or wait for a place in
// one: what gives way leaves at once.
func TestFault_StrangersWithoutAHandshakeGiveWay(t *testing.T) {
	table := newTable(t, newRecorder(echo), Limits{Connections: 3, Handshakes: 1})
	addr := serveTLS(t, table, &tls.Config{Certificates: []tls.Certificate{identity(t, "london")}})
	for _, begins := range []string{"\x16", "\x16", ""} { // one is worked on, one waits, one is silent
		before := table.Counters().Accepted
		c := dial(t, "tcp", addr)
		write(t, c, begins)
		eventually(t, "accepted", func() bool { return table.Counters().Accepted == before+1 })
	}
	for i := range 3 {
		c := dial(t, "tcp", addr)
		if i < 2 {
			// Makes the two that began give way, so that the place is free.
			eventually(t, "gave way", func() bool { return table.Counters().GaveWay == uint64(i+1) })
			continue
		}
		phone := tls.Client(c, clientTLS())
		if err := phone.Handshake(); err != nil {
			t.Fatal(err)
		}
		m := msg("A", "")
		write(t, phone, m)
		expect(t, phone, "re:"+m)
	}
	eventually(t, "all that gave way are gone", func() bool {
		c := table.Counters()
		return c.GaveWay == 3 && c.Closed[Crowded] == 3 && c.Connections == 3 && table.cutting.Load() == 0
	})
	if n := table.Counters().Closed[HandshakeFailed]; n != 0 {
		t.Errorf("%d handshakes failed for want of room", n)
	}
}

// Strangers and phones come from everywhere at once: there are never more connections
// than the limit, and no phone that proved itself gives way.
func TestFault_CrowdAtTheDoor(t *testing.T) {
	const limit, phones = 40, 8
	var table *Table
	r := newRecorder(func(in *Inbound) { table.Prove(in.Flow); echo(in) })
	table = newTable(t, r, Limits{Connections: limit})
	addr := serveTCP(t, table)
	var crowd sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		crowd.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if c, err := net.Dial("tcp", addr); err == nil {
					defer c.Close()
				}
				if n := table.Counters().Connections; n > limit {
					t.Errorf("%d connections are counted, %d may be", n, limit)
					return
				}
			}
		})
	}
	eventually(t, "a crowd", func() bool { return table.Counters().GaveWay > 500 })
	m := msg("A", "")
	var conns []net.Conn
	for len(conns) < phones {
		c := dial(t, "tcp", addr)
		if _, err := io.WriteString(c, m); err == nil {
			if _, err := io.ReadFull(c, make([]byte, len("re:"+m))); err == nil {
				conns = append(conns, c)
			}
		}
	}
	gone := table.Counters().GaveWay
	eventually(t, "more of a crowd", func() bool { return table.Counters().GaveWay > gone+500 })
	close(stop)
	crowd.Wait()
	for _, c := range conns {
		write(t, c, m)
		expect(t, c, "re:"+m)
	}
}
