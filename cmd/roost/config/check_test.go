package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/certs"
)

// check puts the examples into a site, with replacements, and checks them.
func check(t *testing.T, dir string, now time.Time, london, paris []string) []Finding {
	t.Helper()
	return Check([]*Config{
		load(t, put(t, dir, "london.yaml", london...)),
		load(t, put(t, dir, "paris.yaml", paris...)),
	}, now)
}

// expect wants a finding of that severity, rule and words, with a line in the file named.
func expect(t *testing.T, findings []Finding, severity Severity, rule, file string, line int, words ...string) {
	t.Helper()
	for _, found := range findings {
		if found.Severity != severity || found.Rule != rule || filepath.Base(found.File) != file || found.Line != line {
			continue
		}
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(found.Text+"; "+found.Remedy, word) }) {
			return
		}
	}
	t.Errorf("no %s %s at %s:%d with %q among:", severity, rule, file, line, words)
	for _, found := range findings {
		t.Log("  " + found.String())
	}
}

func TestCheck_TheExamplesPass(t *testing.T) {
	findings := check(t, site(t), begin, nil, nil)
	for _, found := range findings {
		if found.Severity != SeverityNote {
			t.Error(found)
		}
	}
	expect(t, findings, SeverityNote, "GU2", "london.yaml", 20, "paris can carry 3 of the 3 phones of london")
	if Worst(findings) != SeverityNote || Worst(nil) != "" {
		t.Error("Worst is wrong")
	}
}

