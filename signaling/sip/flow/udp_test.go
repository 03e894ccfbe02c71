package flow

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// inMemory serves an in-memory UDP socket in a synctest bubble.
func inMemory(t *testing.T, limits Limits, answer func(*Inbound), f func(t *testing.T, table *Table, r *recorder, p *memPackets)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(answer)
		table := New(Config{Handler: r, Limits: limits, Log: zerolog.Nop()})
		p := newMemPackets()
		if err := table.ServeUDP(p); err != nil {
			t.Fatal(err)
		}
		f(t, table, r, p)
		if err := table.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func (p *memPackets) expect(t *testing.T, to, want string) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-p.out:
		if got.b != want || got.addr.String() != to {
			t.Errorf("sent %q to %s, want %q to %s", got.b, got.addr, want, to)
		}
	default:
		t.Errorf("nothing was sent, want %q to %s", want, to)
	}
}

func TestUDP_OneFlowForEachRemoteAddress(t *testing.T) {
	inMemory(t, Limits{}, echo, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		p.send("10.0.0.1:5060", "a")
		p.expect(t, "10.0.0.1:5060", "re:a")
		first := r.lastFlow()
		p.send("10.0.0.1:5062", "b")
		p.expect(t, "10.0.0.1:5062", "re:b")
		second := r.lastFlow()
		p.send("[::ffff:10.0.0.1]:5060", "c")
		p.expect(t, "10.0.0.1:5060", "re:c")
		if third := r.lastFlow(); first == second || third != first {
			t.Errorf("flows %s %s %s", first, second, third)
		}
		if err := table.Send(first, []byte("unasked")); err != nil {
			t.Fatal(err)
		}
		p.expect(t, "10.0.0.1:5060", "unasked")
		if err := table.SendTo(first, netip.MustParseAddrPort("10.0.0.1:9"), []byte("else")); err != nil {
			t.Fatal(err)
		}
		p.expect(t, "10.0.0.1:9", "else")
		if err := table.Send(first, make([]byte, largestUDP+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v", err)
		}
		if id, err := table.UDPFlow(table.Locals()[0].Addr, netip.MustParseAddrPort("10.0.0.1:5062")); id != second || err != nil {
			t.Errorf("UDPFlow %s %v, want %s", id, err, second)
		}
		if _, err := table.UDPFlow(netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.1:1")); err == nil {
			t.Error("a flow from a socket that is not there")
		}
	})
}

// RFC 3261 §18.2.2: without rport the answer goes to the port of sent-by.
func TestUDP_AnswerTo(t *testing.T) {
	answer := func(in *Inbound) {
		in.Answer = append(in.Answer, "x"...)
		in.AnswerTo = netip.AddrPortFrom(in.Remote.Addr(), 5060)
	}
	inMemory(t, Limits{}, answer, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		p.send("10.0.0.1:40000", "a")
		p.expect(t, "10.0.0.1:5060", "x")
	})
}

func TestUDP_ThenFollowsTheAnswer(t *testing.T) {
	var table *Table
	inMemory(t, Limits{}, echoThen(func() *Table { return table }), func(t *testing.T, made *Table, _ *recorder, p *memPackets) {
		table = made
		for range 2 {
			p.send("10.0.0.1:5060", msg("A", ""))
			p.expect(t, "10.0.0.1:5060", "re:"+msg("A", ""))
			p.expect(t, "10.0.0.1:5060", "then:"+msg("A", ""))
		}
	})
}

func TestUDP_KeepAlives(t *testing.T) {
	inMemory(t, Limits{}, echo, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		for _, b := range []string{"", "\r\n", "\r\n\r\n", "\x00", "\x00\x00\x00\x00", "  \r\n"} {
			p.send("10.0.0.1:5060", b)
		}
		synctest.Wait()
		if n := table.Counters(); n.UDPKeepAlives != 6 || len(p.out) != 0 || len(r.messages()) != 0 {
			t.Errorf("%+v, %d sent", n, len(p.out))
		}
	})
}

func TestUDP_PanicCostsOneMessage(t *testing.T) {
	answer := func(in *Inbound) {
		if string(in.Bytes) == "bad" {
			panic("planned")
		}
		echo(in)
	}
	inMemory(t, Limits{}, answer, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		p.send("10.0.0.1:5060", "bad")
		p.send("10.0.0.1:5060", "good")
		p.expect(t, "10.0.0.1:5060", "re:good")
		if n := table.Counters().Panics; n != 1 {
			t.Errorf("%d panics", n)
		}
	})
}

// Spoofed sources: the table stays bounded, what is proven stays, what gave way is gone.
func TestFault_SpoofedUDPSourcesAreBounded(t *testing.T) {
	limits := Limits{Strangers: 100, Sources: 64}
	inMemory(t, limits, nil, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		p.send("10.0.0.1:5060", "phone")
		synctest.Wait()
		phone := r.lastFlow()
		if !table.Prove(phone) {
			t.Fatal("flow is gone")
		}
		p.send("10.0.0.2:5060", "first stranger")
		synctest.Wait()
		stranger := r.lastFlow()
		for i := range 10_000 {
			p.send(fmt.Sprintf("11.%d.%d.1:5060", i/256, i%256), "x")
		}
		synctest.Wait()
		n := table.Counters()
		if n.UDPFlows != 101 || n.Proven != 1 || n.Closed[Crowded] != 9_901 {
			t.Errorf("%+v", n)
		}
		u := table.sockets[1]
		if len(u.flows.slots) > 102 || len(u.flows.byAddr) != 101 {
			t.Errorf("%d slots, %d addresses", len(u.flows.slots), len(u.flows.byAddr))
		}
		if err := table.Send(phone, []byte("still")); err != nil {
			t.Errorf("the phone's flow: %v", err)
		}
		if err := table.Send(stranger, []byte("gone")); !errors.Is(err, ErrGone) {
			t.Errorf("the stranger's flow: %v", err)
		}
		if len(r.closed) != 0 {
			t.Error("the Handler was told of flows that it never proved")
		}
	})
}

