package config

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/certs"
	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/directory"
)

var update = flag.Bool("update", false, "write what came out into testdata/configs/bad/*.want")

// configs is the folder of the example configurations.
const configs = "../../../testdata/configs"

// begin is when the certificates of these tests are issued.
var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// noEnv is an environment with nothing set.
func noEnv(string) string { return "" }

// site is a directory with a lab CA and the identities of the examples.
func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ca, err := certs.InitDir(dir, begin, 3650*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	identity(t, ca, dir, "london", "127.0.0.11")
	identity(t, ca, dir, "paris", "127.0.0.12")
	return dir
}

func identity(t *testing.T, ca *certs.CA, dir, system, address string) {
	t.Helper()
	request := certs.Request{System: system, Addresses: []string{address}, Domain: "example.test", ValidFor: 365 * 24 * time.Hour}
	if _, err := ca.IssueInto(dir, request, begin); err != nil {
		t.Fatal(err)
	}
}

// put copies an example into a site, with replacements old, new, old, new…
func put(t *testing.T, dir, name string, replace ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(configs, name))
	if err != nil {
		t.Fatal(err)
	}
	written := string(data)
	for i := 0; i+1 < len(replace); i += 2 {
		if !strings.Contains(written, replace[i]) {
			t.Fatalf("%s has no %q to replace", name, replace[i])
		}
		written = strings.ReplaceAll(written, replace[i], replace[i+1])
	}
	path := filepath.Join(dir, filepath.Base(name))
	if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, path string) *Config {
	t.Helper()
	cfg, err := Load(path, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestLoad_EachMistakeIsOneLine holds each file of testdata/configs/bad to the
// .want beside it, which has a line "line: what is wrong; what would be right" for each error.
func TestLoad_EachMistakeIsOneLine(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(configs, "bad", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad configurations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			dir := site(t)
			path := put(t, dir, filepath.Join("bad", filepath.Base(file)))
			cfg, err := Load(path, noEnv)
			var errs Errors
			if !errors.As(err, &errs) || len(errs) == 0 || cfg != nil {
				t.Fatalf("the file was taken: %v", err)
			}
			var got strings.Builder
			for _, one := range errs {
				if one.Right == "" || strings.Contains(one.Error(), "\n") {
					t.Errorf("not one line with a remedy: %q", one.Error())
				}
				if !strings.HasPrefix(one.Error(), path) {
					t.Errorf("%q does not begin with the file", one.Error())
				}
				fmt.Fprintln(&got, strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(one.Error(), path+":"), dir+string(filepath.Separator), ""), dir, "DIR"))
			}
			want := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(want, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			expected, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(expected) {
				t.Errorf("got\n%swant\n%s", got.String(), expected)
			}
		})
	}
}

func TestLoad_TheExamplesAsTheyAreWritten(t *testing.T) {
	dir := site(t)
	cfg := load(t, put(t, dir, "london.yaml"))
	if cfg.System != "london" || cfg.Address != "127.0.0.11" || cfg.Realm != "example.test" {
		t.Errorf("system %q, address %q, realm %q", cfg.System, cfg.Address, cfg.Realm)
	}
	if got := fmt.Sprint(cfg.SIP.Listen); got != "[udp:5060 tcp:5060 tls:5061]" {
		t.Errorf("sip.listen %s", got)
	}
	if got := cfg.SIP.Listen[2].At(cfg.Address); got != "127.0.0.11:5061" {
		t.Errorf("the TLS listener is at %s", got)
	}
	if got := cfg.Network.Listen.At(cfg.Address); got != "127.0.0.11:7422" {
		t.Errorf("lines come in at %s", got)
	}
	if cfg.Backup() != "paris" || cfg.Network.Lines[0].Address.String() != "127.0.0.12:7422" {
		t.Errorf("lines %+v", cfg.Network.Lines)
	}
	if cfg.Certificates.Key != filepath.Join(dir, "london.key") {
		t.Errorf("the key is looked for at %s", cfg.Certificates.Key)
	}
	if _, err := certs.Load(cfg.Certificates.Files()); err != nil {
		t.Error(err)
	}
	if cfg.Users[0].Password.Plain != "secret201" || len(cfg.Users[2].Password.HA1) != 32+1+64 {
		t.Error("the passwords are not those of the file")
	}
	if cfg.Extensions[2].MediaSecurity != SecurityEnforced || cfg.Extensions[0].Protocol != ProtocolSIP {
		t.Errorf("extensions %+v", cfg.Extensions)
	}
	for key, want := range map[string]int{"system": 4, "network.lines[0].backs_up_my": 20, "network.heartbeat": 14, "media.suites": 10, "h323": 1} {
		if got := cfg.Line(key); got != want {
			t.Errorf("%s is on line %d, want %d", key, got, want)
		}
	}
	if cfg.Users[1].Line != 30 || cfg.Extensions[0].Line != 36 {
		t.Errorf("user 202 is on line %d, extension 201 on line %d", cfg.Users[1].Line, cfg.Extensions[0].Line)
	}
}

