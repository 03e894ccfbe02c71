package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/config"
)

// roost runs one command line as the shell would.
func roost(args ...string) (status int, out, err string) {
	var stdout, stderr strings.Builder
	w := &world{
		out: &stdout, err: &stderr, getenv: func(string) string { return "" },
		now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
	}
	status = run(args, w)
	return status, stdout.String(), stderr.String()
}

// must runs one that is expected to end well.
func must(t *testing.T, args ...string) string {
	t.Helper()
	status, out, err := roost(args...)
	if status != 0 || err != "" {
		t.Fatalf("roost %s: status %d, %s%s", strings.Join(args, " "), status, out, err)
	}
	return out
}

func wants(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("lacks %q:\n%s", word, text)
		}
	}
}

// exampleSite is a directory with the example configurations and their certificates.
func exampleSite(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, "certs", "init", dir, "--domain", "example.test", "--system", "london", "--address", "127.0.0.11", "--system", "paris", "--address", "127.0.0.12")
	for _, name := range []string{"london.yaml", "paris.yaml"} {
		data, err := os.ReadFile(filepath.Join("../../testdata/configs", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCommandLine(t *testing.T) {
	wants(t, must(t), "certs", "check")
	wants(t, must(t, "check", "--help"), "--json")
	status, _, err := roost("chekc")
	if status != 2 {
		t.Errorf("an unknown command: status %d", status)
	}
	wants(t, err, "roost --help lists what there is")
}

func TestSE2_CertsInitIssueShow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	wants(t, must(t, "certs", "init", dir, "--domain", "example.test", "--days", "90",
		"--system", "london", "--address", "127.0.0.11,sip.london.test", "--system", "paris", "--address", "127.0.0.12"),
		"root.crt", "london.crt", "paris.key", "valid 90 days, for 127.0.0.11, sip.london.test")
	wants(t, must(t, "certs", "show", filepath.Join(dir, "london.crt"), filepath.Join(dir, "root.crt")),
		"the system london", "london, sip.london.test, example.test", "127.0.0.11", "sipnode://london, sip:example.test",
		"90 days left", `yes, it chains to "roost lab CA"`, "it is the trusted root itself")
	must(t, "certs", "issue", dir, "--system", "rome", "--address", "10.0.0.1", "--address", "rome.test")
	wants(t, must(t, "certs", "show", filepath.Join(dir, "rome.crt")), "10.0.0.1", "rome.test", "825 days left")
}

func TestCerts_SaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args  []string
		words string
	}{
		{[]string{"certs", "init", dir, "--system", "london", "--system", "paris", "--address", "127.0.0.11"}, "2 --system and 1 --address"},
		{[]string{"certs", "init", dir, "--days", "0"}, "--days 0"},
		{[]string{"certs", "issue", dir, "--system", "london", "--address", "127.0.0.11"}, "roost certs init makes one"},
		{[]string{"certs", "issue", dir}, "nothing to issue"},
		{[]string{"certs", "show", filepath.Join(dir, "none.crt")}, "no such file"},
	} {
		status, _, err := roost(c.args...)
		if status != 1 || !strings.Contains(err, c.words) {
			t.Errorf("roost %s: status %d, %q, want %q", strings.Join(c.args, " "), status, err, c.words)
		}
	}
	must(t, "certs", "init", dir)
	if status, _, err := roost("certs", "init", dir); status != 1 || !strings.Contains(err, "is there already") {
		t.Errorf("a second init: status %d, %s", status, err)
	}
}

func TestCheck_StatusAndJSON(t *testing.T) {
	dir := exampleSite(t)
	london, paris := filepath.Join(dir, "london.yaml"), filepath.Join(dir, "paris.yaml")
	wants(t, must(t, "check", london, paris), "paris can carry 3 of the 3 phones of london", "2 files: 0 errors, 0 warnings, 2 notes")

	data, err := os.ReadFile(paris)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.NewReplacer("security: preferred", "security: enforced", "example.test", "other.test").Replace(string(data))
	if err := os.WriteFile(paris, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, _ := roost("check", "--json", london, paris)
	var findings []config.Finding
	if err := json.Unmarshal([]byte(out), &findings); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, out)
	}
	rules := make(map[string]config.Severity)
	for _, found := range findings {
		rules[found.Rule] = found.Severity
	}
	if status != 1 || rules["FO5"] != config.SeverityError || rules["SE1"] != config.SeverityWarning {
		t.Errorf("status %d, findings %+v", status, findings)
	}

	if err := os.WriteFile(paris, []byte("system: paris\naddres: 127.0.0.12\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, _ = roost("check", london, paris)
	if status != 1 {
		t.Errorf("a file that cannot be read: status %d", status)
	}
	wants(t, out, "paris.yaml:2: error [file]: unknown key addres; did you mean address?", "no file given here is that of paris")
}
