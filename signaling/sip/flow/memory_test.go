package flow

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What an idle phone may cost the process (performance.md of the design): 4 kB over
// TCP, 20 kB over TLS. What the kernel keeps is not in it.
const (
	mostIdleTCP = 4 << 10
	mostIdleTLS = 20 << 10
	idleClients = 2_000
)

// The test's program is started again as the clients, so that only the server's ends
// are counted here.
const (
	envClients = "ROOST_TEST_IDLE_CLIENTS" // "tcp ADDRESS" or "tls ADDRESS"
	ready      = "all clients are connected"
)

func TestMemory_IdleConnections(t *testing.T) {
	if what := os.Getenv(envClients); what != "" {
		beIdleClients(t, what)
		return
	}
	if raceDetector {
		t.Skip("not measured under the race detector, where sizes are not the program's: run it without -race as well")
	}
	table := newTable(t, echoHandler{}, Limits{PerSource: idleClients})
	for _, c := range []struct {
		name, addr string
		most       int64
	}{
		{"tcp", serveTCP(t, table), mostIdleTCP},
		{"tls", serveTLS(t, table, &tls.Config{Certificates: []tls.Certificate{identity(t, "london")}}), mostIdleTLS},
	} {
		before := inUse()
		leave := startClients(t, c.name+" "+c.addr)
		each := (inUse() - before) / idleClients
		t.Logf("an idle connection over %s: %d bytes of heap and stack", c.name, each)
		if each > c.most {
			t.Errorf("an idle connection over %s takes %d bytes, %d are allowed", c.name, each, c.most)
		}
		leave()
		eventually(t, "clients gone", func() bool { return table.Counters().Connections == 0 })
	}
}

// startClients returns once every client has had an answer.
func startClients(t *testing.T, what string) (leave func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemory_IdleConnections$", "-test.v")
	cmd.Env = append(os.Environ(), envClients+"="+what)
	in, out := must(cmd.StdinPipe()), must(cmd.StdoutPipe())
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), ready) {
			return func() {
				_ = in.Close()
				_, _ = io.Copy(io.Discard, out)
				if err := cmd.Wait(); err != nil {
					t.Error(err)
				}
			}
		}
	}
	t.Fatal("the clients did not connect: ", cmd.Wait())
	return nil
}

// beIdleClients connects, exchanges a message on each connection, and waits for the end
// of its input.
func beIdleClients(t *testing.T, what string) {
	network, addr, _ := strings.Cut(what, " ")
	m := msg("REGISTER sip:a SIP/2.0\r\nX: "+strings.Repeat("x", 600), "")
	conns := make([]net.Conn, idleClients)
	for i := range conns {
		raw, err := net.DialTimeout("tcp", addr, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if conns[i] = raw; network == "tls" {
			conns[i] = tls.Client(raw, clientTLS())
		}
		write(t, conns[i], m)
		expect(t, conns[i], "re:"+m)
	}
	fmt.Println(ready)
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, c := range conns {
		_ = c.Close()
	}
}

// inUse is heap and stacks after collections.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// echoHandler answers and keeps nothing.
type echoHandler struct{}

func (echoHandler) Handle(in *Inbound)    { echo(in) }
func (echoHandler) FlowClosed(ID, Reason) {}
