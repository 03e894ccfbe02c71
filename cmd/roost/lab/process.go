package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is one child. It dies with the lab, however the lab ends.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.Reader
	log    string // path of what it writes to standard error
	exited chan struct{}
	err    error // valid once exited is closed
}

// launch starts a child whose standard error goes to the end of a log file.
// Its standard streams are pipes if piped, else the log as well.
func launch(binary, name, logPath string, piped bool, args ...string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own descriptor
	p := &process{name: name, cmd: exec.Command(binary, args...), log: logPath, exited: make(chan struct{})}
	p.cmd.Stderr = log
	// Of a group of its own, so that Ctrl-C reaches the lab alone, which then
	// ends its children in order; killed if the lab dies.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var stdout io.ReadCloser
	if piped {
		if p.stdin, err = p.cmd.StdinPipe(); err != nil {
			return nil, err
		}
		// Not StdoutPipe: Wait would close it before all is read.
		reader, writer, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer writer.Close()
		p.cmd.Stdout, stdout, p.stdout = writer, reader, reader
	} else {
		p.cmd.Stdout = log
	}
	if err := p.cmd.Start(); err != nil {
		if stdout != nil {
			stdout.Close()
		}
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// running says whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) signal(signal syscall.Signal) error {
	if !p.running() {
		return fmt.Errorf("%s is not running", p.name)
	}
	return p.cmd.Process.Signal(signal)
}

// kill ends the process at once and waits for its end.
func (p *process) kill() error {
	if !p.running() {
		return nil
	}
	// Of the same pid: Signal knows when it was reaped, which is a moment before exited
	// is closed.
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("%s (pid %d) did not die within 10 s of SIGKILL", p.name, p.cmd.Process.Pid)
	}
}

// lastWords are the last lines of its log.
func (p *process) lastWords(lines int) string {
	const most = 8 << 10
	file, err := os.Open(p.log)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	content, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