func TestLoad_SecretsComeFromEnvironmentAndFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pw.txt"), []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const ha1 = "00112233445566778899AABBCCDDEEFF"
	data := `{system: london, address: 127.0.0.11, realm: example.test, sip: {listen: ["udp:5060"]}, users: [
		{number: "1", password: "${PW}"}, {number: 0201, password: "file:pw.txt"}, {number: "3", password: "${HASH}"}]}`
	cfg, err := Parse(filepath.Join(dir, "london.yaml"), []byte(data), func(name string) string {
		return map[string]string{"PW": "from outside", "HASH": "ha1:" + ha1}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Users[0].Password.Plain != "from outside" || cfg.Users[1].Password.Plain != "from the file" ||
		cfg.Users[2].Password.HA1 != strings.ToLower(ha1) || cfg.Users[2].Password.Plain != "" {
		t.Error("the passwords are not those of the environment and the file")
	}
	if cfg.Users[1].Number != "0201" {
		t.Errorf("the number 0201 became %s", cfg.Users[1].Number)
	}
	for _, printed := range []string{fmt.Sprintf("%v", cfg), fmt.Sprintf("%+v", cfg.Users), fmt.Sprintf("%#v", cfg.Users), cfg.Users[0].Password.String()} {
		if strings.Contains(printed, "from outside") || strings.Contains(strings.ToLower(printed), "00112233") {
			t.Errorf("a secret is printed: %s", printed)
		}
	}
}

func TestLoad_NoFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil)
	var errs Errors
	if !errors.As(err, &errs) || !strings.Contains(err.Error(), "none.yaml: cannot be read: no such file or directory; ") {
		t.Errorf("error %v", err)
	}
}

func TestSuggestions(t *testing.T) {
	for written, want := range map[string]string{"lisen": "listen", "lsiten": "listen", "listens": "listen", "x": "", "": "", "backs_up_my": ""} {
		if got := nearest(written, []string{"lines", "listen", "heartbeat", "nats"}); got != want {
			t.Errorf("nearest(%q) = %q, want %q", written, got, want)
		}
	}
}

func TestFO2_DelayByTheSizeOfTheNetwork(t *testing.T) {
	cfg := Default()
	for systems, want := range map[int]time.Duration{
		1: 3 * time.Minute, 2: 3 * time.Minute, 4: 3 * time.Minute, 5: 190 * time.Second, 32: 460 * time.Second,
		46: 10 * time.Minute, 47: 10 * time.Minute, 500: 10 * time.Minute,
	} {
		if got := cfg.FailoverDelay(systems); got != want {
			t.Errorf("%d systems: %s, want %s", systems, got, want)
		}
	}
	cfg.Resilience.FailoverDelay = Duration(3 * time.Minute)
	if got := cfg.FailoverDelay(10); got != 4*time.Minute {
		t.Errorf("a configured 3m shortened the delay of ten systems to %s", got)
	}
	cfg.Resilience.FailoverDelay = Duration(20 * time.Minute)
	if got := cfg.FailoverDelay(2); got != 20*time.Minute {
		t.Errorf("a configured 20m became %s", got)
	}
	cfg.Lab, cfg.LabSpeed, cfg.Resilience.FailoverDelay = true, 60, Duration(time.Minute)
	if got := cfg.FailoverDelay(10); got != time.Second {
		t.Errorf("a lab's 1m at speed 60 became %s", got)
	}
}

