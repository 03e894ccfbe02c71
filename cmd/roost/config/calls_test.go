package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPattern_Matches(t *testing.T) {
	for _, c := range []struct {
		pattern, number string
		want            bool
	}{
		{"112", "112", true}, {"112", "1122", false}, {"112", "11", false},
		{"2XX", "201", true}, {"2XX", "2a1", false}, {"2XX", "20", false},
		{"0.", "0", false}, {"0.", "01", true}, {"0.", "0+a", true}, {"0X.", "01", false}, {"0X.", "012", true},
		{".", "7", true}, {"+44.", "+4420", true}, {"+44.", "004420", false}, {"*XX#", "*21#", true},
	} {
		var p Pattern
		if err := p.parse(c.pattern); err != nil {
			t.Fatal(err)
		}
		if p.Matches(c.number) != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.number, !c.want)
		}
	}
	if n, ok := (&Translation{Match: "0X.", Strip: 1, Prepend: "+44"}).Apply("020123"); !ok || n != "+4420123" {
		t.Errorf("translated to %q, %v", n, ok)
	}
}

// The longest pattern counts, a digit for more than an X, a closed one for more than an
// open one; of equal ones the first.
func TestTrunk_TheLongestPatternCounts(t *testing.T) {
	trunk := Trunk{Out: []Translation{
		{Match: "0.", Prepend: "rest:"}, {Match: "0044X.", Prepend: "gb:"}, {Match: "00.", Prepend: "abroad:"},
		{Match: "0044X.", Prepend: "never:"}, {Match: "0X", Prepend: "two:"}, {Match: "01", Prepend: "one:"},
	}}
	for n, want := range map[string]string{"0301": "rest:0301", "004420": "gb:004420", "0033": "abroad:0033", "02": "two:02", "01": "one:01", "7": "", "": ""} {
		if got, ok := trunk.Translate(Outward, n); got != want || ok != (want != "") || ok != (trunk.Exactness(n) >= 0) {
			t.Errorf("%q goes out as %q, %v", n, got, ok)
		}
		if got, ok := trunk.Translate(Inward, n); got != n || !ok {
			t.Errorf("without patterns %q comes in as %q, %v", n, got, ok)
		}
	}
	if a, b := trunk.Exactness("004420"), trunk.Exactness("0301"); a <= b {
		t.Errorf("0044X. says %d of a number, 0. says %d", a, b)
	}
	trunk.In = []Translation{{Match: "5XXX", Strip: 1}}
	if got, ok := trunk.Translate(Inward, "5201"); got != "201" || !ok {
		t.Errorf("5201 comes in as %q, %v", got, ok)
	}
	if got, ok := trunk.Translate(Inward, "201"); ok {
		t.Errorf("201 comes in as %q, though no pattern has it", got)
	}
}

// Where calls of other systems come in and go to, written and by default.
func TestNetworkSIP_IsThePortAboveTheLines(t *testing.T) {
	dir := site(t)
	london := load(t, put(t, dir, "london.yaml"))
	at, on := london.SIPListen()
	if to := london.Network.Lines[0].SIPAddress(); !on || at.At(london.Address) != "127.0.0.11:7423" || to.String() != "127.0.0.12:7423" {
		t.Errorf("listens on %v (%v), dials %v", at, on, to)
	}
	off := load(t, put(t, dir, "london.yaml", `listen: ":7422"`, `sip: "off"`))
	if at, on := off.SIPListen(); on {
		t.Errorf("off, and listens on %v", at)
	}
	written := load(t, put(t, dir, "london.yaml", `listen: ":7422"`, `sip: "127.0.0.11:7500"`, "networking_level: scn", "networking_level: scn\n      sip: paris.test:7501"))
	at, on = written.SIPListen()
	if to := written.Network.Lines[0].SIPAddress(); !on || at.String() != "127.0.0.11:7500" || to.String() != "paris.test:7501" {
		t.Errorf("listens on %v (%v), dials %v", at, on, to)
	}
}

func TestUsers_SettingsReachTheDirectory(t *testing.T) {
	cfg := load(t, put(t, site(t), "london.yaml", `password: "secret201"`, `password: "secret201", dnd: true, forward: {busy: "202", no_answer: "203", after: 15s}`))
	d, err := cfg.Directory()
	if err != nil {
		t.Fatal(err)
	}
	u, _ := d.User("201")
	if s := u.Settings; !s.DoNotDisturb || s.Forwards.Busy != "202" || s.Forwards.NoAnswer != "203" || s.Forwards.NoAnswerAfter != 15 || s.Forwards.Always != "" {
		t.Errorf("the settings are %+v", s)
	}
}

// The page's example of outside lines is a configuration that is taken.
func TestDocumentation_TheExampleOfTrunksIsTaken(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\ntrunks:")
	block, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("the example is gone")
	}
	path := put(t, site(t), "london.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := Parse(path, []byte(string(text)+"\ntrunks:"+block), func(name string) string {
		return map[string]string{"CARRIER_PASSWORD": "geheim"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Trunks) != 2 || !cfg.Trunks[0].SRV || cfg.Trunks[0].Password.Plain != "geheim" || len(cfg.Emergency.Routes) != 2 {
		t.Errorf("%+v, %+v", cfg.Trunks, cfg.Emergency)
	}
	if got, ok := cfg.Trunks[0].Translate(Outward, "0044123"); got != "+44123" || !ok {
		t.Errorf("0044123 goes out as %q, %v", got, ok)
	}
}
