package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLabKnowsItsScenarios(t *testing.T) {
	names, err := ownScenarios()
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 14 || names[0] != firstScenario {
		t.Fatalf("%v", names)
	}
	chosen, err := (&labCmd{All: true}).chosen()
	if err != nil || len(chosen) != len(names) {
		t.Fatalf("%d scenarios, %v", len(chosen), err)
	}
	chosen, err = (&labCmd{}).chosen()
	if err != nil || len(chosen) != 1 || chosen[0].Name != firstScenario || chosen[0].PhoneCount() != 20 {
		t.Fatalf("without arguments: %v, %v", chosen, err)
	}
}

func TestLabRefusesWhatItDoesNotKnow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte("scenario: own\nsays: x\nphones: [{profile: poly, transport: udp}]\nsteps: [kill everybody]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		command labCmd
		want    string
	}{
		{labCmd{Scenario: []string{"home-eaten"}}, "there are home-killed, "},
		{labCmd{Scenario: []string{file}}, "own.yaml:4: "},
		{labCmd{Scenario: []string{"./missing.yaml"}}, "missing.yaml"},
		{labCmd{All: true, Scenario: []string{"home-killed"}}, "one of the two"},
	} {
		_, err := test.command.chosen()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.command, err, test.want)
		}
	}
}

func TestPhoneCommandLine(t *testing.T) {
	command := phoneCmd{Server: []string{"127.0.0.11", "127.0.0.12:5070"}, Number: "201", Domain: "example.test",
		Profile: "snom", Transport: "tls", Speed: 1}
	setup, err := command.setup()
	if err != nil {
		t.Fatal(err)
	}
	if got := setup.Servers; got[0].Name != "home" || got[0].TLS.String() != "127.0.0.11:5061" ||
		got[1].Name != "backup" || got[1].TLS.String() != "127.0.0.12:5070" {
		t.Fatalf("%+v", got)
	}
	command.Server = []string{"london"}
	if _, err := command.setup(); err == nil || !strings.Contains(err.Error(), "IP address") {
		t.Fatal(err)
	}
	command.Server = nil
	if _, err := command.setup(); err == nil {
		t.Fatal("no server is no error")
	}
}
