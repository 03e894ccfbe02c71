package lab

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// heading says what is about to happen.
func heading(s *Scenario, r *Result, folder string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "== %s ==\n", s.Name)
	for _, line := range wrap(s.Says, columns) {
		fmt.Fprintln(&out, line)
	}
	var groups []string
	for _, group := range s.Phones {
		text := fmt.Sprintf("%d %s %s", group.Count, group.Profile, group.Transport)
		if group.Returns != "" {
			text += " (returns " + string(group.Returns) + ")"
		}
		groups = append(groups, text)
	}
	for _, line := range wrap(fmt.Sprintf("%d phones: %s.", r.Phones, strings.Join(groups, ", ")), columns) {
		fmt.Fprintln(&out, line)
	}
	fmt.Fprintf(&out, "Speed %d: a minute of rule time passes in %s. Logs: %s\n", r.Speed, brief(time.Minute/time.Duration(r.Speed)), folder)
	if r.Speed > 1 {
		fmt.Fprintln(&out, "Times are rule time; only what systems say in their own words, in alarms, counts real time.")
	}
	fmt.Fprintf(&out, "%9s %8s  %-8s what happened\n", "rule time", "real", "who")
	return out.String()
}

// Text is the verdict block of one scenario.
func (r *Result) Text() string {
	var out strings.Builder
	verdict := "PASS"
	if r.Verdict != Pass {
		verdict = "FAIL"
	}
	fmt.Fprintf(&out, "-- %s: %s in %s, which stand for %s at speed %d\n", verdict, r.Name, span(r.TookReal), span(r.Took), r.Speed)
	row := func(name, format string, args ...any) {
		lead := fmt.Sprintf("   %-18s", name)
		for i, line := range wrap(fmt.Sprintf(format, args...), columns-len(lead)) {
			if i > 0 {
				lead = strings.Repeat(" ", len(lead))
			}
			fmt.Fprintln(&out, lead+line)
		}
	}
	for _, why := range r.Spoilt {
		row("spoilt attempt", "%s", why)
	}
	if r.Why != "" {
		row("what went wrong", "%s", r.Why)
	}
	distribution := func(name, of string, s Spread) {
		if s.Count > 0 {
			row(name, "p50 %s, p95 %s, max %s (%d %s)", span(s.P50), span(s.P95), span(s.Max), s.Count, of)
		}
	}
	distribution("time to detect", "faults", r.Times.Detect)
	distribution("time to serve", "phones taken in by the backup", r.Times.Serve)
	distribution("time to be home", "phones, since the home was mended", r.Times.Return)
	for _, role := range []Role{Home, Backup} {
		if counts := r.Refusals[role]; len(counts) > 0 {
			row("refused by "+role, "%s", tally(counts))
		}
	}
	if len(r.WentHome) > 0 {
		row("went home by", "%s", tally(r.WentHome))
	}
	if len(r.Calls) > 0 {
		row("voices", "%s", callsInWords(r.Calls))
	}
	held := 0
	for _, expectation := range r.Expectations {
		if expectation.Verdict == Pass {
			held++
		}
	}
	row("expectations", "%d of %d held", held, len(r.Expectations))
	if len(r.Proved) > 0 {
		row("rules proved", "%s", strings.Join(r.Proved, " "))
	}
	if stalled := time.Duration(r.Stalled * float64(time.Second)); stalled > bearable(max(1, r.Speed)) {
		row("machine stalled", "for %s, of which at this speed %s are bearable", brief(stalled), brief(bearable(r.Speed)))
	}
	if r.Kept != "" {
		row("kept for you", "%s (configurations and a log of each process)", r.Kept)
	}
	return out.String()
}

// Text is the last word on a run of several scenarios.
func (o *Outcome) Text() string {
	var failed []string
	real := 0.0
	for _, result := range o.Scenarios {
		real += result.TookReal
		if result.Verdict != Pass {
			failed = append(failed, result.Name)
		}
	}
	if len(failed) > 0 {
		return fmt.Sprintf("FAIL: %d of %d scenarios failed: %s\n", len(failed), len(o.Scenarios), strings.Join(failed, ", "))
	}
	return fmt.Sprintf("PASS: all %d scenarios, in %s\n", len(o.Scenarios), span(real))
}

// Judge sets the verdict from those of the scenarios.
func (o *Outcome) Judge() {
	o.Verdict = Pass
	for _, result := range o.Scenarios {
		if result.Verdict != Pass {
			o.Verdict = Fail
		}
	}
	if len(o.Scenarios) == 0 {
		o.Verdict = Fail
	}
}

// tally writes counts, the largest first.
func tally(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}

func span(s float64) string { return brief(time.Duration(s * float64(time.Second))) }