func TestCheck_WhatWouldGoWrong(t *testing.T) {
	swap := func(pairs ...string) []string { return pairs }
	for _, c := range []struct {
		name          string
		london, paris []string
		severity      Severity
		rule, file    string
		line          int
		words         []string
	}{
		{"FB9 manual failback", swap("failback: automatic", "failback: manual"), nil,
			SeverityWarning, "FB9", "london.yaml", 22, []string{"not supported for SIP phones", "follow automatic"}},
		{"NE1 one-sided line", nil, swap("system: london", "system: rome"),
			SeverityError, "NE1", "paris.yaml", 14, []string{"one-sided", "london.yaml:17"}},
		{"NE1 line to an unknown system", nil, swap("system: london", "system: rome"),
			SeverityWarning, "NE1", "paris.yaml", 15, []string{"no file given here is that of rome", "given are: london, paris"}},
		{"NE1 level differs", nil, swap("networking_level: scn\n      backs_up_my: [phones]", "networking_level: none"),
			SeverityError, "NE1", "paris.yaml", 17, []string{"networking_level is none here and scn at london"}},
		{"NE1 the backup does not agree", nil, swap("networking_level: scn\n      backs_up_my: [phones]", "networking_level: none"),
			SeverityError, "NE1", "london.yaml", 20, []string{"paris is asked to back up the phones, but does not agree"}},
		{"NE1 nobody backs up", nil, swap("      backs_up_my: [phones]\n", ""),
			SeverityWarning, "NE1", "paris.yaml", 14, []string{"nobody is asked to back up the phones of paris"}},
		{"NE1 neither dials", swap("      address: 127.0.0.12:7422\n", ""), swap("      address: 127.0.0.11:7422\n", ""),
			SeverityError, "NE1", "london.yaml", 17, []string{"neither london nor paris has an address"}},
		{"NE1 dials where nobody listens", nil, swap(`listen: ":7422"`, `listen: "off"`),
			SeverityError, "NE1", "london.yaml", 18, []string{"network.listen is off at paris"}},
		{"NE1 dials another port", nil, swap(`listen: ":7422"`, `listen: ":7433"`),
			SeverityWarning, "NE1", "london.yaml", 18, []string{"it dials 127.0.0.12:7422, but paris listens on 127.0.0.12:7433"}},
		{"NE1 another carrier", nil, swap(`listen: ":7422"`, `nats: ["tls://nats.test:4222"]`),
			SeverityError, "NE1", "paris.yaml", 13, []string{"network.nats is tls://nats.test:4222 here and embedded at london"}},
		{"NE1 two systems of one name", nil, swap("system: paris", "system: london", "system: london\n      address", "system: rome\n      address"),
			SeverityError, "NE1", "paris.yaml", 2, []string{"london is also the name of the system in"}},
		{"NE3 duplicate extension", nil, swap(`"401"`, `"201"`),
			SeverityError, "NE3", "paris.yaml", 26, []string{"extension 201 is also extension 201 of london", "london.yaml:36"}},
		{"NE3 a user and an extension", nil, swap("users:\n", "users:\n  - {number: \"202\", password: x}\n"),
			SeverityError, "NE3", "paris.yaml", 24, []string{"user 202 is also extension 202 of london"}},
		{"SE1 security differs", nil, swap("security: preferred", "security: enforced"),
			SeverityWarning, "SE1", "paris.yaml", 9, []string{"media.security is enforced here and preferred at london"}},
		{"SE1 suites differ", nil, swap("direct: true", "suites: [AEAD_AES_256_GCM]"),
			SeverityWarning, "SE1", "paris.yaml", 10, []string{"[AEAD_AES_256_GCM] here and [AES_CM_128_HMAC_SHA1_80] at london"}},
		{"SE1 SRTCP differs", nil, swap("direct: true", "srtcp: false"),
			SeverityWarning, "SE1", "paris.yaml", 10, []string{"media.srtcp is false here and true at london"}},
		{"FO5 realm differs", nil, swap("realm: example.test", "realm: other.test"),
			SeverityError, "FO5", "paris.yaml", 4, []string{"realm is other.test here and example.test at london"}},
		{"SH5 two systems of one address", nil, swap("127.0.0.12", "127.0.0.11"),
			SeverityError, "SH5", "paris.yaml", 3, []string{"127.0.0.11 is also the address of london"}},
		{"GU2 the backup is too small", nil, swap("phones: 2000", "phones: 3"),
			SeverityWarning, "GU2", "london.yaml", 20, []string{"paris can carry 2 of the 3 phones of london: it has 1 of its own and carries 3"}},
		{"GU2 the system itself is too small", swap("licences: {phones: 500}", "capacity: {phones: 2}"), nil,
			SeverityError, "GU2", "london.yaml", 23, []string{"3 phones are configured, and this system carries 2"}},
		{"US4 too few licences", swap("phones: 500", "phones: 2"), nil,
			SeverityWarning, "US4", "london.yaml", 23, []string{"3 phones are configured and 2 licensed"}},
		{"FB5 grace differs", nil, swap("failback: automatic", "homeless_grace: 6m"),
			SeverityWarning, "FB5", "paris.yaml", 20, []string{"resilience.homeless_grace is 6m here and 5m at london"}},
		{"FO3 a heartbeat too slow for the other", nil, swap(`listen: ":7422"`, "heartbeat: 10s", "failback: automatic", "visible_within: 30s"),
			SeverityError, "FO3", "london.yaml", 21, []string{"15s has no room for two heartbeats of paris, one each 10s"}},
		{"FO2 a lab beside a system in service", nil, swap("realm:", "lab: true\nrealm:"),
			SeverityError, "FO2", "paris.yaml", 4, []string{"lab is true here and false at london"}},
		{"FO2 shortened timers are told", nil, swap("realm:", "lab: true\nlab_speed: 60\nrealm:"),
			SeverityNote, "FO2", "paris.yaml", 4, []string{"failover_delay is 3s instead of 3m (FO2)", "failback_delay is 10s", "homeless_grace is 5s"}},
		{"NE2 two consoles on one port", nil, swap("127.0.0.1:8081", "127.0.0.1:8080"),
			SeverityError, "NE2", "paris.yaml", 27, []string{"the console of paris and the console of london", "both take 127.0.0.1:8080"}},
		{"NE2 SIP and lines on one port", nil, swap(`"tcp:5060"`, `"tcp:7422"`),
			SeverityError, "NE2", "paris.yaml", 13, []string{"the listener for lines of paris and SIP over tcp of paris", "127.0.0.12:7422"}},
		{"NE2 a listener on all addresses", nil, swap(`"udp:5060"`, `"udp:0.0.0.0:5060"`),
			SeverityError, "NE2", "paris.yaml", 7, []string{"SIP over udp of paris and SIP over udp of london"}},
		{"NE2 the relay's ports contain a listener", nil, swap(`"udp:5060"`, `"udp:20100"`),
			SeverityError, "NE2", "paris.yaml", 11, []string{"20000-29999 contains the port 20100 of SIP over udp at paris"}},
		{"NE2 two relays on one address", nil, swap("direct: true", "relay: [127.0.0.11]"),
			SeverityError, "NE2", "paris.yaml", 11, []string{"20000-29999 and 20000-29999 of london", "on one address"}},
		{"NE2 ports that Linux gives away", swap("ports: 20000-29999", "ports: 30000-40000"), nil,
			SeverityWarning, "NE2", "london.yaml", 13, []string{"30000-40000 overlaps 32768-60999"}},
		{"NE2 calls of other systems on the console's port", nil, swap(`listen: ":7422"`, "sip: \"127.0.0.1:8081\""),
			SeverityError, "NE2", "paris.yaml", 27, []string{"the console of paris and the listener for other systems' calls of paris"}},
		{"NE1 calls go where nobody takes them", nil, swap(`listen: ":7422"`, "sip: \":7500\""),
			SeverityWarning, "NE1", "london.yaml", 17, []string{"calls to paris go to 127.0.0.12:7423, but it takes them on 127.0.0.12:7500"}},
		{"NE1 calls of other systems are off", nil, swap(`listen: ":7422"`, `sip: "off"`),
			SeverityWarning, "NE1", "london.yaml", 17, []string{"paris takes no calls of other systems"}},
		{"NE3 a group and an extension", nil, swap("users:\n", "groups:\n  - {number: \"202\", members: [\"401\"]}\nusers:\n"),
			SeverityError, "NE3", "paris.yaml", 24, []string{"group 202 is also extension 202 of london"}},
		{"NE3 a member that is nobody", nil, swap("users:\n", "groups:\n  - {number: \"300\", members: [\"401\", \"201\", \"499\"]}\nusers:\n"),
			SeverityWarning, "NE3", "paris.yaml", 24, []string{"member 499 of group 300"}},
		{"SH1 H.323 is not served yet", nil, swap(`{number: "401", base_user`, `{number: "401", protocol: h323, base_user`),
			SeverityWarning, "SH1", "paris.yaml", 25, []string{"1 H.323 phones"}},
		{"SE2 the address is not covered", swap("address: 127.0.0.11", "address: 127.0.0.13"), nil,
			SeverityError, "SE2", "london.yaml", 7, []string{"does not cover the address 127.0.0.13", "it has: london, example.test, 127.0.0.11"}},
		{"SE2 the certificate of another system", swap("london.crt", "paris.crt", "london.key", "paris.key"), nil,
			SeverityError, "SE2", "london.yaml", 7, []string{"certificate names paris, the system is london"}},
		{"SE2 a line dials an address that is not covered", swap("address: 127.0.0.12:7422", "address: paris.test:7422"), nil,
			SeverityError, "SE2", "london.yaml", 18, []string{"it dials paris.test, which the certificate of paris", "paris.yaml:5"}},
		{"SE2 the key of another certificate", swap("london.key", "paris.key"), nil,
			SeverityError, "SE2", "london.yaml", 7, []string{"key does not belong to the certificate"}},
		{"SE2 a file that is no certificate", swap("root.crt", "paris.key"), nil,
			SeverityError, "SE2", "london.yaml", 7, []string{"no PEM block CERTIFICATE"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, check(t, site(t), begin, c.london, c.paris), c.severity, c.rule, c.file, c.line, c.words...)
		})
	}
}