func TestLabSpeed_DividesAllRuleTimers(t *testing.T) {
	cfg := Default()
	plain := cfg.Timers()
	cfg.Lab, cfg.LabSpeed = true, 60
	sped := cfg.Timers()
	want := Timers{
		FailbackDelay: plain.FailbackDelay / 60, HomelessGrace: plain.HomelessGrace / 60,
		RetryFirst: plain.RetryFirst / 60, RetryMax: plain.RetryMax / 60, VisibleWithin: plain.VisibleWithin / 60,
		RestartLimit: plain.RestartLimit / 60, BehindAlarm: plain.BehindAlarm / 60, Heartbeat: plain.Heartbeat / 60,
		GuestExpiresMin: time.Second, GuestExpiresMax: 2 * time.Second,
	}
	if sped != want {
		t.Errorf("timers %+v\nwant   %+v", sped, want)
	}
	if plain.VisibleWithin != 15*time.Second || plain.Heartbeat != 5*time.Second || plain.GuestExpiresMin != time.Minute {
		t.Errorf("the defaults are not those of RULES.md: %+v", plain)
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.yaml", "bad/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(configs, pattern))
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("users: &u [{number: '1'}]\nextensions: *u"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := Parse("fuzz.yaml", data, noEnv)
		var errs Errors
		if err != nil && (!errors.As(err, &errs) || len(errs) == 0) {
			t.Fatalf("not Errors: %v", err)
		}
		if err == nil {
			Check([]*Config{cfg, cfg}, begin)
		}
	})
}

func TestDirectory_HasWhatTheFileSays(t *testing.T) {
	dir := site(t)
	cfg := load(t, put(t, dir, "london.yaml"))
	phones, err := cfg.Directory()
	if err != nil {
		t.Fatal(err)
	}
	extension, found := phones.Extension("203")
	if !found || extension.Protocol != registrar.SIP || extension.BaseUser != "203" || extension.MediaSecurity != registrar.MediaSecurityEnforced {
		t.Errorf("extension 203: %+v, %v", extension, found)
	}
	user, found := phones.User("203")
	if !found || user.Secret != credentials.FromPassword("203", "example.test", "secret203") {
		t.Error("the HA1 of user 203 is not that of the password")
	}
	user, found = phones.User("201")
	if !found || user.Name != "Ada Ashe" || user.LoginCode != "4711" || user.Secret != credentials.FromPassword("201", "example.test", "secret201") {
		t.Errorf("user 201: %+v, %v", user, found)
	}
	for address, want := range map[string]string{"127.0.1.20": "paris", "192.0.2.1": "paris"} {
		if got := phones.BackupFor(netip.MustParseAddr(address)); got != want {
			t.Errorf("the phone at %s is backed up by %s, want %s", address, got, want)
		}
	}
}

func TestSH5_ALocationsBackupMayBeAHostName(t *testing.T) {
	dir := site(t)
	cfg := load(t, put(t, dir, "london.yaml", "address: 127.0.0.12:7422", "address: \"Rome.test:7422\"", "system: paris", "system: rome", "backup: paris", "backup: rome.TEST"))
	phones, err := cfg.Directory()
	if err != nil {
		t.Fatal(err)
	}
	location, found := phones.LocationOf(netip.MustParseAddr("127.0.1.20"))
	if !found || location.Backup != "rome" {
		t.Errorf("the backup of ground-floor is %q", location.Backup)
	}
}

