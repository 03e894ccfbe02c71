package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"roost/cmd/roost/lab/phone"
)

// Options are how a scenario is run.
type Options struct {
	// Binary is the roost program that is started as systems and phones.
	Binary string
	// Speed divides the rule timers, at least 1; a scenario may bound it.
	Speed int
	// Out is where the timeline is shown as it happens, nil for nowhere;
	// Terminal allows colours and a progress line.
	Out      io.Writer
	Terminal bool
	// Keep keeps the folder with configurations and logs whatever the verdict.
	Keep bool
}

// Run runs one scenario to its verdict. Every process that it started has ended
// when it returns. ctx ends it early, as a failure.
func Run(ctx context.Context, scenario *Scenario, options Options) Result {
	speed := max(1, options.Speed)
	if scenario.MaxSpeed > 0 {
		speed = min(speed, scenario.MaxSpeed)
	}
	result := Result{
		Name: scenario.Name, Says: scenario.Says, Speed: speed, Phones: scenario.PhoneCount(), Verdict: Fail,
		Expectations: []Expectation{}, Proved: []string{}, Refusals: map[Role]map[string]int{}, WentHome: map[string]int{},
	}
	bench, err := newBench(scenario, speed)
	if err != nil {
		result.Why = err.Error()
		return result
	}
	defer bench.close()
	began := time.Now()
	e := newEngine(ctx, scenario, bench, options, &result)
	if options.Out != nil {
		fmt.Fprint(options.Out, heading(scenario, &result, bench.folder))
	}
	var stalled stalls
	go stalled.watch(e.ctx)
	err = e.run(scenario.Steps)
	e.flushMoves(true)
	if up, _ := e.picture.callsNow(); up > 0 && err == nil {
		err = e.lastVoices()
	}
	e.timeline.wipe()
	took := e.now()
	err = errors.Join(err, e.endAll())
	e.cancel()
	e.conclude(err)
	result.Stalled = seconds(stalled.max())
	result.Took, result.TookReal = seconds(took), seconds(time.Since(began))
	if result.Verdict == Pass && !options.Keep {
		if err := os.RemoveAll(bench.folder); err != nil {
			result.Kept = bench.folder
		}
	} else {
		result.Kept = bench.folder
	}
	return result
}

func newEngine(ctx context.Context, scenario *Scenario, bench *bench, options Options, result *Result) *engine {
	e := &engine{
		binary: options.Binary, scenario: scenario, bench: bench, speed: result.Speed, began: time.Now(),
		picture:  newPicture(scenario, systemNames()),
		timeline: &timeline{out: options.Out, terminal: options.Terminal, speed: result.Speed},
		measure:  newMeasure(), result: result, inbox: make(chan input, 1024),
		systems: map[Role]*child{}, told: newNews(),
	}
	e.picture.addresses = map[Role]netip.Addr{}
	for role, at := range bench.at {
		e.picture.addresses[role] = at.ip
	}
	e.ctx, e.cancel = context.WithCancel(ctx)
	return e
}

// conclude gives the verdict.
func (e *engine) conclude(err error) {
	e.measure.into(e.result)
	e.result.Calls = e.picture.callResults()
	e.result.Timeline = e.timeline.entries
	if err != nil {
		if e.result.Why = err.Error(); errors.Is(err, errFailed) {
			e.result.Why = e.firstFailure()
		}
		return
	}
	e.result.Verdict = Pass
	for _, expectation := range e.result.Expectations {
		e.result.Proved = append(e.result.Proved, expectation.Proves...)
	}
	slices.SortFunc(e.result.Proved, compareRules)
	e.result.Proved = slices.Compact(e.result.Proved)
}

func (e *engine) firstFailure() string {
	for _, expectation := range e.result.Expectations {
		if expectation.Verdict == Fail {
			return fmt.Sprintf("line %d: %s, but %s", expectation.Line, expectation.Text, expectation.Is)
		}
	}
	return errFailed.Error()
}

// compareRules orders FO2 before FO10.
func compareRules(a, b string) int {
	if a[:2] != b[:2] {
		return slices.Compare([]byte(a[:2]), []byte(b[:2]))
	}
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return slices.Compare([]byte(a), []byte(b))
}

// Families lists the phones' profiles, for help texts.
func Families() []string { return phone.Profiles() }
