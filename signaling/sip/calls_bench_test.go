package sip

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// deafPacket is a UDP socket that hears nothing; kept is what was written last.
type deafPacket struct {
	*memPacket
	mu   sync.Mutex
	keep bool
	kept [][]byte
}

func (d *deafPacket) WriteTo(b []byte, _ net.Addr) (int, error) {
	if d.keep {
		d.mu.Lock()
		d.kept = append(d.kept, append([]byte(nil), b...))
		d.mu.Unlock()
	}
	return len(b), nil
}

// counting is randomness that is the same in each round, so that the far ends'
// messages can be made before.
type counting struct{ n uint64 }

func (c *counting) Read(b []byte) (int, error) {
	for i := 0; i < len(b); i += 8 {
		c.n++
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], c.n*0x9e3779b97f4a7c15)
		copy(b[i:], word[:])
	}
	return len(b), nil
}

// callBench is a call from A to B through an endpoint, as the messages that come in.
type callBench struct {
	*site
	board  *board
	pc     *deafPacket
	random *counting
	flows  [2]flow.ID
	script []scripted
}

type scripted struct {
	from  int
	bytes []byte
}

func newCallBench(tb testing.TB) *callBench {
	c := &callBench{board: newBoard(), pc: &deafPacket{memPacket: newMemPacket(here)}, random: &counting{}}
	c.board.quiet = true
	c.board.peerOf = func(p FlowPeer) (Neighbour, bool) { return Neighbour{Kind: call.Trunk}, p.Source == there }
	c.site = newSite(tb, func(o *Options, _ *registrar.Config) {
		o.Calls, o.UDP = c.board, []net.PacketConn{c.pc}
	})
	c.board.e, c.board.desk = c.Endpoint, c.desk
	c.legs.config.Random = c.random
	b := newPhone("202")
	b.via = nearby.String()
	b.register(tb, c.site, func(in *flow.Inbound) { in.Remote = nearby })
	for i, a := range []netip.AddrPort{there, nearby} {
		id, err := c.Endpoint.flows.UDPFlow(here, a)
		if err != nil {
			tb.Fatal(err)
		}
		c.flows[i] = id
	}
	c.record(tb)
	return c
}

func (c *callBench) hand(from int, b []byte, in *flow.Inbound) {
	*in = flow.Inbound{
		Flow: c.flows[from], Transport: flow.UDP, Local: here, Remote: [...]netip.AddrPort{there, nearby}[from],
		Bytes: b, Answer: in.Answer[:0], At: time.Now(), Proven: true,
	}
	c.Handle(in)
}

// record plays the call once and keeps what the two phones say.
func (c *callBench) record(tb testing.TB) {
	c.pc.keep = true
	say := func(from int, b []byte) []message.Message {
		c.script = append(c.script, scripted{from, b})
		c.pc.kept = nil
		c.hand(from, b, &flow.Inbound{})
		var out []message.Message
		for _, raw := range c.pc.kept {
			var m message.Message
			if f := m.Parse(raw, message.Limits{}, true); f != nil {
				tb.Fatal(f)
			}
			out = append(out, m)
		}
		return out
	}
	a := newPhone("201")
	bLines := []message.HeaderLine{{Name: "Contact", Value: "<sip:202@" + nearby.String() + ">"}}
	answer := func(m *message.Message, status int, sdp string) []byte {
		return message.AppendResponse(nil, m, message.Reply{
			Status: status, Reason: "Tested", ToTag: "t202", Header: bLines, ContentType: "application/sdp", Body: []byte(sdp),
		})
	}
	as := &set{a, nil}
	invite := say(0, []byte(as.invite("202", offerOfA)))
	atB := invite[1]
	say(1, answer(&atB, 180, ""))
	ok := say(1, answer(&atB, 200, answerOfB))
	r := &reply{Message: ok[1]}
	say(0, []byte(as.within(r, "ACK", a.cseq)))
	bye := say(0, []byte(as.within(r, "BYE", a.cseq+1)))
	if len(bye) != 2 || bye[1].Method != "BYE" {
		tb.Fatalf("the call did not come about: %d messages", len(bye))
	}
	say(1, answer(&bye[1], 200, ""))
	c.forget()
	c.pc.keep = false
}

// forget takes the two legs out, which would wait for stragglers for 32 s.
func (c *callBench) forget() {
	c.legs.mu.RLock()
	all := make([]*leg, 0, 2)
	for _, l := range c.legs.byID {
		all = append(all, l)
	}
	c.legs.mu.RUnlock()
	for _, l := range all {
		c.legs.remove(l)
	}
	c.random.n = 0
}

