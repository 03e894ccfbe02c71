package config

import (
	"os"
	"path/filepath"
	"testing"

	"roost/registrar"
)

// TestSH1_OnlyH323UsersKeepTheirPassword: a token cannot be checked with a digest, so
// the password itself is held, and shared, but only where it must be.
func TestSH1_OnlyH323UsersKeepTheirPassword(t *testing.T) {
	path := filepath.Join(t.TempDir(), "london.yaml")
	text := `
system: london
address: 127.0.0.11
realm: example.test
network: {listen: "off"}
h323: {listen: true, open: [192.0.2.0/24], time_to_live: 30s}
users:
  - {number: "201", name: Anna, password: one}
  - {number: "202", name: Bert, password: two}
extensions:
  - {number: "201", protocol: sip, base_user: "201"}
  - {number: "202", protocol: h323, base_user: "202"}
sip: {listen: ["udp:5060"]}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(path, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := cfg.Directory()
	if err != nil {
		t.Fatal(err)
	}
	for number, want := range map[registrar.Number]string{"201": "", "202": "two"} {
		if u, _ := dir.User(number); string(u.H235) != want {
			t.Errorf("user %s has the wrong H.235 password", number)
		}
	}
	if len(cfg.H323.Open) != 1 || cfg.H323.TimeToLive.String() != "30s" {
		t.Errorf("%+v", cfg.H323)
	}
}
