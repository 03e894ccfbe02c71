package phone

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served puts a fakeRegistrar on real sockets.
type served struct {
	mutex sync.Mutex
	fake  *fakeRegistrar
	// proxy, if not nil, takes everything in fake's place.
	proxy   *exchange
	clients map[string]func([]byte)
	udp     *net.UDPConn
	tcp     net.Listener
	tls     net.Listener
	conns   []net.Conn
	done    sync.WaitGroup
}

func serve(t *testing.T, name, address string, secure *tls.Config) *served {
	t.Helper()
	return serveWith(t, &served{fake: newFake(name)}, address, secure)
}

func serveWith(t testing.TB, s *served, address string, secure *tls.Config) *served {
	t.Helper()
	var err error
	if s.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)}); err != nil {
		t.Fatal(err)
	}
	if s.tcp, err = net.Listen("tcp", net.JoinHostPort(address, "0")); err != nil {
		t.Fatal(err)
	}
	if s.tls, err = tls.Listen("tcp", net.JoinHostPort(address, "0"), secure); err != nil {
		t.Fatal(err)
	}
	s.done.Go(s.datagrams)
	s.done.Go(func() { s.accept(s.tcp) })
	s.done.Go(func() { s.accept(s.tls) })
	t.Cleanup(s.close)
	return s
}

func (s *served) server() Server {
	port := func(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }
	return Server{Name: s.fake.name, UDP: port(s.udp.LocalAddr()), TCP: port(s.tcp.Addr()), TLS: port(s.tls.Addr())}
}

func (s *served) handle(data []byte) []byte {
	message, err := Parse(data)
	if err != nil {
		return nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if answer := s.fake.handle(message); answer != nil {
		return answer.Bytes()
	}
	return nil
}

// pass lets the exchange take a message, and sends what comes of it.
func (s *served) pass(client string, data []byte, write func([]byte)) {
	message, err := Parse(append([]byte(nil), data...))
	if err != nil {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.clients[client] = write
	for _, out := range s.proxy.take(client, message) {
		if write := s.clients[out.to]; write != nil {
			write(out.data)
		}
	}
}

func (s *served) datagrams() {
	buffer := make([]byte, 65536)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		if s.proxy != nil {
			s.pass(from.String(), buffer[:n], func(data []byte) { _, _ = s.udp.WriteToUDPAddrPort(data, from) })
			continue
		}
		if answer := s.handle(buffer[:n]); answer != nil {
			_, _ = s.udp.WriteToUDPAddrPort(answer, from)
		}
	}
}

func (s *served) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.mutex.Lock()
		s.conns = append(s.conns, conn)
		s.mutex.Unlock()
		s.done.Go(func() {
			defer conn.Close()
			stream := bufio.NewReader(conn)
			for {
				data, err := readMessage(stream)
				if err != nil {
					return
				}
				if s.proxy != nil {
					s.pass(conn.RemoteAddr().String(), data, func(data []byte) { _, _ = conn.Write(data) })
					continue
				}
				if answer := s.handle(data); answer != nil {
					if _, err := conn.Write(answer); err != nil {
						return
					}
				}
			}
		})
	}
}

func (s *served) close() {
	s.udp.Close()
	s.tcp.Close()
	s.tls.Close()
	s.mutex.Lock()
	for _, conn := range s.conns {
		conn.Close()
	}
	s.mutex.Unlock()
	s.done.Wait()
}

// fleet of one phone of each transport towards two servers, as `roost phone
// --fleet` runs it: over pipes.
type fleetUnderTest struct {
	t        *testing.T
	commands *io.PipeWriter
	reports  chan Report
	ended    chan error
}

func startFleet(t *testing.T, setup Setup) *fleetUnderTest {
	t.Helper()
	in, commands := io.Pipe()
	out, printed := io.Pipe()
	f := &fleetUnderTest{t: t, commands: commands, reports: make(chan Report, 1000), ended: make(chan error, 1)}
	go func() {
		f.ended <- Serve(t.Context(), setup, in, printed)
		printed.Close()
	}()
	go func() {
		defer close(f.reports)
		decoder := json.NewDecoder(out)
		for {
			var report Report
			if decoder.Decode(&report) != nil {
				return
			}
			f.reports <- report
		}
	}()
	return f
}

func (f *fleetUnderTest) do(command Command) {
	f.t.Helper()
	line, err := json.Marshal(command)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.commands.Write(append(line, '\n')); err != nil {
		f.t.Fatal(err)
	}
}

// await reads reports until one for each phone satisfies want.
func (f *fleetUnderTest) await(phones int, want func(Report) bool) {
	f.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	seen := map[string]bool{}
	var read []Report
	for len(seen) < phones {
		select {
		case report, open := <-f.reports:
			if !open {
				f.t.Fatalf("the fleet ended after %+v", read)
			}
			if read = append(read, report); want(report) {
				seen[report.Phone] = true
			}
		case <-deadline.C:
			f.t.Fatalf("only %v after 20 s; reports %+v", seen, read)
		}
	}
}

