package sip

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// crowd is a UDP socket behind which many phones answer, several at a time.
type crowd struct {
	*memPacket
	t      *testing.T
	c      *site
	flows  map[netip.AddrPort]flow.ID
	work   chan datagram
	left   atomic.Int64 // calls that are not over
	done   chan struct{}
	over   sync.Once
	answer sync.WaitGroup
}

func (c *crowd) WriteTo(b []byte, to net.Addr) (int, error) {
	a := to.(*net.UDPAddr).AddrPort()
	select {
	case c.work <- datagram{netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), append([]byte(nil), b...)}:
	default: // lost, as UDP is
	}
	return len(b), nil
}

func (c *crowd) say(from netip.AddrPort, raw []byte) {
	c.c.Handle(&flow.Inbound{
		Flow: c.flows[from], Transport: flow.UDP, Local: here, Remote: from, Bytes: raw, At: time.Now(), Proven: true,
	})
}

func (c *crowd) run() {
	defer c.answer.Done()
	for {
		select {
		case d := <-c.work:
			c.take(d)
		case <-c.done:
			return
		}
	}
}

// take is what a phone does with a message.
func (c *crowd) take(d datagram) {
	var m message.Message
	if f := m.Parse(d.bytes, message.Limits{}, true); f != nil {
		c.t.Errorf("malformed: %v\n%s", f, d.bytes)
		return
	}
	reply := func(status int, sdp string) {
		c.say(d.from, message.AppendResponse(nil, &m, message.Reply{
			Status: status, Reason: "Tested", ToTag: "t202", ContentType: "application/sdp", Body: []byte(sdp),
			Header: []message.HeaderLine{{Name: "Contact", Value: "<sip:202@" + nearby.String() + ">"}},
		}))
	}
	switch {
	case m.Request && m.Method == "INVITE":
		reply(180, "")
		reply(200, answerOfB)
	case m.Request && m.Method != "ACK":
		reply(200, "")
	case m.Status == 200 && m.CSeqMethod == "INVITE":
		to, _ := m.Get(message.HTo)
		c.say(d.from, []byte(crowdRequest("ACK", m.CallID, to, 1, "")))
		c.say(d.from, []byte(crowdRequest("INFO", m.CallID, to, 2, "")))
		c.say(d.from, []byte(crowdRequest("BYE", m.CallID, to, 3, "")))
	case m.Status >= 200 && m.CSeqMethod == "BYE":
		if c.left.Add(-1) == 0 {
			c.over.Do(func() { close(c.done) })
		}
	}
}

func crowdRequest(method, callID, to string, cseq int, sdp string) string {
	var b strings.Builder
	b.WriteString(method + " sip:202@" + realm + " SIP/2.0\r\nVia: SIP/2.0/UDP " + there.String() +
		";branch=z9hG4bK" + callID + strconv.Itoa(cseq) + method + "\r\nMax-Forwards: 70\r\nFrom: <sip:201@" + realm + ">;tag=f" + callID +
		"\r\nTo: " + to + "\r\nCall-ID: " + callID + "\r\nCSeq: " + strconv.Itoa(cseq) + " " + method +
		"\r\nContact: <sip:201@" + there.String() + ">\r\n")
	if sdp != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(sdp)) + "\r\n\r\n" + sdp)
	return b.String()
}

// TestCalls_ManyAtOnce sets up and ends calls from several goroutines at a time, so
// that both legs of a call are at work at once. Nothing is lost, nothing is left.
func TestCalls_ManyAtOnce(t *testing.T) {
	const calls, workers = 300, 8
	c := &crowd{memPacket: newMemPacket(here), t: t, work: make(chan datagram, 64*calls), done: make(chan struct{})}
	board := newBoard()
	board.quiet = true
	board.peerOf = func(p FlowPeer) (Neighbour, bool) { return Neighbour{Kind: call.Trunk}, p.Source == there }
	c.c = newSite(t, func(o *Options, _ *registrar.Config) { o.Calls, o.UDP = board, []net.PacketConn{c} })
	board.e, board.desk = c.c.Endpoint, c.c.desk
	b := newPhone("202")
	b.via = nearby.String()
	b.register(t, c.c, func(in *flow.Inbound) { in.Remote = nearby })
	c.flows = map[netip.AddrPort]flow.ID{}
	for _, a := range []netip.AddrPort{there, nearby} {
		id, err := c.c.flows.UDPFlow(here, a)
		if err != nil {
			t.Fatal(err)
		}
		c.flows[a] = id
	}
	c.left.Store(calls)
	c.answer.Add(workers)
	for range workers {
		go c.run()
	}
	for i := range calls {
		c.say(there, []byte(crowdRequest("INVITE", "crowd"+strconv.Itoa(i), "<sip:202@"+realm+">", 1, offerOfA)))
	}
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	select {
	case <-c.done:
	case <-late.C:
		c.over.Do(func() { close(c.done) })
		t.Errorf("%d calls are not over", c.left.Load())
	}
	c.answer.Wait()
	if in, out := c.c.value(cCallsIn), c.c.value(cCallsOut); in != calls || out != calls {
		t.Errorf("%d legs in, %d out", in, out)
	}
	for _, n := range []counter{cPanics, cLegQueueFull, cOdd, cUnknownDialog} {
		if c.c.value(n) != 0 {
			t.Errorf("%s: %d", counterNames[n][0], c.c.value(n))
		}
	}
}
