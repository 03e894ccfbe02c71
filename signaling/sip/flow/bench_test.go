package flow

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// request is as long as a REGISTER with credentials.
var request = msg("REGISTER sip:example.test SIP/2.0\r\nX: "+strings.Repeat("x", 600), "")

// BenchmarkUDP is datagrams through the socket, answers included, with 64 under way.
// The client shares the machine.
func BenchmarkUDP(b *testing.B) {
	table := newTable(b, echoHandler{}, Limits{Rate: -1})
	pc := must(OpenUDP(b.Context(), "127.0.0.1:0"))
	if err := table.ServeUDP(pc); err != nil {
		b.Fatal(err)
	}
	c := must(net.Dial("udp", pc.LocalAddr().String()))
	defer c.Close()
	buf := make([]byte, 2048)
	b.ReportAllocs()
	b.ResetTimer()
	open := 0
	for range b.N {
		if open == 64 {
			if _, err := c.Read(buf); err != nil {
				b.Fatal(err)
			}
			open--
		}
		if _, err := c.Write([]byte(request)); err != nil {
			b.Fatal(err)
		}
		open++
	}
	for ; open > 0; open-- {
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkStream(b *testing.B, c net.Conn) {
	answer := make([]byte, 16*len("re:"+request))
	sixteen := []byte(strings.Repeat(request, 16))
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += 16 {
		if _, err := c.Write(sixteen); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTCP(b *testing.B) {
	c := must(net.Dial("tcp", serveTCP(b, newTable(b, echoHandler{}, Limits{}))))
	defer c.Close()
	benchmarkStream(b, c)
}

func BenchmarkTLS(b *testing.B) {
	addr := serveTLS(b, newTable(b, echoHandler{}, Limits{}), &tls.Config{Certificates: []tls.Certificate{identity(b, "london")}})
	c := must(tls.Dial("tcp", addr, clientTLS()))
	defer c.Close()
	benchmarkStream(b, c)
}

// BenchmarkUDPFlow is finding a datagram's flow among 100,000.
func BenchmarkUDPFlow(b *testing.B) {
	table := newTable(b, echoHandler{}, Limits{Strangers: 200_000})
	p := newMemPackets()
	if err := table.ServeUDP(p); err != nil {
		b.Fatal(err)
	}
	u := table.sockets[1]
	addrs := manyAddrs(100_000)
	for _, a := range addrs {
		u.arrived(a, 1)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		u.arrived(addrs[i%len(addrs)], int64(i))
	}
}

func BenchmarkSTUN(b *testing.B) {
	req, out := bindingRequest(nil), make([]byte, 0, 100)
	source := manyAddrs(1)[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := appendSTUN(out, req, source); !ok {
			b.Fatal("refused")
		}
	}
}

func manyAddrs(n int) []netip.AddrPort {
	addrs := make([]netip.AddrPort, n)
	for i := range addrs {
		addrs[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
	}
	return addrs
}
