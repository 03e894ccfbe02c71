package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/cmd/roost/console"
	"roost/cmd/roost/console/api"
)

// system is one `roost serve`, which may be started several times.
type system struct {
	site    *site
	t       *testing.T
	name    string
	config  string
	logFile string
	client  *console.Client

	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of its end, once exited is closed
}

func (s *site) run(name, config string) *system {
	s.t.Helper()
	one := s.systems[name]
	if one == nil {
		one = &system{site: s, t: s.t, name: name, logFile: filepath.Join(s.dir, name+".log"),
			client: console.NewClient(s.at(lastByte(name), 8080))}
		s.systems[name] = one
		s.t.Cleanup(func() {
			one.client.Close()
			one.kill()
			one.tellIfFailed()
			one.noSecrets()
		})
	}
	one.config = config
	one.launch()
	return one
}

// launch starts the process; its log goes on in the same file.
func (y *system) launch() {
	y.t.Helper()
	log, err := os.OpenFile(y.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		y.t.Fatal(err)
	}
	defer log.Close()
	y.cmd = exec.Command(binary, "serve", "-c", y.config)
	y.cmd.Stdout, y.cmd.Stderr = log, log
	y.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := y.cmd.Start(); err != nil {
		y.t.Fatal(err)
	}
	y.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		y.err = cmd.Wait()
		close(exited)
	}(y.cmd, y.exited)
	until(y.t, y.name+" answers at its console", func() (bool, string) {
		if !y.running() {
			y.t.Fatalf("%s ended at its start: %v\n%s", y.name, y.err, y.log())
		}
		status, err := y.client.Status(y.t.Context())
		return err == nil && status.Ready, fmt.Sprint(err)
	})
}

func (y *system) running() bool {
	select {
	case <-y.exited:
		return false
	default:
		return true
	}
}

func (y *system) signal(s syscall.Signal) {
	y.t.Helper()
	if err := y.cmd.Process.Signal(s); err != nil {
		y.t.Fatalf("signalling %s: %v", y.name, err)
	}
}

// kill ends the process at once, also a stopped one.
func (y *system) kill() {
	if y.running() {
		_ = y.cmd.Process.Signal(syscall.SIGKILL)
	}
	<-y.exited
}

// ended waits for the end of the process, and says how it ended.
func (y *system) ended() error {
	y.t.Helper()
	select {
	case <-y.exited:
		return y.err
	case <-time.After(patience):
		y.t.Fatalf("%s does not end\n%s", y.name, y.log())
		return nil
	}
}

// status asks the console; a system that must answer and does not is a failure.
func (y *system) status() api.Status {
	y.t.Helper()
	status, err := y.client.Status(y.t.Context())
	if err != nil {
		y.t.Fatalf("%s: %v\n%s", y.name, err, y.log())
	}
	return status
}

// until waits for the status to be as wanted.
func (y *system) until(what string, wanted func(api.Status) bool) api.Status {
	y.t.Helper()
	var status api.Status
	until(y.t, y.name+": "+what, func() (bool, string) {
		var err error
		if status, err = y.client.Status(y.t.Context()); err != nil {
			return false, err.Error()
		}
		return wanted(status), brief(status)
	})
	return status
}

// brief is a status without its counters and history.
func brief(s api.Status) string {
	s.Counters, s.Events, s.Triggers = nil, nil, nil
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// mirrors waits until the line to a peer is up and its mirror here in sync.
func (y *system) mirrors(peer string) {
	y.t.Helper()
	y.until("in sync with "+peer, func(s api.Status) bool {
		l := lineTo(s, peer)
		return l.Up && l.Visible && l.InSync && l.Complete
	})
}

func lineTo(s api.Status, peer string) api.Line {
	i := slices.IndexFunc(s.Lines, func(l api.Line) bool { return l.System == peer })
	if i < 0 {
		return api.Line{}
	}
	return s.Lines[i]
}

func homeOf(s api.Status, home string) api.Home {
	i := slices.IndexFunc(s.Homes, func(h api.Home) bool { return h.System == home })
	if i < 0 {
		return api.Home{}
	}
	return s.Homes[i]
}

// alarm finds a standing alarm whose text has all the words.
func alarm(s api.Status, kind string, words ...string) bool {
	return slices.ContainsFunc(s.Alarms, func(a api.Alarm) bool {
		if a.Kind != kind {
			return false
		}
		for _, w := range words {
			if !strings.Contains(a.Text, w) && !strings.Contains(a.Subject, w) {
				return false
			}
		}
		return true
	})
}

// registrations are the numbers registered, with the ends of their leases.
func (y *system) registrations() map[string]time.Time {
	y.t.Helper()
	page, err := y.client.Registrations(y.t.Context(), "", 1000)
	if err != nil {
		y.t.Fatalf("%s: %v", y.name, err)
	}
	ends := map[string]time.Time{}
	for _, r := range page.Registrations {
		ends[r.Number] = r.Expires
	}
	return ends
}

func (y *system) log() string {
	content, err := os.ReadFile(y.logFile)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// logs waits for a line that matches.
func (y *system) logs(pattern string) {
	y.t.Helper()
	line := regexp.MustCompile(pattern)
	until(y.t, fmt.Sprintf("%s logs %q", y.name, pattern), func() (bool, string) {
		log := y.log()
		return line.MatchString(log), log
	})
}

// memory is the most that the process ever had resident, in bytes.
func (y *system) memory() int {
	y.t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", y.cmd.Process.Pid))
	if err != nil {
		y.t.Fatal(err)
	}
	for line := range bytes.Lines(content) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == "VmHWM:" {
			kib, err := strconv.Atoi(string(fields[1]))
			if err != nil {
				y.t.Fatal(err)
			}
			return kib << 10
		}
	}
	y.t.Fatal("no VmHWM in /proc")
	return 0
}

// tellIfFailed shows the log of a failed test's system.
func (y *system) tellIfFailed() {
	if !y.t.Failed() {
		return
	}
	log := y.log()
	const most = 12_000
	if len(log) > most {
		log = "…" + log[len(log)-most:]
	}
	y.t.Logf("log of %s:\n%s", y.name, log)
}
