package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == floorWord {
		fatal(serveFloor(os.Args[2], os.Args[3]))
		return
	}
	if len(os.Args) == 3 && os.Args[1] == relayWord {
		fatal(serveRelay(os.Args[2]))
		return
	}
	os.Exit(m.Run())
}

// The whole benchmark with few phones: the home and its backup as processes,
// every answer checked, a storm of 500 at the backup of which none is lost.
func TestBenchSmall(t *testing.T) {
	folder := t.TempDir()
	roost, report := filepath.Join(folder, "roost"), filepath.Join(folder, "report.md")
	if output, err := exec.Command("go", "build", "-o", roost, "roost/cmd/roost").CombinedOutput(); err != nil {
		t.Fatalf("building roost: %v\n%s", err, output)
	}
	markers := ""
	for _, part := range parts {
		markers += "<!-- bench " + part.name + " -->\n<!-- end " + part.name + " -->\n"
	}
	if err := os.WriteFile(report, []byte(markers), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := firstAndLast()
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBench(options{roost: roost, write: report, users: 500, runs: 1, each: 100e6, alone: true, storm: []int{500}}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for _, part := range parts {
		if err := part.do(b, t.Context()); err != nil {
			for _, name := range []string{"london.log", "paris.log", "floor.log"} {
				t.Logf("%s:\n%s", name, readFile(b.path(name)))
			}
			t.Fatalf("%s: %v", part.name, err)
		}
	}
	if len(b.faults) > 0 {
		t.Fatal(strings.Join(b.faults, "\n"))
	}
	written := readFile(report)
	for _, want := range []string{"| UDP, refresh | ", "| TLS new, refresh | ", "| live heap a registration | ", "| 500 | ", "| SRTP to RTP, 20 calls | ", "| calls a second, 64 being set up | ", "| 50 standing calls, anchored, four ports each: heap a call, kB | "} {
		if !strings.Contains(written, want) {
			t.Errorf("the report has no %q:\n%s", want, written)
		}
	}
}

func TestPublishBetweenMarkers(t *testing.T) {
	const page = "a\n<!-- bench storm -->\nold\n<!-- end storm -->\nb\n"
	made, err := between(page, "storm", "new")
	if err != nil || made != "a\n<!-- bench storm -->\n\nnew\n<!-- end storm -->\nb\n" {
		t.Fatalf("%q %v", made, err)
	}
	if again, err := between(made, "storm", "new"); err != nil || again != made {
		t.Fatalf("%q %v", again, err)
	}
	if _, err := between(page, "memory", "new"); err == nil {
		t.Fatal("a missing marker is no error")
	}
}

func TestChooseParts(t *testing.T) {
	if all, err := choose(""); err != nil || len(all) != len(parts) {
		t.Fatalf("%v %v", all, err)
	}
	if _, err := choose("register,speed"); err == nil || !strings.Contains(err.Error(), `no part "speed"; there are register, memory, storm, media, calls`) {
		t.Fatal(err)
	}
}
