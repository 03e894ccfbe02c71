package lab

import (
	"fmt"
	"strings"
	"time"
)

// run carries out steps in their order.
func (e *engine) run(steps []Step) error {
	for i := range steps {
		if err := e.step(&steps[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) step(step *Step) error {
	switch {
	case step.Do != nil:
		e.flushMoves(true)
		if err := e.do(step.Do); err != nil {
			return fmt.Errorf("line %d, %s: %w", step.Line, step.Do.Text, err)
		}
		return nil
	case step.Wait > 0:
		_, err := e.pump(step.Wait, "waiting", nil)
		return err
	case step.Until != nil:
		return e.until(step)
	case step.Expect != nil:
		return e.expect(step)
	case step.Never != nil:
		return e.never(step)
	default:
		for range step.Repeat {
			if err := e.run(step.Steps); err != nil {
				return err
			}
		}
		return nil
	}
}

// since bounds how old an event may be that a condition is about: the last fault.
func (e *engine) since() time.Duration { return max(0, e.picture.Fault) }

// until waits for a condition.
func (e *engine) until(step *Step) error {
	began, since, is := e.now(), e.since(), ""
	held, err := e.pump(step.Within, "until "+step.Until.Text, func() (holds bool) {
		holds, is = step.Until.Holds(e.picture, since)
		return holds
	})
	if err != nil {
		return err
	}
	return e.judge(Expectation{
		Text: step.Until.Text, Line: step.Line, Limit: seconds(step.Within), Took: seconds(e.now() - began),
		Is: is, Proves: step.Proves,
	}, held)
}

// expect looks once. What systems say is asked for anew first, so that it is
// not about the time before the last step.
func (e *engine) expect(step *Step) error {
	asked, since := e.now(), e.since()
	_, err := e.pump(30*time.Second, "asking the systems", func() bool { return e.heardSince(asked) })
	if err != nil {
		return err
	}
	holds, is := step.Expect.Holds(e.picture, since)
	return e.judge(Expectation{Text: step.Expect.Text, Line: step.Line, Is: is, Proves: step.Proves}, holds)
}

// heardSince says whether every system that can answer did so since then.
func (e *engine) heardSince(then time.Duration) bool {
	for _, system := range e.picture.Systems {
		if system.Running && !system.Hung && (system.Status == nil || system.Heard <= then) {
			return false
		}
	}
	return true
}

// never watches a condition for a while, or during steps.
func (e *engine) never(step *Step) error {
	watch := &watch{condition: step.Never, since: e.now()}
	e.watches = append(e.watches, watch)
	var err error
	if step.For > 0 {
		_, err = e.pump(step.For, "never "+step.Never.Text, nil)
	} else {
		err = e.run(step.Steps)
	}
	for i := range e.watches {
		if e.watches[i] == watch {
			e.watches = append(e.watches[:i], e.watches[i+1:]...)
			break
		}
	}
	expectation := Expectation{
		Text: "never " + step.Never.Text, Line: step.Line, Limit: seconds(step.For), Took: seconds(e.now() - watch.since),
		Is: "it never was so", Proves: step.Proves,
	}
	if watch.tripped {
		expectation.Is = fmt.Sprintf("after %s %s", brief(watch.at-watch.since), watch.is)
		return e.judge(expectation, false)
	}
	if err != nil {
		return err
	}
	return e.judge(expectation, true)
}

// judge notes an expectation's outcome; one that failed ends the scenario.
func (e *engine) judge(expectation Expectation, held bool) error {
	e.flushMoves(true)
	expectation.Verdict = Pass
	subject, text := "held", expectation.Text
	if !held {
		expectation.Verdict = Fail
		subject, text = "FAILED", fmt.Sprintf("%s, but %s", expectation.Text, expectation.Is)
		if expectation.Limit > 0 {
			word := "within"
			if strings.HasPrefix(expectation.Text, "never ") {
				word = "for"
			}
			limit := brief(time.Duration(expectation.Limit * float64(time.Second)))
			text = fmt.Sprintf("%s %s %s, but %s", expectation.Text, word, limit, expectation.Is)
		}
	}
	if len(expectation.Proves) > 0 {
		text += fmt.Sprintf("  %v", expectation.Proves)
	}
	e.result.Expectations = append(e.result.Expectations, expectation)
	e.say(subject, "%s", text)
	if !held {
		return errFailed
	}
	return nil
}