func (f *fleetUnderTest) quit() {
	f.t.Helper()
	f.do(Command{Do: "quit"})
	var last Report
	for report := range f.reports {
		last = report
	}
	if last.Event != Summary {
		f.t.Fatalf("the last report is %+v, want a summary", last)
	}
	if err := <-f.ended; err != nil {
		f.t.Fatal(err)
	}
}

func TestFleetOverEveryTransport(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			rootFile, secure := labTLS(t, address)
			home, backup := serve(t, "home", address, secure), serve(t, "backup", address, secure)
			setup := Setup{Speed: 60, Domain: "example.test", Servers: []Server{home.server(), backup.server()}, TrustedRoot: rootFile}
			for i, transport := range []string{"udp", "tcp", "tls"} {
				spec := Spec{Number: string(rune('1' + i)), Password: password, Profile: "yealink", Transport: transport, Returns: ByServer}
				if address == "127.0.0.1" && i > 0 { // of its own, the first one's is chosen for it
					spec.Address = netip.AddrFrom4([4]byte{127, 0, 0, byte(20 + i)})
				}
				setup.Phones = append(setup.Phones, spec)
			}
			fleet := startFleet(t, setup)
			fleet.await(3, func(r Report) bool { return r.Event == Registered && r.Server == "home" })
			for _, phone := range setup.Phones {
				fleet.do(Command{Do: "block", Phone: phone.Number, Towards: "home"})
			}
			fleet.await(3, func(r Report) bool { return r.Event == Registered && r.Server == "backup" })
			fleet.do(Command{Do: "unblock", Towards: "home"})
			fleet.do(Command{Do: "reboot"})
			fleet.await(3, func(r Report) bool { return r.Event == Registered && r.Server == "home" && r.Why == "power on" })
			fleet.quit()
		})
	}
}

// A server's certificate from another root is refused: the phone does not
// register there.
func TestTLSPhoneVerifiesServer(t *testing.T) {
	rootFile, _ := labTLS(t, "127.0.0.1")
	_, other := labTLS(t, "127.0.0.1")
	home := serve(t, "home", "127.0.0.1", other)
	setup := Setup{Speed: 60, Domain: "example.test", Servers: []Server{home.server()}, TrustedRoot: rootFile,
		Phones: []Spec{{Number: "1", Password: password, Profile: "poly", Transport: "tls"}}}
	fleet := startFleet(t, setup)
	fleet.await(1, func(r Report) bool { return r.Event == Unanswered && r.Text != "" })
	fleet.quit()
	if len(home.fake.bound) != 0 {
		t.Fatal("registered all the same")
	}
}

func TestBadCommandsAreAnswered(t *testing.T) {
	_, secure := labTLS(t, "127.0.0.1")
	home := serve(t, "home", "127.0.0.1", secure)
	setup := Setup{Domain: "example.test", Servers: []Server{home.server()},
		Phones: []Spec{{Number: "1", Password: password, Profile: "poly", Transport: "udp"}}}
	var out bytes.Buffer
	in := bytes.NewBufferString("nonsense\n{\"do\":\"dance\"}\n{\"do\":\"busy\",\"phone\":\"9\"}\n{\"do\":\"block\",\"towards\":\"mars\"}\n{\"do\":\"habits\",\"habits\":{\"srtp\":\"maybe\"}}\n\n")
	if err := Serve(t.Context(), setup, in, &out); err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(out.Bytes(), []byte(`{"error":`)); got != 5 {
		t.Fatalf("%d errors in:\n%s", got, out.String())
	}
}

// A watcher that is gone ends the fleet.
func TestBrokenOutputEndsFleet(t *testing.T) {
	_, secure := labTLS(t, "127.0.0.1")
	home := serve(t, "home", "127.0.0.1", secure)
	setup := Setup{Domain: "example.test", Servers: []Server{home.server()}, Spread: time.Nanosecond,
		Phones: []Spec{{Number: "1", Password: password, Profile: "poly", Transport: "udp"}}}
	in, keepOpen := io.Pipe()
	defer keepOpen.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := Serve(ctx, setup, in, brokenPipe{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("ended with %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// labTLS makes a root and a certificate for address.
func labTLS(t testing.TB, address string) (rootFile string, config *tls.Config) {
	t.Helper()
	now := time.Now()
	ca, err := certs.NewCA("lab", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := ca.IssueIdentity(certs.Request{System: "home", Addresses: []string{address}, ValidFor: time.Hour}, now)
	if err != nil {
		t.Fatal(err)
	}
	rootFile = filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(rootFile, ca.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return rootFile, &tls.Config{Certificates: []tls.Certificate{identity.TLSCertificate()}}
}
