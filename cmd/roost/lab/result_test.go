package lab

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

func TestSpread(t *testing.T) {
	var hundred []time.Duration
	for i := 100; i > 0; i-- {
		hundred = append(hundred, time.Duration(i)*time.Second)
	}
	if got, want := spread(hundred), (Spread{100, 50, 95, 100}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := spread([]time.Duration{3 * time.Second}), (Spread{1, 3, 3, 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := spread(nil); got != (Spread{}) {
		t.Errorf("%+v of nothing", got)
	}
}

func TestMeasure(t *testing.T) {
	_, p := scene(t)
	m := newMeasure()
	minute := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	report := func(r phone.Report, at time.Duration) {
		p.Report(r, at)
		m.report(p, r, at)
	}
	report(phone.Report{Phone: "201", Event: phone.Registered, Server: Home, Why: "power on"}, minute(10)) // before any fault
	p.Fault = minute(20)
	m.fault()
	doubts := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p.Systems[Backup].Status.Homes[0] = api.Home{System: "london", State: "SUSPECT", Since: doubts}
	m.detect(p, func(time.Time) time.Duration { return minute(19) }) // older than the fault
	m.detect(p, func(time.Time) time.Duration { return minute(21) })
	m.detect(p, func(time.Time) time.Duration { return minute(22) }) // noticed already
	report(phone.Report{Phone: "201", Event: phone.Refused, Server: Backup, Code: 503, Text: "Service Unavailable"}, minute(21))
	report(phone.Report{Phone: "201", Event: phone.Registered, Server: Backup}, minute(24))
	report(phone.Report{Phone: "201", Event: phone.Registered, Server: Backup}, minute(25)) // served already
	report(phone.Report{Phone: "202", Event: phone.Registered, Server: Backup}, minute(26))
	p.Mended = minute(30)
	m.mended(p)
	report(phone.Report{Phone: "201", Event: phone.Registered, Server: Home, Why: "refused"}, minute(41))
	report(phone.Report{Phone: "201", Event: phone.Registered, Server: Home, Why: "by itself"}, minute(50))
	var result Result
	m.into(&result)
	if want := (Spread{1, 60, 60, 60}); result.Times.Detect != want {
		t.Errorf("detect %+v", result.Times.Detect)
	}
	if want := (Spread{2, 240, 360, 360}); result.Times.Serve != want {
		t.Errorf("serve %+v", result.Times.Serve)
	}
	if want := (Spread{1, 660, 660, 660}); result.Times.Return != want {
		t.Errorf("return %+v", result.Times.Return)
	}
	if result.Refusals[Backup]["503 Service Unavailable"] != 1 || len(result.WentHome) != 1 || result.WentHome["refused"] != 1 {
		t.Errorf("%v %v", result.Refusals, result.WentHome)
	}
}

func TestTimelineIsReadable(t *testing.T) {
	var out strings.Builder
	line := &timeline{out: &out, speed: 60}
	line.add(3*time.Minute+2500*time.Millisecond, "backup", strings.Repeat("many words ", 30)+strings.Repeat("x", 200))
	line.progress(time.Minute, 0.5, "not shown: no terminal")
	line.add(time.Hour+time.Minute, "lab", "kill home")
	text := out.String()
	if !strings.HasPrefix(text, "   3:02.5     3.0s  backup   many words") || !strings.Contains(text, "1:01:00.0") {
		t.Fatalf("\n%s", text)
	}
	for row := range strings.SplitSeq(text, "\n") {
		if len(row) > columns {
			t.Errorf("%d columns: %s", len(row), row)
		}
	}
	if strings.Contains(text, "not shown") || strings.Contains(text, "\x1b") {
		t.Errorf("progress or colours without a terminal:\n%q", text)
	}
	if len(line.entries) != 2 || line.entries[0].At != 182.5 || line.entries[0].Real != 3.042 {
		t.Errorf("%+v", line.entries[0])
	}
}

func TestTimelineOnTerminal(t *testing.T) {
	var out strings.Builder
	line := &timeline{out: &out, terminal: true, speed: 1}
	line.progress(time.Minute, 0.5, strings.Repeat("long ", 40))
	line.add(time.Minute, "FAILED", "x")
	text := out.String()
	if !strings.Contains(text, "[##########..........]") || !strings.Contains(text, "\r\x1b[K") || !strings.Contains(text, "\x1b[1;31m") {
		t.Fatalf("%q", text)
	}
}

func TestVerdicts(t *testing.T) {
	failed := Result{
		Name: "story", Verdict: Fail, Why: "line 7: every phone at home, but 3 of 4 phones at home, not 204", Speed: 60, Took: 120, TookReal: 2,
		Expectations: []Expectation{{Verdict: Pass}, {Verdict: Fail}}, Kept: "/tmp/x",
		Refusals: map[Role]map[string]int{Backup: {"503 Service Unavailable": 3, "no answer": 9}},
		WentHome: map[string]int{"refused": 2}, Times: Times{Serve: Spread{4, 180, 200, 210}},
	}
	text := failed.Text()
	for _, want := range []string{
		"-- FAIL: story in 2s, which stand for 2m at speed 60", "line 7:", "p50 3m, p95 3m20s, max 3m30s (4 phones",
		"no answer 9, 503 Service Unavailable 3", "refused 2", "1 of 2 held", "/tmp/x",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	outcome := Outcome{Scenarios: []Result{{Verdict: Pass}, failed}}
	if outcome.Judge(); outcome.Verdict != Fail || !strings.Contains(outcome.Text(), "1 of 2 scenarios failed: story") {
		t.Errorf("%s %s", outcome.Verdict, outcome.Text())
	}
	outcome.Scenarios = outcome.Scenarios[:1]
	if outcome.Judge(); outcome.Verdict != Pass {
		t.Error("a run without failures failed")
	}
	outcome.Scenarios = nil
	if outcome.Judge(); outcome.Verdict != Fail {
		t.Error("a run of nothing passed")
	}
	content, err := json.Marshal(Outcome{Verdict: Fail, Scenarios: []Result{failed}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"verdict":"fail","scenarios":[{"name":"story"`, `"timeline":`, `"expectations":[`, `"serve":{"count":4,"p50_s":180`} {
		if !strings.Contains(string(content), want) {
			t.Errorf("no %s in %s", want, content)
		}
	}
}

func TestRulesAreOrdered(t *testing.T) {
	if compareRules("FO2", "FO10") >= 0 || compareRules("FB9", "FO1") >= 0 || compareRules("US1", "US1") != 0 {
		t.Fatal("FB9 < FO2 < FO10 is the order")
	}
}