func TestFO1_ProfilesOfTheFileComeBeforeTheBuiltIn(t *testing.T) {
	dir := site(t)
	cfg := load(t, put(t, dir, "london.yaml", `  - {match: "Snom", refuse: phrase, phrase: "Please failover"}`, `  - {match: "snom", refuse: silent}
  - {match: "Acme", refuse: phrase, phrase: "Go home", follows_redirect: true}
  - {match: "Yealink"}`))
	profiles, err := cfg.PhoneProfiles()
	if err != nil {
		t.Fatal(err)
	}
	if got := profiles.ByAgent("Snom-D785/10.1").Refusal; got != directory.RefuseSilent {
		t.Errorf("Snom is refused by %d", got)
	}
	if got := profiles.ByAgent("ACME 3"); got.Refusal != directory.RefusePhrase || got.Phrase != "Go home" || !got.FollowsRedirect {
		t.Errorf("Acme: %+v", got)
	}
	builtin, err := Default().PhoneProfiles()
	if err != nil {
		t.Fatal(err)
	}
	before, after := builtin.ByAgent("Yealink SIP-T54W"), profiles.ByAgent("Yealink SIP-T54W")
	if !slices.Equal(after.Triggers, before.Triggers) || after.CallsOnly != before.CallsOnly || len(after.Triggers) == 0 {
		t.Errorf("Yealink lost what its family is known for: %+v", after)
	}
}

// BenchmarkLoad_100kPhones is a start or a reload of the largest system.
func BenchmarkLoad_100kPhones(b *testing.B) {
	var file strings.Builder
	file.WriteString("system: london\naddress: 127.0.0.11\nrealm: example.test\nsip: {listen: [\"udp:5060\"]}\nusers:\n")
	for i := range 100_000 {
		fmt.Fprintf(&file, "  - {number: \"%06d\", name: \"User %d\", password: \"secret%d\"}\n", i, i, i)
	}
	file.WriteString("extensions:\n")
	for i := range 100_000 {
		fmt.Fprintf(&file, "  - {number: \"%06d\", base_user: \"%06d\"}\n", i, i)
	}
	data := []byte(file.String())
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Parse("london.yaml", data, noEnv); err != nil {
			b.Fatal(err)
		}
	}
}

// TestLoad_TheDesignsExample: an H.323 extension needs no user of its own; it may
// register by its address.
func TestLoad_TheDesignsExample(t *testing.T) {
	cfg := load(t, put(t, site(t), "design.yaml"))
	d, err := cfg.Directory()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.Extensions()); n != 2 || d.BackupFor(netip.MustParseAddr("127.0.1.7")) != "paris" {
		t.Errorf("%d extensions, backup %q", n, d.BackupFor(netip.MustParseAddr("127.0.1.7")))
	}
}

// TestFO2_AShortDelayInALabShortensWhatItStandsOn: with heartbeats of 5 s a delay of 3 s
// could not be told from a heartbeat that is due.
func TestFO2_AShortDelayInALabShortensWhatItStandsOn(t *testing.T) {
	for _, c := range []struct {
		written       string
		visible, beat time.Duration
	}{
		{"failover_delay: 3m", 15 * time.Second, 5 * time.Second},
		{"failover_delay: 20s", 10 * time.Second, 10 * time.Second / 3},
		{"failover_delay: 3s", 1500 * time.Millisecond, 500 * time.Millisecond},
		{"failover_delay: 1s", time.Second, time.Second / 3},
		{"failover_delay: 20s\n  visible_within: 12s", 12 * time.Second, 4 * time.Second},
	} {
		cfg := load(t, put(t, site(t), "design.yaml", "failover_delay: 3m", c.written))
		if got := cfg.Timers(); got.VisibleWithin != c.visible || got.Heartbeat != c.beat {
			t.Errorf("%s: visible within %v, a heartbeat each %v; want %v and %v", c.written, got.VisibleWithin, got.Heartbeat, c.visible, c.beat)
		}
	}
}
