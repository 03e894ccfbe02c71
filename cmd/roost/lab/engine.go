package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/cmd/roost/console"
	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

// engine runs one scenario. One goroutine owns everything in it; children and
// pollers only put things into its inbox.
type engine struct {
	ctx      context.Context
	cancel   context.CancelFunc
	binary   string
	scenario *Scenario
	bench    *bench
	speed    int
	began    time.Time

	picture  *Picture
	timeline *timeline
	measure  *measure
	result   *Result
	inbox    chan input
	systems  map[Role]*child
	fleets   []*child          // the phones' processes
	fleetOf  map[string]*child // by number
	watches  []*watch
	told     news
}

// child is a process and, for a system, its console.
type child struct {
	*process
	generation int
	console    *console.Client
	stopPolls  context.CancelFunc
	expected   bool // its end is the lab's doing
}

// input is what comes from outside: exactly one field is set.
type input struct {
	report *phone.Report
	status *statusInput
	exit   *child
	broken error // the fleet's output
}

type statusInput struct {
	role       Role
	generation int
	status     *api.Status
}

// watch is a condition that must not become true.
type watch struct {
	condition *Condition
	since     time.Duration
	tripped   bool
	at        time.Duration
	is        string
}

// errFailed ends a scenario whose expectation did not hold; the result says which.
var errFailed = errors.New("an expectation did not hold")

// now is the rule time since the scenario began.
func (e *engine) now() time.Duration { return time.Since(e.began) * time.Duration(e.speed) }

// ruleTime turns a system's wall-clock instant into rule time.
func (e *engine) ruleTime(at time.Time) time.Duration {
	return at.Sub(e.began) * time.Duration(e.speed)
}

// real turns rule time into wall-clock time.
func (e *engine) real(rule time.Duration) time.Duration { return rule / time.Duration(e.speed) }

func (e *engine) say(subject, format string, args ...any) {
	e.timeline.add(e.now(), subject, fmt.Sprintf(format, args...))
}

// pump lets time pass until done, or for so much rule time: it takes inputs,
// keeps the picture, and looks at every watch. It says whether done was true.
func (e *engine) pump(limit time.Duration, waiting string, done func() bool) (bool, error) {
	began, end := e.now(), e.now()+limit
	timer := time.NewTimer(e.real(limit))
	defer timer.Stop()
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	for {
		e.picture.Now = e.now()
		if err := e.look(); err != nil {
			return false, err
		}
		if done != nil && done() {
			return true, nil
		}
		select {
		case <-e.ctx.Done():
			return false, errors.New("interrupted")
		case item := <-e.inbox:
			if err := e.take(item); err != nil {
				return false, err
			}
		case <-timer.C:
			e.picture.Now = e.now()
			return done != nil && done(), e.look()
		case <-beat.C:
			e.flushMoves(false)
			now := e.now()
			e.timeline.progress(now, float64(now-began)/float64(limit), fmt.Sprintf("%s left  %s  %s", brief(max(0, end-now)), e.summary(), waiting))
		}
	}
}

// take keeps the picture with one input, and measures.
func (e *engine) take(item input) error {
	now := e.now()
	e.picture.Now = now
	switch {
	case item.report != nil && item.report.Event == phone.Cannot:
		return cannot(*item.report)
	case item.report != nil:
		e.picture.Report(*item.report, now)
		e.measure.report(e.picture, *item.report, now)
		e.tellPhone(*item.report)
	case item.status != nil:
		child := e.systems[item.status.role]
		if child == nil || child.generation != item.status.generation || e.picture.Systems[item.status.role].Hung {
			return nil
		}
		e.picture.Status(item.status.role, item.status.status, now, e.ruleTime)
		e.tellSystem(item.status.role)
		if item.status.role == Backup {
			e.measure.detect(e.picture, e.ruleTime)
		}
	case item.exit != nil && !item.exit.expected:
		return fmt.Errorf("%s ended by itself: %w; the end of its log:\n%s", item.exit.name, exitError(item.exit.err), item.exit.lastWords(8))
	case item.broken != nil:
		return item.broken
	}
	return nil
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// look evaluates every watch; the first one that is true ends the scenario.
func (e *engine) look() error {
	for _, watch := range e.watches {
		if holds, is := watch.condition.Holds(e.picture, watch.since); holds {
			watch.tripped, watch.at, watch.is = true, e.picture.Now, is
			return errFailed
		}
	}
	return nil
}

// put is for the engine's helpers; false if it has ended.
func (e *engine) put(item input) bool {
	select {
	case e.inbox <- item:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// summary is where everybody is, in a few words.
func (e *engine) summary() string {
	text := fmt.Sprintf("home %d  backup %d  nowhere %d", e.picture.count(Home), e.picture.count(Backup), e.picture.count(""))
	backup := e.picture.Systems[Backup]
	if home := backup.home(e.picture.nameOf(Home)); home != nil {
		text += "  " + home.State
		if home.TimeLeft >= 0 && home.Next != "" {
			since := e.picture.Now - backup.Heard
			left := time.Duration(home.TimeLeft*float64(time.Second))*time.Duration(e.speed) - since
			text += fmt.Sprintf(", %s in %s", home.Next, brief(max(0, left)))
		}
	}
	return text
}
