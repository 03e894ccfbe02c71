package interop

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is a process that a test started. It is ended with the test, by its pid.
type program struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // valid once exited is closed

	mu     sync.Mutex
	output strings.Builder
}

// maxOutput bounds what is kept of a program's output, in bytes.
const maxOutput = 4 << 20

// start runs a program in a directory; standard output and error are kept together.
func start(t *testing.T, dir, name string, args ...string) *program {
	t.Helper()
	return startAs(t, dir, exec.Command(name, args...))
}

// startAs runs a command that has more than arguments.
func startAs(t *testing.T, dir string, cmd *exec.Cmd) *program {
	t.Helper()
	name := cmd.Args[0]
	p := &program{t: t, name: name, cmd: cmd, exited: make(chan struct{})}
	p.cmd.Dir = dir
	// Killed also if the test process dies.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	writer.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer reader.Close()
		p.keep(reader)
	}()
	go func() {
		<-read // the pipe ends with the process
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			said := p.said()
			t.Logf("%s said at last:\n%s", p.cmd, said[max(0, len(said)-6000):])
		}
	})
	return p
}

func (p *program) keep(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		p.mu.Lock()
		if p.output.Len()+len(line) <= maxOutput {
			p.output.WriteString(line)
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// said is all of the output so far.
func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

func (p *program) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// signal sends a signal to a process that is still ours: it is not reaped before
// exited is closed, so the pid cannot be another's.
func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	if !p.running() {
		p.t.Fatalf("%s has ended by itself: %v\n%s", p.name, p.err, p.said())
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal to %s: %v", p.name, err)
	}
}

// wait waits for the end, and returns what the process ended with.
func (p *program) wait(within time.Duration) error {
	p.t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	select {
	case <-p.exited:
		return p.err
	case <-deadline.C:
		p.t.Fatalf("%s (pid %d) did not end within %v", p.name, p.cmd.Process.Pid, within)
		return nil
	}
}

// stop ends it in order.
func (p *program) stop(within time.Duration) error {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.wait(within)
}

// kill ends it at once, and waits.
func (p *program) kill() {
	if p.running() {
		// An error means that it ended meanwhile.
		_ = p.cmd.Process.Signal(syscall.SIGKILL)
		<-p.exited
	}
}
