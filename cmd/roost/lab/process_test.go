package lab

import (
	"strconv"

	"bufio"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"roost/cmd/roost/config"
	"roost/cmd/roost/lab/phone"
)

// atOnce is how many scenarios run beside each other: they mostly wait.
const atOnce = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func TestProcessIsKilledByItsPid(t *testing.T) {
	p, err := launch("/bin/sh", "shell", filepath.Join(t.TempDir(), "log"), true, "-c", "echo one two three >&2; read line; echo got $line; exec sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.stdin.Write([]byte("word\n")); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(p.stdout).ReadString('\n')
	if err != nil || line != "got word\n" {
		t.Fatalf("%q %v", line, err)
	}
	p.stdout.(*os.File).Close()
	if !p.running() {
		t.Fatal("it ended by itself")
	}
	if err := p.kill(); err != nil {
		t.Fatal(err)
	}
	if p.running() || !strings.Contains(p.err.Error(), "killed") {
		t.Fatalf("after kill: %v", p.err)
	}
	if got := p.lastWords(5); got != "one two three" {
		t.Fatalf("last words %q", got)
	}
	if err := p.signal(syscall.SIGTERM); err == nil {
		t.Fatal("an ended process was signalled")
	}
	if err := p.kill(); err != nil {
		t.Fatalf("killing twice: %v", err)
	}
}

func TestProcessThatIsMissing(t *testing.T) {
	if _, err := launch("/no/such/program", "ghost", filepath.Join(t.TempDir(), "log"), true); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

// Labs beside each other share no address, and their systems read what the lab
// writes.
func TestBenchesBesideEachOther(t *testing.T) {
	scenario := readText(t, "scenario: a\nsays: b\nresilience: {failover_delay: 3m, phone_evidence: true}\n"+
		"phones: [{profile: yealink, transport: udp, count: 3}, {profile: snom, transport: tls, returns: by-server}]\nsteps: [kill home]\n")
	scenario.OtherRoot = true
	seen := map[string]bool{}
	for range 2 {
		b, err := newBench(scenario, 60)
		if err != nil {
			t.Fatal(err)
		}
		defer b.close()
		defer os.RemoveAll(b.folder)
		for role, at := range b.at {
			if seen[at.ip.String()] {
				t.Fatalf("%s is used by both", at.ip)
			}
			seen[at.ip.String()] = true
			loaded, err := config.Load(b.path(role+".yaml"), os.Getenv)
			if err != nil {
				t.Fatal(err)
			}
			if loaded.LabSpeed != 60 || !loaded.Resilience.PhoneEvidence || loaded.System != systemNames()[role] {
				t.Fatalf("%s reads %+v", role, loaded)
			}
		}
		setup := b.fleet()
		if err := setup.Check(); err != nil || len(setup.Phones) != 4 || setup.Servers[0].Name != Home {
			t.Fatalf("%v: %+v", err, setup)
		}
	}
}

func TestSplitDealsEveryPhoneOutOnce(t *testing.T) {
	whole := phone.Setup{Seed: 7}
	for i := range 45 {
		whole.Phones = append(whole.Phones, phone.Spec{Number: strconv.Itoa(200 + i)})
	}
	seen, seeds := map[string]bool{}, map[uint64]bool{}
	parts := split(whole, 20)
	for _, part := range parts {
		seeds[part.Seed] = true
		for _, spec := range part.Phones {
			if seen[spec.Number] {
				t.Errorf("%s is there twice", spec.Number)
			}
			seen[spec.Number] = true
		}
		if n := len(part.Phones); n < 2 || n > 3 {
			t.Errorf("a process of %d phones", n)
		}
	}
	if len(parts) != 20 || len(seen) != 45 || len(seeds) != 20 {
		t.Errorf("%d processes, %d phones, %d seeds; want 20, 45 and 20", len(parts), len(seen), len(seeds))
	}
	whole.Phones = whole.Phones[:3]
	if got := len(split(whole, 20)); got != 3 {
		t.Errorf("3 phones in %d processes", got)
	}
}
