package trunk

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// nameServer serves records in zone-file form on loopback, over UDP and TCP.
func nameServer(t *testing.T, lines ...string) (address string, asked *atomic.Int64) {
	t.Helper()
	var all []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	asked = new(atomic.Int64)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		asked.Add(1)
		m := new(dns.Msg)
		m.SetReply(q)
		known := false
		for _, rr := range all {
			if strings.EqualFold(rr.Header().Name, q.Question[0].Name) {
				known = true
				if rr.Header().Rrtype == q.Question[0].Qtype {
					m.Answer = append(m.Answer, rr)
				}
			}
		}
		if !known {
			m.Rcode = dns.RcodeNameError
		}
		if strings.HasPrefix(q.Question[0].Name, "broken.") {
			m.Rcode = dns.RcodeServerFailure
		}
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncate(512)
		}
		_ = w.WriteMsg(m)
	})
	socket, listener := bothKinds(t)
	address = socket.LocalAddr().String()
	for _, s := range []*dns.Server{{PacketConn: socket, Handler: handler}, {Listener: listener, Handler: handler}} {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		done := make(chan struct{})
		go func() { defer close(done); _ = s.ActivateAndServe() }()
		<-up
		t.Cleanup(func() { _ = s.Shutdown(); <-done })
	}
	return address, asked
}

// bothKinds are a UDP and a TCP socket of one port.
func bothKinds(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 50 {
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", socket.LocalAddr().String())
		if err == nil {
			return socket, listener
		}
		socket.Close()
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
}

func TestDNS_RealQuestions(t *testing.T) {
	lines := []string{
		`carrier.test. 300 IN NAPTR 20 10 "s" "SIP+D2U" "" _late.carrier.test.`,
		`carrier.test. 300 IN NAPTR 10 10 "s" "sip+d2u" "" _first.carrier.test.`,
		`carrier.test. 300 IN NAPTR 5 10 "u" "SIP+D2T" "!x!y!" .`,
		`_first.carrier.test. 120 IN SRV 10 60 5070 a.carrier.test.`,
		`a.carrier.test. 60 IN A 127.0.0.1`,
		`a.carrier.test. 30 IN AAAA ::1`,
	}
	for i := range 40 { // more than fits into a datagram, and more than is taken
		lines = append(lines, fmt.Sprintf("_many.carrier.test. 60 IN SRV 1 1 %d host%d.with-a-long-name.carrier.test.", 6000+i, i))
	}
	address, _ := nameServer(t, lines...)
	dead, err := net.ListenPacket("udp", "127.0.0.1:0") // asked first, answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	d := &DNS{Servers: []string{dead.LocalAddr().String(), address}, Within: 100 * time.Millisecond}
	naptr, ttl, err := d.NAPTR(t.Context(), "carrier.test")
	if err != nil || ttl != 300*time.Second || naptr["SIP+D2U"] != "_first.carrier.test." || naptr["SIP+D2T"] != "" {
		t.Errorf("NAPTR %v for %v, %v", naptr, ttl, err)
	}
	many, _, err := d.SRV(t.Context(), "_many.carrier.test")
	if err != nil || len(many) != maxRecords {
		t.Errorf("%d SRV records by TCP, %v", len(many), err)
	}
	addrs, ttl, err := d.Addresses(t.Context(), "a.carrier.test")
	if err != nil || ttl != 30*time.Second || !slices.Equal(addrs, []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}) {
		t.Errorf("addresses %v for %v, %v", addrs, ttl, err)
	}
	if _, _, err := d.SRV(t.Context(), "_none.carrier.test"); !errors.Is(err, ErrNoRecords) {
		t.Errorf("a name that is not there: %v", err)
	}
	if _, _, err := d.SRV(t.Context(), "a.carrier.test"); !errors.Is(err, ErrNoRecords) {
		t.Errorf("a name without such records: %v", err)
	}
	if _, _, err := d.SRV(t.Context(), "broken.carrier.test"); err == nil || !strings.Contains(err.Error(), "SERVFAIL") {
		t.Errorf("a server that fails: %v", err)
	}
	if _, _, err := d.SRV(t.Context(), strings.Repeat("x", 300)); err == nil {
		t.Error("a name that cannot be one is asked for")
	}
	got, _, err := Locate(t.Context(), d, &Config{Peer: "carrier.test", Transport: UDP, SRV: true})
	if want := "a.carrier.test. 127.0.0.1:5070 10/60, a.carrier.test. [::1]:5070 10/60"; err != nil || placed(got) != want {
		t.Errorf("located %s, %v", placed(got), err)
	}
}

func TestDNS_HostsFileForWhatNoServerKnows(t *testing.T) {
	address, _ := nameServer(t)
	d := &DNS{Servers: []string{address}, Hosts: net.DefaultResolver}
	got, _, err := d.Addresses(t.Context(), "localhost")
	if err != nil || !slices.Contains(got, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("localhost is %v, %v", got, err)
	}
}
