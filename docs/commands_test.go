package docs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runnable are the pages whose blocks marked sh are run, in this order.
var runnable = []string{"README.md", "docs/getting-started.md", "docs/operating.md", "docs/calls.md", "docs/http-api.md", "docs/certificates.md", "docs/lab.md"}

const (
	eachWithin = time.Minute // a block
	allWithin  = 3 * time.Minute
	upWithin   = 20 * time.Second
)

// pair is a demo: a home and a backup on loopback addresses of their own, so that
// somebody's `make run` is not disturbed.
type pair struct {
	t   *testing.T
	dir string // where blocks run; run/ is in it
	net string // "127.x.y."
	bin string // folder of the program
	out bytes.Buffer
}

// TestCommandsOfThePages runs every block marked sh of the pages against a running
// pair; each must end with status 0. Addresses are rewritten, nothing else is.
func TestCommandsOfThePages(t *testing.T) {
	p := startPair(t)
	ctx, cancel := context.WithTimeout(t.Context(), allWithin)
	defer cancel()
	for _, page := range runnable {
		ran := 0
		for _, b := range blocks(t, page) {
			switch b.language {
			case "sh":
				ran++
				p.run(ctx, b)
			case "text", "yaml":
			default:
				t.Errorf("%s:%d: a block of language %q: sh if it is to be run, else text or yaml", page, b.line, b.language)
			}
		}
		if ran == 0 {
			t.Errorf("%s has no block that is run", page)
		}
	}
	p.metrics()
}

func startPair(t *testing.T) *pair {
	t.Helper()
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("the pages' commands use %s, which is not here; .ci/tools installs what is missing, as root", program)
		}
	}
	p := &pair{t: t, dir: t.TempDir(), bin: t.TempDir(), net: fmt.Sprintf("127.%d.%d.", 20+rand.IntN(200), 1+rand.IntN(250))}
	program := filepath.Join(p.bin, "roost")
	if output, err := exec.Command("go", "build", "-o", program, "roost/cmd/roost").CombinedOutput(); err != nil {
		t.Fatalf("building roost: %v\n%s", err, output)
	}
	if err := os.Mkdir(filepath.Join(p.dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"london.yaml", "paris.yaml"} {
		sample := source(t, filepath.Join(root, "cmd/roost/demo/files", name))
		if err := os.WriteFile(filepath.Join(p.dir, "run", name), []byte(p.rewritten(sample)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	demo := exec.Command(program, "demo", "run")
	demo.Dir, demo.Stdout, demo.Stderr = p.dir, &p.out, &p.out
	demo.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- demo.Wait() }()
	t.Cleanup(func() {
		_ = demo.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			_ = demo.Process.Kill()
			t.Error("the demo did not end within 15 s of SIGTERM")
		}
	})
	p.untilReady(ended)
	return p
}

// untilReady waits until each system could serve the other's phones.
func (p *pair) untilReady(ended <-chan error) {
	p.t.Helper()
	deadline := time.NewTimer(upWithin)
	defer deadline.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		ready := 0
		for _, host := range []string{"11", "12"} {
			if body, err := get("http://" + p.net + host + ":8080/api/v1/status"); err == nil && strings.Contains(body, `"state": "SYNCED"`) {
				ready++
			}
		}
		if ready == 2 {
			return
		}
		select {
		case err := <-ended:
			p.t.Fatalf("the demo ended (%v). Is something else on %s11 or %s12?\n%s\n%s", err, p.net, p.net, p.out.String(), p.logs())
		case <-deadline.C:
			p.t.Fatalf("the pair on %s11 and %s12 is not in sync after %v\n%s", p.net, p.net, upWithin, p.logs())
		case <-poll.C:
		}
	}
}

func (p *pair) logs() string {
	var all strings.Builder
	for _, name := range []string{"london.log", "paris.log"} {
		text, err := os.ReadFile(filepath.Join(p.dir, "run", name))
		fmt.Fprintf(&all, "%s: %v\n%s\n", name, err, text)
	}
	return all.String()
}

// rewritten puts the pair's addresses in the place of the demo's.
func (p *pair) rewritten(text string) string {
	return strings.NewReplacer("127.0.0.11", p.net+"11", "127.0.0.12", p.net+"12").Replace(text)
}

// run runs one block as a script that ends at its first failure.
func (p *pair) run(ctx context.Context, b block) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, eachWithin)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-e", "-u", "-o", "pipefail", "-c", p.rewritten(b.text))
	shell.Dir = p.dir
	shell.Env = append(os.Environ(), "PATH="+p.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "TERM=dumb")
	// A phone in the background that outlives its block must not hold it up.
	shell.WaitDelay = 5 * time.Second
	output, err := shell.CombinedOutput()
	if err != nil {
		p.t.Errorf("%s:%d: %v\n%s\nsaid:\n%s", b.page, b.line, err, b.text, output)
	}
}

func get(url string) (string, error) {
	client := http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return string(body), err
}

// metrics holds the series of operating.md to what a system serves: each that is
// named exists, and each gauge is named.
func (p *pair) metrics() {
	body, err := get("http://" + p.net + "11:8080/metrics")
	if err != nil {
		p.t.Error(err)
		return
	}
	var served, gauges []string
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (roost_\w+) (\w+)$`).FindAllStringSubmatch(body, -1) {
		served = append(served, found[1])
		if found[2] == "gauge" {
			gauges = append(gauges, found[1])
		}
	}
	documented := rows(p.t, "docs/operating.md", "## Metrics")
	for _, name := range documented {
		if !slices.Contains(served, name) {
			p.t.Errorf("docs/operating.md names the series %s, which is not served", name)
		}
	}
	for _, name := range gauges {
		if !slices.Contains(documented, name) {
			p.t.Errorf("the series %s is not in docs/operating.md", name)
		}
	}
}
