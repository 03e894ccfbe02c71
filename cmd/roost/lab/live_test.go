package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// inEveryRun are the scenarios that every `go test` runs for real; ROOST_LAB=all
// and CI=true run the others too.
var inEveryRun = map[string]bool{"home-killed": true, "back-within-delay": true, "backup-restarted": true, "home-refuses": true, "phone-evidence": true}

// testSpeed leaves 125 ms of wall-clock time for a heartbeat's 5 s.
const testSpeed = 40

// buildOnce makes the program that is started as systems and phones.
var buildOnce = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "roost-binary-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "roost")
	output, err := exec.Command("go", "build", "-o", binary, "roost/cmd/roost").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building roost: %w\n%s", err, output)
	}
	return binary, nil
})

// TestScenarios runs scenarios with real processes: separate systems and phones.
func TestScenarios(t *testing.T) {
	binary, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(binary)) })
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
				t.Parallel()
				runLive(t, binary, path)
			})
		}
	})
	if left > 0 {
		t.Logf("%d of %d scenarios were left out; ROOST_LAB=all or CI=true runs them all", left, len(files))
	}
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
