package lab

import (
	"math"
	"slices"
	"time"
)

// Verdict is pass or fail.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
)

// Outcome is the whole of one run of the lab; it is what --json writes.
type Outcome struct {
	Verdict   Verdict  `json:"verdict"`
	Scenarios []Result `json:"scenarios"`
}

// Result is one scenario's. Times are seconds of rule time unless named real.
type Result struct {
	Name    string  `json:"name"`
	Says    string  `json:"says"`
	Verdict Verdict `json:"verdict"`
	// Why says what went wrong.
	Why          string        `json:"why,omitempty"`
	Speed        int           `json:"speed"`
	Phones       int           `json:"phones"`
	Took         float64       `json:"took_s"`
	TookReal     float64       `json:"took_real_s"`
	Timeline     []Entry       `json:"timeline"`
	Expectations []Expectation `json:"expectations"`
	Times        Times         `json:"times"`
	// Refusals counts by system and then by answer, "503 Service Unavailable"
	// or "no answer".
	Refusals map[Role]map[string]int `json:"refusals"`
	// WentHome counts phones that came back to their home, by what made them.
	WentHome map[string]int `json:"went_home_by"`
	// Calls is what became of each call's voice, at each of its phones.
	Calls []CallResult `json:"calls,omitempty"`
	// Proved are the rules of all expectations that held, if all did.
	Proved []string `json:"rules_proved"`
	// Stalled is the longest time in wall-clock seconds that the lab was kept
	// from running.
	Stalled float64 `json:"stalled_real_s"`
	// Spoilt says of each earlier attempt why it failed and why it was not
	// judged (see RunJudged).
	Spoilt []string `json:"spoilt,omitempty"`
	// Kept is the folder with configurations and logs, kept after a failure.
	Kept string `json:"kept,omitempty"`
}

// Entry is one line of a timeline.
type Entry struct {
	At      float64 `json:"at_s"`
	Real    float64 `json:"real_s"`
	Subject string  `json:"subject"`
	Text    string  `json:"text"`
}

// Expectation is one until, never or expect, and what came of it.
type Expectation struct {
	Text    string  `json:"text"`
	Line    int     `json:"line"`
	Limit   float64 `json:"limit_s,omitempty"`
	Took    float64 `json:"took_s"`
	Verdict Verdict `json:"verdict"`
	// Is says what was the case.
	Is     string   `json:"is"`
	Proves []string `json:"proves,omitempty"`
}

// Times are what was measured.
type Times struct {
	// Detect is from each fault until the backup doubted the home.
	Detect Spread `json:"detect"`
	// Serve is from each fault until a phone was registered at the backup.
	Serve Spread `json:"serve"`
	// Return is from each mending until a phone was registered at home again.
	Return Spread `json:"return"`
}

// Spread is a distribution in seconds of rule time; all 0 if Count is 0.
type Spread struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_s"`
	P95   float64 `json:"p95_s"`
	Max   float64 `json:"max_s"`
}

// spread sums up durations. Percentiles are by nearest rank: the p-th is the
// smallest value that at least p percent do not exceed.
func spread(durations []time.Duration) Spread {
	if len(durations) == 0 {
		return Spread{}
	}
	sorted := slices.Clone(durations)
	slices.Sort(sorted)
	rank := func(percent float64) float64 {
		at := int(math.Ceil(percent/100*float64(len(sorted)))) - 1
		return seconds(sorted[max(0, at)])
	}
	return Spread{len(sorted), rank(50), rank(95), seconds(sorted[len(sorted)-1])}
}

// seconds rounds to milliseconds, which is finer than anything here is measured.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