// cpuTime is what this process has used, for benchmarks on a machine that is shared.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportCPU gives the processor's time an operation since from.
func reportCPU(b *testing.B, from time.Duration) {
	b.ReportMetric(float64(cpuTime()-from)/float64(b.N), "cpu-ns/op")
}

// BenchmarkCallSetUp is INVITE 100 180 200 ACK BYE 200 through two legs, everything
// included but the sockets: reading, tables, transactions, dialogs, switchboard.
func BenchmarkCallSetUp(b *testing.B) {
	c := newCallBench(b)
	var in flow.Inbound
	b.ReportAllocs()
	from := cpuTime()
	for b.Loop() {
		for _, s := range c.script {
			c.hand(s.from, s.bytes, &in)
		}
		c.forget()
	}
	reportCPU(b, from)
	b.StopTimer()
	if got := c.value(cCallsOut); got < uint64(b.N) {
		b.Fatalf("%d of %d calls came about", got, b.N)
	}
}

// deafConn is where sipgo's transactions write to: as a transport does, it makes the
// bytes and sends them nowhere.
type deafConn struct{ net.Conn }

func (deafConn) LocalAddr() net.Addr { return nil }
func (deafConn) WriteMsg(m sip.Message) error {
	_ = m.String()
	return nil
}
func (deafConn) Ref(int) int            { return 1 }
func (deafConn) TryClose() (int, error) { return 1, nil }
func (deafConn) Close() error           { return nil }

// BenchmarkCallSetUpSipgo is the same call on sipgo's parser, message types and
// transaction objects, without tables, dialogs, timers of sessions or a switchboard.
func BenchmarkCallSetUpSipgo(b *testing.B) {
	c := newCallBench(b)
	p := sip.NewParser()
	conn := deafConn{}
	parse := func(i int) sip.Message {
		m, err := p.ParseSIP(c.script[i].bytes)
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	answer := func(tx *sip.ServerTx, req *sip.Request, status int, body []byte) {
		res := sip.NewResponseFromRequest(req, status, "Tested", body)
		if err := tx.Respond(res); err != nil {
			b.Fatal(err)
		}
	}
	outgoing := func(method sip.RequestMethod, in *sip.Request, n int) *sip.Request {
		req := sip.NewRequest(method, sip.Uri{Scheme: "sip", User: "202", Host: "127.0.1.2", Port: 5070})
		via := sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: "127.0.0.11", Port: 5060, Params: sip.NewParams()}
		via.Params.Add("branch", sip.GenerateBranch())
		req.AppendHeader(&via)
		from, to := *in.From(), *in.To()
		req.AppendHeader(&from)
		req.AppendHeader(&to)
		id := sip.CallIDHeader("out-" + strconv.Itoa(n))
		req.AppendHeader(&id)
		req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: method})
		hops := sip.MaxForwardsHeader(69)
		req.AppendHeader(&hops)
		req.SetTransport("UDP")
		req.SetBody(in.Body())
		return req
	}
	receive := func(tx *sip.ClientTx, res *sip.Response) {
		go tx.Receive(res) // it waits for the reader
		<-tx.Responses()
	}
	begin := func(req *sip.Request) *sip.ServerTx {
		req.SetTransport("UDP")
		tx := sip.NewServerTx("s", req, conn, noLog)
		if err := tx.Init(); err != nil {
			b.Fatal(err)
		}
		return tx
	}
	dial := func(req *sip.Request) *sip.ClientTx {
		tx := sip.NewClientTx("c", req, conn, noLog)
		if err := tx.Init(); err != nil {
			b.Fatal(err)
		}
		return tx
	}
	b.ReportAllocs()
	from := cpuTime()
	for b.Loop() {
		invite := parse(0).(*sip.Request)
		stx := begin(invite)
		answer(stx, invite, 100, nil)
		out := outgoing(sip.INVITE, invite, b.N)
		ctx := dial(out)
		receive(ctx, parse(1).(*sip.Response))
		answer(stx, invite, 180, nil)
		ok := parse(2).(*sip.Response)
		receive(ctx, ok)
		_ = conn.WriteMsg(outgoing(sip.ACK, invite, b.N))
		answer(stx, invite, 200, ok.Body())
		_ = parse(3)
		bye := parse(4).(*sip.Request)
		btx := begin(bye)
		answer(btx, bye, 200, nil)
		bctx := dial(outgoing(sip.BYE, bye, b.N))
		receive(bctx, parse(5).(*sip.Response))
		stx.Terminate()
		ctx.Terminate()
		btx.Terminate()
		bctx.Terminate()
	}
	reportCPU(b, from)
}
