package mirror

import (
	"errors"
	"strings"
	"testing"
)

func TestSubjectsReadBack(t *testing.T) {
	for text, want := range map[string]Subject{
		"hb.london":                          {Class: Heartbeats, Origin: "london"},
		"repl.london.delta.dir":              {Class: Deltas, Origin: "london", Set: "dir"},
		"repl.london.delta.bind.paris":       {Class: Deltas, Origin: "london", Set: "bind/paris"},
		"repl.london.since.paris.dir":        {Class: Pulls, Origin: "london", Peer: "paris", Set: "dir"},
		"repl.london.answer.paris.cfg.paris": {Class: Answers, Origin: "london", Peer: "paris", Set: "cfg/paris"},
		"rpc.london.paris.evidence":          {Class: Calls, Origin: "london", Peer: "paris", Verb: "evidence"},
	} {
		got, err := ParseSubject(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if want.String() != text {
			t.Errorf("%+v is %q", want, want.String())
		}
	}
	for _, text := range []string{
		"", "hb", "hb.", "hb.a.b", "hb.*", "hb.>", "repl.a.delta", "repl.a.delta.other", "repl.a.delta.a.b.c",
		"repl.a.since.b", "rpc.a.b", "rpc.a.b.c d", "repl.a.answer.*.dir", "xx.a", "hb." + strings.Repeat("a", 64),
		strings.Repeat("repl.", 100),
	} {
		if got, err := ParseSubject(text); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		} else if !errors.Is(err, ErrName) && !errors.Is(err, ErrTooBig) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSH5_WhoHearsWhat(t *testing.T) {
	hears := func(system string, s Subject) bool {
		for _, sub := range Subscriptions(system) {
			if sub.Matches(s) {
				return true
			}
		}
		return false
	}
	for _, c := range []struct {
		system string
		s      Subject
		want   bool
	}{
		{"paris", Subject{Class: Heartbeats, Origin: "london"}, true},
		{"paris", Subject{Class: Deltas, Origin: "london", Set: "dir"}, true},
		{"paris", Subject{Class: Deltas, Origin: "london", Set: "bind/paris"}, true},
		{"paris", Subject{Class: Deltas, Origin: "london", Set: "bind/rome"}, false},
		{"paris", Subject{Class: Pulls, Origin: "paris", Peer: "london", Set: "cfg/london"}, true},
		{"paris", Subject{Class: Pulls, Origin: "london", Peer: "paris", Set: "dir"}, false},
		{"paris", Subject{Class: Answers, Origin: "london", Peer: "paris", Set: "dir"}, true},
		{"paris", Subject{Class: Answers, Origin: "london", Peer: "rome", Set: "dir"}, false},
	} {
		if got := hears(c.system, c.s); got != c.want {
			t.Errorf("%s hears %s: %t", c.system, c.s, got)
		}
	}
}

func FuzzParseSubject(f *testing.F) {
	for _, s := range []string{"hb.london", "repl.london.delta.bind.paris", "repl.a.since.b.dir", "rpc.a.b.c", "repl.a.answer.b.x.y", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSubject(text)
		if err == nil && s.String() != text {
			t.Errorf("%q was read as %+v, which is %q", text, s, s)
		}
	})
}