// A flood from one source is dropped unread, other sources and proven flows are not.
func TestLimit_RateOfOneUDPSource(t *testing.T) {
	limits := Limits{Rate: 10, Burst: 20}
	inMemory(t, limits, nil, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		p.send("10.0.0.1:5060", "phone")
		synctest.Wait()
		table.Prove(r.lastFlow())
		for i := range 1_000 {
			p.send(fmt.Sprintf("10.0.0.1:%d", 6000+i), "flood")
		}
		for range 100 {
			p.send("10.0.0.1:5060", "phone")
		}
		p.send("10.0.0.2:5060", "other")
		synctest.Wait()
		count := map[string]int{}
		for _, m := range r.messages() {
			count[m]++
		}
		if count["flood"] != 19 || count["phone"] != 101 || count["other"] != 1 {
			t.Errorf("%v", count)
		}
		if n := table.Counters().DroppedRate; n != 981 {
			t.Errorf("%d dropped", n)
		}
		pass(time.Second)
		for range 20 {
			p.send("10.0.0.1:6000", "later")
		}
		synctest.Wait()
		if got := len(r.messages()) - 121; got != 10 {
			t.Errorf("%d taken after a second at 10/s", got)
		}
	})
}

func TestUDP_IdleFlowsEnd(t *testing.T) {
	limits := Limits{Idle: time.Minute, IdleProven: time.Hour}
	inMemory(t, limits, nil, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		begin := time.Now()
		p.send("10.0.0.1:5060", "stranger")
		p.send("10.0.0.2:5060", "phone")
		synctest.Wait()
		phone := r.lastFlow()
		table.Prove(phone)
		table.SetIdle(phone, 5*time.Minute)
		pass(2 * time.Minute)
		synctest.Wait()
		if n := table.Counters(); n.UDPFlows != 1 || n.Closed[Idle] != 0 {
			t.Errorf("after two minutes: %+v", n)
		}
		e := <-r.closed
		if took := time.Since(begin); e != (ended{phone, Idle}) || took < 5*time.Minute || took > 5*time.Minute+sweepEvery {
			t.Errorf("%+v after %s", e, took)
		}
	})
}

func TestUDP_CloseTellsOfProvenFlows(t *testing.T) {
	inMemory(t, Limits{}, nil, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		p.send("10.0.0.1:5060", "a")
		synctest.Wait()
		id := r.lastFlow()
		table.Prove(id)
		if !table.Close(id) || table.Close(id) {
			t.Error("Close is true once")
		}
		if e := <-r.closed; e != (ended{id, Asked}) {
			t.Errorf("%+v", e)
		}
		p.send("10.0.0.1:5060", "a")
		synctest.Wait()
		if next := r.lastFlow(); next == id {
			t.Error("the same ID again")
		}
		table.Prove(r.lastFlow())
	})
}

func TestUDP_LargestDatagramOverARealSocket(t *testing.T) {
	r := newRecorder(func(in *Inbound) { in.Answer = append(in.Answer, in.Bytes...) })
	table := newTable(t, r, Limits{})
	pc := must(OpenUDP(t.Context(), "127.0.0.1:0"))
	if err := table.ServeUDP(pc); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "udp", pc.LocalAddr().String())
	big := strings.Repeat("x", largestUDP)
	write(t, c, big)
	expectPacket(t, c, big)
}

// Order and no loss over recvmmsg and sendmmsg.
func TestUDP_OrderOverARealSocket(t *testing.T) {
	table := newTable(t, newRecorder(echo), Limits{})
	pc := must(OpenUDP(t.Context(), "127.0.0.1:0"))
	if err := table.ServeUDP(pc); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "udp", pc.LocalAddr().String())
	for round := range 20 {
		for i := range 100 {
			write(t, c, fmt.Sprintf("%d.%d", round, i))
		}
		for i := range 100 {
			expectPacket(t, c, fmt.Sprintf("re:%d.%d", round, i))
		}
	}
}

// The wire size counts: the answer to the smallest request is 1.25 times as long, with
// IP and UDP headers (notes/security.md: at most about 1.5).
func TestSTUN_DoesNotAmplify(t *testing.T) {
	inMemory(t, Limits{Rate: 5, Burst: 5}, nil, func(t *testing.T, table *Table, r *recorder, p *memPackets) {
		for range 100 {
			p.send("10.0.0.1:5060", string(bindingRequest(nil)))
		}
		synctest.Wait()
		if len(p.out) != 5 {
			t.Errorf("%d answers to a flood", len(p.out))
		}
		const wire = 28
		if got := <-p.out; float64(len(got.b)+wire) > 1.5*float64(stunHeader+wire) {
			t.Errorf("%d bytes for %d", len(got.b), stunHeader)
		}
		if n := table.Counters(); n.Stuns != 5 || n.DroppedRate != 95 {
			t.Errorf("%+v", n)
		}
	})
}
