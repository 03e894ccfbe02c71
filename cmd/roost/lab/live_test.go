package lab

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inEveryRun are the scenarios that every `go test` runs for real; ROOST_LAB=all
// and CI=true run the others too.
var inEveryRun = map[string]bool{
	"home-killed": true, "back-within-delay": true, "backup-restarted": true, "home-refuses": true, "phone-evidence": true,
	"call-basics": true, "call-anchored": true, "call-held": true, "call-transfer": true, "call-without-register": true, "call-mixed-security": true,
}

// alone are those that need the machine for themselves.
var alone = map[string]bool{"thousand-phones": true, "two-hundred-calls": true}

// testSpeed leaves 125 ms of wall-clock time for a heartbeat's 5 s.
const testSpeed = 40

// build makes the program that is started as systems and phones.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "roost")
	output, err := exec.Command("go", "build", "-o", binary, "roost/cmd/roost").CombinedOutput()
	if err != nil {
		t.Fatalf("building roost: %v\n%s", err, output)
	}
	return binary
}

// TestScenarios runs scenarios with real processes: separate systems and phones.
func TestScenarios(t *testing.T) {
	binary := build(t)
	files, err := filepath.Glob("../../../testdata/scenarios/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := Favour(); err != nil {
		t.Logf("no precedence for the lab's processes: %v", err)
	}
	all := os.Getenv("CI") == "true" || os.Getenv("ROOST_LAB") == "all"
	left := 0
	t.Run("live", func(t *testing.T) {
		for _, path := range files {
			name := strings.TrimSuffix(filepath.Base(path), ".yaml")
			if !all && !inEveryRun[name] {
				left++
				continue
			}
			t.Run(name, func(t *testing.T) {
				if !alone[name] {
					t.Parallel()
				}
				runLive(t, binary, path)
			})
		}
	})
	if left > 0 {
		t.Logf("%d of %d scenarios were left out; ROOST_LAB=all or CI=true runs them all", left, len(files))
	}
}

// A lab that fails says what was expected and what was the case, and keeps the
// logs; one that is interrupted leaves no process behind.
func TestLiveFailures(t *testing.T) {
	binary := build(t)
	const begin = "scenario: a\nsays: b\nphones: [{profile: yealink, transport: udp, count: 2}]\nsteps:\n  - start home\n  - start phones\n  - {until: every phone at home, within: 4m}\n"
	for name, test := range map[string]struct {
		steps, why string
		interrupt  bool
	}{
		"until":         {"  - {until: any phone at backup, within: 10s}\n", "line 8: any phone at backup, but 0 of 2 phones at backup", false},
		"expect":        {"  - {expect: backup is up}\n", "backup is not running", false},
		"never":         {"  - {never: phone 202 at home, for: 1h}\n", "never phone 202 at home, but after ", false},
		"never during":  {"  - never: phone 201 at neither\n    during: [reboot phone 201, wait: 1h]\n", "phones at neither", false},
		"no such thing": {"  - kill backup\n", "line 8, kill backup: backup is not running", false},
		"cannot":        {"  - hold at phone 201\n  - wait: 1h\n", "phone 201 cannot hold: no call is up", false},
		"not heard":     {"  - call phone 202 from phone 201\n  - {until: phone 201 hears phone 202, within: 1m}\n  - hang up at phone 202\n  - {never: phone 201 hears nothing, for: 10m}\n", "never phone 201 hears nothing, but after", false},
		"twice":         {"  - end home\n  - start home\n  - start home\n", "home is running already", false},
		"interrupted":   {"  - wait: 10h\n", "interrupted", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := &interrupter{}
			if test.interrupt {
				out.cancel = cancel
			}
			result := Run(ctx, readText(t, begin+test.steps), Options{Binary: binary, Speed: testSpeed, Out: out})
			defer os.RemoveAll(result.Kept)
			if result.Verdict != Fail || !strings.Contains(result.Why, test.why) || len(result.Proved) != 0 {
				t.Errorf("%s because %q, want %q\n%s", result.Verdict, result.Why, test.why, out.String())
			}
			if log, err := os.ReadFile(filepath.Join(result.Kept, "home.log")); err != nil || len(log) == 0 {
				t.Errorf("no log was kept: %v", err)
			}
			if left := processesOf(t, result.Kept); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// Systems that break a rule do not pass: here with delays shorter than the rules'.
func TestLiveBrokenRulesAreNoticed(t *testing.T) {
	binary := build(t)
	for rule, broken := range map[string]map[string]any{
		"FO2": {"failover_delay": "1m"},
		"FB1": {"failback_delay": "2m"},
		"FB7": {"failback_delay": "2m"},
		"VP1": nil, // the relay carries what should go directly
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			name := map[string]string{"FO2": "home-killed", "FB1": "home-killed", "FB7": "home-back-9m50", "VP1": "call-held"}[rule]
			file, err := os.Open(filepath.Join("../../../testdata/scenarios", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			scenario, err := ReadScenario(name, file)
			if err != nil {
				t.Fatal(err)
			}
			scenario.Resilience = broken
			if rule == "VP1" {
				scenario.Media = map[string]any{"direct": false}
			}
			result := Run(t.Context(), scenario, Options{Binary: binary, Speed: testSpeed})
			defer os.RemoveAll(result.Kept)
			last := Expectation{}
			if n := len(result.Expectations); n > 0 {
				last = result.Expectations[n-1]
			}
			if result.Verdict != Fail || last.Verdict != Fail || !slices.Contains(last.Proves, rule) {
				t.Errorf("with %v: %s, at last %+v", broken, result.Verdict, last)
			}
		})
	}
}

// interrupter cancels once the phones are at home.
type interrupter struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (i *interrupter) Write(text []byte) (int, error) {
	if i.cancel != nil && bytes.Contains(text, []byte("every phone at home")) {
		i.cancel()
	}
	return i.Buffer.Write(text)
}

// processesOf lists the command lines of processes that name a folder.
func processesOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || folder == "" {
		t.Fatalf("%v, folder %q", err, folder)
	}
	var found []string
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(folder)) {
			found = append(found, string(line))
		}
	}
	return found
}

func runLive(t *testing.T, binary, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	scenario, err := ReadScenario(path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var timeline bytes.Buffer
	result := RunJudged(t.Context(), scenario, Options{Binary: binary, Speed: testSpeed, Out: &timeline})
	if result.Verdict != Pass {
		t.Errorf("%s\n%s", timeline.String(), result.Text())
		return
	}
	if len(result.Proved) == 0 && proves(scenario.Steps) {
		t.Error("passed, and says that it proved nothing")
	}
	if _, err := os.Stat(result.Kept); err == nil {
		t.Errorf("%s was left behind", result.Kept)
	}
	t.Logf("\n%s", result.Text())
}
