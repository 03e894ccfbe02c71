package interop

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// binaryVariable names the environment variable by which TestMain hands the built
// program to the tests. Where it is set before, that program is tested and none is built.
const binaryVariable = "ROOST_INTEROP_BINARY"

var tools = []string{"sipp", "baresip", "sipsak", "tshark", "dumpcap", "stdbuf", "chromium", "npm", "linphonec"}

// TestMain builds roost once, and has missing programs installed.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "roost-interop-")
	if err == nil {
		err = prepare(dir)
	}
	// They wait more than they work: all at once, however few the processors.
	flag.Parse()
	if err == nil {
		err = flag.Set("test.parallel", "16")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(status)
	}))
}

func prepare(dir string) error {
	if os.Getenv(binaryVariable) == "" {
		binary := filepath.Join(dir, "roost")
		if output, err := exec.Command("go", "build", "-o", binary, "roost/cmd/roost").CombinedOutput(); err != nil {
			return fmt.Errorf("building roost: %w\n%s", err, output)
		}
		if err := os.Setenv(binaryVariable, binary); err != nil {
			return err
		}
	}
	missing := slices.ContainsFunc(tools, func(tool string) bool {
		_, err := exec.LookPath(tool)
		return err != nil
	})
	if missing || !hasLibsrtp() { // what is then still missing is told by needTool
		output, err := exec.Command("../../../.ci/tools").CombinedOutput()
		fmt.Printf("%s", output)
		if err != nil {
			fmt.Println(".ci/tools:", err)
		}
	}
	return nil
}

// needTool ends a test that cannot run without a program: skipped with the reason,
// failed under CI=true.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		cannot(t, fmt.Sprintf("%v; .ci/tools could not install it", err))
	}
}

func cannot(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and CI=true allows no skip", why)
	}
	t.Skip(why)
}

// until waits for a condition that says itself how things stand.
func until(t *testing.T, within time.Duration, what string, met func() (bool, string)) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for began := time.Now(); ; {
		ok, is := met()
		if ok {
			t.Logf("%s: after %.1fs", what, time.Since(began).Seconds())
			return
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %v: %s", what, within, is)
		}
	}
}
