package resilience

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const everyState = 50_000_000 // more than any of the walks has

// isFar: the walks that take a minute are wanted too.
func isFar() bool { return os.Getenv("ROOST_FAR_WALK") != "" }

func mustHold(t *testing.T, k *walk, w *world, atLeast int) {
	t.Helper()
	start := time.Now()
	broken, complete := k.run(w, everyState)
	if broken != "" {
		t.Fatal(broken)
	}
	if !complete {
		t.Fatalf("not all states were visited, %d were", k.states.count())
	}
	if k.states.count() < atLeast {
		t.Fatalf("only %d states were reached, it should be at least %d: is the world still as free?", k.states.count(), atLeast)
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	t.Logf("all %d states and %d transitions visited in %s, with %d MB; from each state every phone gets home",
		k.states.count(), k.transitions(), time.Since(start).Round(time.Millisecond), mem.Sys>>20)
}

// The walks prove in every state that can be reached: FO2 and FO3 never admitted before the
// delay, always after it; GU3 never without a complete mirror; GU2 never as one that consumes
// a licence; FB2 never told to go home while busy; FB5 never refused in the grace unless it
// is registered here and was accepted here since it was told, never two owners once both
// sides have talked, the grace ends; FB1 and FB4 liveness: if the home stays up and the phones
// answer, they get home and leave nothing behind; every alarm is raised and cleared exactly
// once.

// TestWalk_TwoPhones_AnyNumberOfFaults is the whole of it: every state that one home, one
// backup and two phones can reach.
func TestWalk_TwoPhones_AnyNumberOfFaults(t *testing.T) {
	if !isFar() {
		t.Skip("set ROOST_FAR_WALK=1 for two phones and any number of faults (a minute); TestWalk_TwoPhones_OneFault runs always")
	}
	mustHold(t, newWalk(2), newWorld(2, shortTimes, bugs{}), 2_700_000)
}

// TestSoak_WalkTwoPhonesInOrderedTimes is the same with timers nearer to the order of the real
// ones. `make soak` runs it: some four minutes of a processor, 1 GB.
func TestSoak_WalkTwoPhonesInOrderedTimes(t *testing.T) {
	if os.Getenv("ROOST_SOAK") == "" {
		t.Skip("make soak walks two phones through timers in nearly the real order (minutes); TestWalk_OnePhone_InOrderedTimes runs always")
	}
	mustHold(t, newWalk(2), newWorld(2, longerTimes, bugs{}), 6_700_000)
}

// With one phone, each way to tell it to go home, and all of them.
func TestWalk_OnePhone_AnyNumberOfFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		phone   PhoneRegistered
		atLeast int
	}{
		{"refused", PhoneRegistered{}, 7_000},
		{"flow closed", PhoneRegistered{Stream: true}, 9_500},
		{"NOTIFY", PhoneRegistered{Subscribed: true}, 7_500},
		{"all", PhoneRegistered{Stream: true, Subscribed: true, FollowsRedirect: true}, 10_500},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(1, shortTimes, bugs{})
			c.phone.Phone, c.phone.Home = w.phones[0].phone, "london"
			w.phones[0].desc = c.phone
			mustHold(t, newWalk(1), w, c.atLeast)
		})
	}
}

func TestWalk_OnePhone_InOrderedTimes(t *testing.T) {
	w, atLeast := newWorld(1, orderedTimes, bugs{}), 50_000
	if raceEnabled {
		w.faults, atLeast = 2, 2_500
	}
	mustHold(t, newWalk(1), w, atLeast)
}

func TestWalk_OnePhone_WithAnOperator(t *testing.T) {
	k := newWalk(1)
	k.actions = append(k.actions, operatorActions()...)
	w, atLeast := newWorld(1, shortTimes, bugs{}), 45_000
	w.operator = true
	if raceEnabled {
		w.faults, atLeast = 1, 5_000
	}
	mustHold(t, k, w, atLeast)
}

func TestWalk_TwoPhones_OneFault(t *testing.T) {
	w := newWorld(2, shortTimes, bugs{})
	w.faults = 1
	mustHold(t, newWalk(2), w, 13_000)
}

// Two phones and any number of crashes and refusals of the home.
func TestWalk_TwoPhones_CrashesAndRefusals(t *testing.T) {
	k := newWalk(2, "london hangs", "the line is cut", "paris restarts", "201 un-registers at paris",
		"202 un-registers at paris", "201 loses its flow", "202 begins a call")
	w, atLeast := newWorld(2, shortTimes, bugs{}), 28_000
	if raceEnabled {
		w.faults, atLeast = 1, 1_500
	}
	mustHold(t, k, w, atLeast)
}

// TestWalk_SaysThatItDidNotEnd: a walk that was not allowed to visit all is no proof.
func TestWalk_SaysThatItDidNotEnd(t *testing.T) {
	k := newWalk(1)
	if broken, complete := k.run(newWorld(1, shortTimes, bugs{}), 1000); broken != "" || complete {
		t.Fatalf("complete=%t after %d states, %s", complete, k.states.count(), broken)
	}
}

