package screen

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"roost/cmd/roost/console/api"
)

func sample() api.Status {
	now := time.Date(2026, 11, 22, 3, 14, 15, 0, time.UTC)
	return api.Status{
		System: "paris", Address: "127.0.0.12", Now: now, UpFor: 3725, Ready: true,
		Listeners: []string{"udp 127.0.0.12:5060"},
		Phones:    api.Phones{Extensions: 3, Registered: 2, Guests: 1, Capacity: 1000},
		Licences:  api.Licences{Total: 500, Used: 2},
		Lines: []api.Line{{System: "london", Up: false, Why: "london's certificate is signed by another root",
			LastHeard: 190, Complete: true, Behind: 2, Records: 44, WeBackUp: true}},
		Homes: []api.Home{{System: "london", State: "SUSPECT", Since: now.Add(-time.Minute), TimeLeft: 120,
			Next: "SERVING", Delay: 180, Phones: 20, Guests: 1, WhyNot: "behind by 2"}},
		Guests: []api.Guest{{Number: "201", Home: "london", At: "paris", State: "going home", Trigger: "notify",
			TimeLeft: 245, Since: now.Add(-time.Hour), Agent: "Evil\x1b[2J"}},
		Alarms: []api.Alarm{{Severity: "major", Since: now.Add(-30 * time.Second), Text: "failover began for london"}},
		Events: []api.Event{{At: now, Text: "london is not visible"}},
	}
}

func TestStatusSaysWhatAnAdministratorAsks(t *testing.T) {
	got := Render(sample(), Options{Width: 120})
	for _, want := range []string{
		"paris  127.0.0.12 · up 1 h 02 min · service ready",
		"phones 2 of 3 registered · guests 1 · capacity 3 of 1000 · licences 2 of 500",
		"MAJOR    30 s      failover began for london",
		"DOWN     heard 3:10 ago · behind by 2 of 44 records · we back it up",
		"london's certificate is signed by another root",
		"SUSPECT    for 1:00, SERVING in 2:00",
		"20 phones · 1 guest · failover delay 3:00\n",
		"not ready to serve it: behind by 2",
		"going home by notify, 4:05 left",
		"03:14:15  london is not visible",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
	if strings.ContainsRune(got, '\x1b') {
		t.Error("a user agent's escape sequence reached the terminal")
	}
}

func TestNoLineIsWiderThanTheScreen(t *testing.T) {
	for _, colour := range []bool{false, true} {
		for row := range strings.Lines(Render(sample(), Options{Width: 60, Colour: colour})) {
			for _, sequence := range []string{bold, red, green, yellow, reset} {
				row = strings.ReplaceAll(row, sequence, "")
			}
			if n := utf8.RuneCountInString(strings.TrimSuffix(row, "\n")); n > 60 {
				t.Errorf("%d columns: %q", n, row)
			}
		}
	}
}

// What an administrator must read to the end is broken into rows, not cut.
func TestReasonsAreNotCut(t *testing.T) {
	s := sample()
	s.Alarms[0].Text = "the line to london is down: london's certificate does not cover 192.0.2.7, the address it is dialled at; issue one with that address"
	s.Lines[0].Why = s.Alarms[0].Text
	s.Events[0].Text = s.Alarms[0].Text
	for _, colour := range []bool{false, true} {
		got := uncoloured(Render(s, Options{Width: 60, Colour: colour}))
		for _, want := range []string{
			"  MAJOR    30 s      the line to london is down: london's\n                     certificate does not cover 192.0.2.7,\n",
			"    the line to london is down: london's certificate does\n    not cover",
			"  03:14:15  the line to london is down: london's certificate\n            does not cover",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("colour %t: missing %q in\n%s", colour, want, got)
			}
		}
		if strings.Count(got, "with that address") != 3 {
			t.Errorf("colour %t: a reason is cut off:\n%s", colour, got)
		}
	}
}

func TestNoLimitIsNotALimitOfZero(t *testing.T) {
	s := sample()
	s.Licences = api.Licences{Used: 2}
	if got := Render(s, Options{}); !strings.Contains(got, "licences without limit\n") {
		t.Error(got)
	}
}

func TestSpanReadsAsSpoken(t *testing.T) {
	for seconds, want := range map[float64]string{
		0.44: "0.4 s", 12: "12 s", 125: "2:05", 3600 * 3.5: "3 h 30 min", 86400*12 + 3*3600: "12 d 3 h",
	} {
		if got := span(seconds); got != want {
			t.Errorf("span(%v) = %q, want %q", seconds, got, want)
		}
	}
}