func TestSE2_CheckTellsOfTheEndOfCertificates(t *testing.T) {
	dir := site(t)
	end := begin.Add(365 * 24 * time.Hour)
	expect(t, check(t, dir, end.Add(-29*24*time.Hour), nil, nil), SeverityWarning, "SE2", "paris.yaml", 5, `"paris" expires on 2027-03-01`, "in 29 days")
	expect(t, check(t, dir, end.Add(time.Hour), nil, nil), SeverityError, "SE2", "london.yaml", 7, "expired on 2027-03-01")
}

func TestSE2_CheckTellsOfAnotherRoot(t *testing.T) {
	dir, other := site(t), site(t)
	data, err := os.ReadFile(filepath.Join(other, "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other.crt"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	findings := check(t, dir, begin, nil, []string{"root.crt", "other.crt"})
	expect(t, findings, SeverityError, "SE2", "paris.yaml", 5, "other root", "not by the trusted root")
	expect(t, findings, SeverityError, "SE2", "paris.yaml", 5, "no line comes up between them", "london.yaml:7")
}

func TestSE2_TwoSystemsThatShareOneOfTwoRootsAreFine(t *testing.T) {
	dir, other := site(t), site(t)
	both, err := os.ReadFile(filepath.Join(dir, "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile(filepath.Join(other, "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "both.crt"), append(more, both...), 0o600); err != nil {
		t.Fatal(err)
	}
	if findings := check(t, dir, begin, nil, []string{"root.crt", "both.crt"}); Worst(findings) != SeverityNote {
		t.Errorf("while a root is replaced: %v", findings)
	}
}

func TestFO2_CheckTellsADelayTooShortForTheNetwork(t *testing.T) {
	dir := site(t)
	lines := ""
	for _, name := range []string{"rome", "oslo", "bern", "wien"} {
		lines += "    - {system: " + name + ", address: \"" + name + ".test:7422\"}\n"
	}
	path := put(t, dir, "london.yaml", "  lines:\n", "  lines:\n"+lines, "failback: automatic", "failover_delay: 3m")
	findings := Check([]*Config{load(t, path)}, begin)
	expect(t, findings, SeverityWarning, "FO2", "london.yaml", 26, "3m is too short for a network of 6 systems: 3m20s is in force")
	expect(t, findings, SeverityNote, "NE1", "london.yaml", 17, "no file given here is that of rome")
}

func TestSH5_AnAddressMustBelongToOneSystem(t *testing.T) {
	dir := site(t)
	ca, err := certs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	identity(t, ca, dir, "rome", "127.0.0.12")
	rome := put(t, dir, "paris.yaml", "system: paris", "system: rome", "paris.crt", "rome.crt", "paris.key", "rome.key", `"401"`, `"501"`)
	if err := os.Rename(rome, filepath.Join(dir, "rome.yaml")); err != nil {
		t.Fatal(err)
	}
	findings := Check([]*Config{
		load(t, put(t, dir, "london.yaml", "backup: paris", "backup: 127.0.0.12")),
		load(t, put(t, dir, "paris.yaml")),
		load(t, filepath.Join(dir, "rome.yaml")),
	}, begin)
	expect(t, findings, SeverityError, "SH5", "london.yaml", 25, "belongs to several systems: paris, rome", "name the system")
}

func TestNE3_ManyDuplicatesAreSummedUp(t *testing.T) {
	dir := site(t)
	many := "extensions:\n"
	users := "users:\n"
	for i := range 50 {
		n := string([]byte{'6', byte('0' + i/10), byte('0' + i%10)})
		users += "  - {number: \"" + n + "\", password: x}\n"
		many += "  - {number: \"" + n + "\", base_user: \"" + n + "\"}\n"
	}
	both := []string{"users:\n", users, "extensions:\n", many}
	told := 0
	findings := check(t, dir, begin, both, both)
	for _, found := range findings {
		if found.Rule == "NE3" {
			told++
		}
	}
	if told != most+1 {
		t.Errorf("%d findings for 50 duplicates, want %d and a sum", told, most)
	}
	expect(t, findings, SeverityError, "NE3", "paris.yaml", 23, "50 numbers are given twice")
}