// TestWalk_FindsPlantedBugs is the mutation check: each planted bug must be found, by the
// rule that it breaks.
func TestWalk_FindsPlantedBugs(t *testing.T) {
	for _, c := range []struct {
		name  string
		bug   bugs
		rules []string // one of them is named
	}{
		{"early take over", bugs{earlyTakeover: true}, []string{"FO2"}},
		{"short losses add up", bugs{sumsLosses: true}, []string{"FO2"}},
		{"a hung home counts as visible", bugs{hungIsVisible: true}, []string{"FO2"}},
		{"admits without a mirror", bugs{noMirrorNeeded: true}, []string{"GU3"}},
		{"guests consume licences", bugs{licensesGuests: true}, []string{"GU2"}},
		{"moves busy guests", bugs{movesBusy: true}, []string{"FB2"}},
		{"refuses in the grace", bugs{refusesInGrace: true}, []string{"FB5"}},
		{"guest on both: the backup keeps it", bugs{keepsGuest: true}, []string{"FB5: 201 has two owners"}},
		{"guest on both: the home keeps it", bugs{homeKeeps: true}, []string{"FB5: 201 has two owners"}},
		{"the grace has no end", bugs{noGraceEnd: true}, []string{"FB5"}},
		{"no next try", bugs{noNextTry: true}, []string{"FB1"}},
		{"forgets a phone whose flow it closed", bugs{forgetsOnFlowClose: true}, []string{"FB5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, w := newWalk(1), newWorld(1, shortTimes, c.bug)
			if isFar() {
				k, w = newWalk(2), newWorld(2, shortTimes, c.bug)
				w.faults = 2
			}
			broken, _ := k.run(w, everyState)
			if broken == "" {
				t.Fatalf("not found in %d states", k.states.count())
			}
			rule, way, _ := strings.Cut(broken, "\n")
			if !slices.ContainsFunc(c.rules, func(r string) bool { return strings.HasPrefix(rule, r) }) {
				t.Fatalf("found by another rule: %s", broken)
			}
			t.Logf("found after %d states, %d actions: %s", k.states.count(), strings.Count(way, "\n")+1, rule)
		})
	}
}

// TestWalk_StatesAreExact: a world of any age and history, and the one that its state is unpacked
// to, can do the same, break the same rules and come to the same state by each action. The
// ways begin at the start of the world, and at states that a walk has visited.
func TestWalk_StatesAreExact(t *testing.T) {
	for _, c := range []struct {
		name         string
		phones, ways int
		times        worldTimes
		operator     bool
	}{
		{"one phone", 1, 80, shortTimes, false},
		{"one phone, ordered times", 1, 160, orderedTimes, false},
		{"one phone and an operator", 1, 80, shortTimes, true},
		{"two phones", 2, 160, shortTimes, false},
		{"two phones, longer times", 2, 160, longerTimes, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, w := newWalk(c.phones), newWorld(c.phones, c.times, bugs{})
			if w.operator = c.operator; c.operator {
				k.actions = append(k.actions, operatorActions()...)
			}
			w.faults = 1
			old := w.clone()
			if broken, _ := k.run(w, everyState); broken != "" {
				t.Fatal(broken)
			}
			ways := c.ways
			switch {
			case raceEnabled:
				ways /= 8
			case isFar():
				ways *= 10
			}
			rng := rand.New(rand.NewPCG(uint64(c.phones), 7))
			compared := 0
			for range ways {
				old.faults = -1
				compared += k.compareAlong(t, old, rng, 50)
				old.unpack(k.states.at(rng.IntN(k.states.count())))
			}
			t.Logf("%d successors compared", compared)
		})
	}
}

// compareAlong follows one way, and compares what each action does there to the world that
// has come that way and to the one of its state.
func (k *walk) compareAlong(t *testing.T, from *world, rng *rand.Rand, length int) (compared int) {
	t.Helper()
	var state, left, right [sizeMax]byte
	old, fresh := from.clone(), from.clone()
	for range length {
		here := old.clone().pack(state[:])
		var nexts []*world
		for _, a := range k.actions {
			fresh.unpack(here)
			if a.can(old) != a.can(fresh) {
				t.Fatalf("%q can happen to one of two worlds of state %x", a.name, here)
			}
			if !a.can(old) {
				continue
			}
			next := old.clone()
			for _, w := range []*world{next, fresh} {
				a.do(w)
				w.check()
			}
			a1, a2 := next.clone().pack(left[:]), fresh.pack(right[:])
			if !bytes.Equal(a1, a2) || next.bad != fresh.bad {
				t.Fatalf("two worlds of state %x differ after %q:\n%x %s\n%x %s", here, a.name, a1, next.bad, a2, fresh.bad)
			}
			nexts = append(nexts, next)
			compared++
		}
		old = nexts[rng.IntN(len(nexts))]
	}
	return compared
}
