package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/load"
)

func TestLoadCommandLine(t *testing.T) {
	good := func() *phoneCmd {
		return &phoneCmd{Server: []string{"127.0.0.11"}, Number: "1000", Password: "p{number}", Domain: "example.test", Transport: "udp",
			loadFlags: loadFlags{Load: "refresh", Users: 5, Window: 3, For: time.Second, Algorithm: "MD5"}}
	}
	c, err := good().loadConfig()
	if err != nil || c.Target.String() != "127.0.0.11:5060" || !c.Refresh || c.First != 1000 || c.Users != 5 {
		t.Fatalf("%v %+v", err, c)
	}
	for want, change := range map[string]func(*phoneCmd){
		"full or refresh": func(c *phoneCmd) { c.Load = "some" },
		"one server":      func(c *phoneCmd) { c.Server = nil },
		"digits":          func(c *phoneCmd) { c.Number = "ada" },
		"--trusted-root":  func(c *phoneCmd) { c.Transport = "tls" },
	} {
		c := good()
		change(c)
		if _, err := c.loadConfig(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c2 := good()
	c2.Server = []string{"192.0.2.1"}
	if err := c2.load(t.Context(), &world{}); !errors.Is(err, load.ErrNotLoopback) {
		t.Errorf("a server elsewhere: %v", err)
	}
}

// A server that never answers: the outcome is told, and the exit status is 1.
func TestLoadTellsFailure(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := &phoneCmd{Server: []string{silent.LocalAddr().String()}, Number: "1000", Domain: "example.test", Transport: "udp",
		loadFlags: loadFlags{Load: "full", Users: 2, Window: 2, For: 10 * time.Millisecond, Algorithm: "MD5", JSON: true, GiveUp: 50 * time.Millisecond}}
	var out bytes.Buffer
	err = c.load(t.Context(), &world{out: &out})
	var status exitStatus
	if !errors.As(err, &status) || status != 1 {
		t.Fatal(err)
	}
	var result load.Result
	if err := json.Unmarshal(out.Bytes(), &result); err != nil || result.Lost != 2 || result.Begun != 2 {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
}

func TestProfilerWritesWhatItSays(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "profiles")
	p, err := startProfiler(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.heap(), p.stop()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, memoryFile))
	var m memoryNow
	if err := errors.Join(err, json.Unmarshal(content, &m)); err != nil || m.Heap == 0 || m.Objects == 0 {
		t.Fatalf("%v %+v", err, m)
	}
	for _, name := range []string{cpuProfile, heapProfile} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
