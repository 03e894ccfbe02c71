package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// precedence is the niceness of a lab and its children.
const precedence = -10

// Favour gives this process, and those that it starts from now on, precedence
// over others on the machine, where it may (as root). At speed 60 a quarter of a
// second without a processor looks like a dead home; a busy neighbour shall not
// decide a verdict.
func Favour() error {
	tasks, err := os.ReadDir("/proc/self/task") // niceness belongs to threads
	if err != nil {
		return err
	}
	var problems []error
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		err = syscall.Setpriority(syscall.PRIO_PROCESS, id, precedence)
		if err != nil && !errors.Is(err, syscall.ESRCH) { // a thread that has ended
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// stalls notices when this process was kept from running: then its children
// probably were too, and what was measured says nothing about the rules.
type stalls struct{ longest atomic.Int64 }

// stallBeat is how often it looks.
const stallBeat = 10 * time.Millisecond

// watch looks until ctx ends.
func (s *stalls) watch(ctx context.Context) {
	ticker := time.NewTicker(stallBeat)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			now := time.Now()
			if gap := now.Sub(last) - stallBeat; int64(gap) > s.longest.Load() {
				s.longest.Store(int64(gap))
			}
			last = now
		}
	}
}

func (s *stalls) max() time.Duration { return time.Duration(s.longest.Load()) }

// bearable is the longest stall at which a verdict still counts: of the 15 s in
// which a heartbeat must be heard, a third may be lost.
func bearable(speed int) time.Duration { return 5 * time.Second / time.Duration(speed) }

// maxAttempts bounds how often a scenario is run when the machine stalls.
const maxAttempts = 3

// RunJudged runs a scenario, and where it failed while the machine stalled, runs
// it again at half the speed. A failure without a stall counts at once; the last
// attempt counts whatever happened.
func RunJudged(ctx context.Context, scenario *Scenario, options Options) Result {
	var spoilt, kept []string
	for {
		result := Run(ctx, scenario, options)
		result.Spoilt = spoilt
		if result.Verdict == Pass && !options.Keep {
			for _, folder := range kept {
				_ = os.RemoveAll(folder) // of no use to anybody now
			}
		}
		stalled := time.Duration(result.Stalled * float64(time.Second))
		if result.Verdict == Pass || len(spoilt)+1 == maxAttempts || ctx.Err() != nil || stalled <= bearable(result.Speed) {
			return result
		}
		why := fmt.Sprintf("at speed %d, where %s are bearable, this machine stood still for %s; then %s",
			result.Speed, brief(bearable(result.Speed)), brief(stalled), result.Why)
		spoilt, kept = append(spoilt, why), append(kept, result.Kept)
		if options.Out != nil {
			fmt.Fprintf(options.Out, "-- not judged: %s failed, but %s\n   Again at half the speed.\n\n", result.Name, why)
		}
		options.Speed = max(1, result.Speed/2)
	}
}
