package resilience

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// walk visits every state that can be reached.
type walk struct {
	actions []action
	seen    map[string]int32
	parents []step
	good    map[string]bool // from there every phone gets home
	buf     bytes.Buffer
}

type step struct {
	from   int32
	action int16
}

// run visits states breadth first, up to limit, and returns the first rule that is broken
// with the shortest way there, "" if none is; complete says whether every state was visited.
func (k *walk) run(w *world, limit int) (broken string, complete bool) {
	k.seen, k.good = map[string]int32{}, map[string]bool{}
	frontier := []*world{w}
	k.visit(w, step{from: -1})
	for at := int32(0); len(frontier) > 0; at++ {
		here := frontier[0]
		frontier[0] = nil
		frontier = frontier[1:]
		if bad := k.getsHome(here); bad != "" {
			return bad + k.way(at), false
		}
		for i := range k.actions {
			if !k.actions[i].can(here) {
				continue
			}
			next := here.clone()
			k.actions[i].do(next)
			next.check()
			if next.bad != "" {
				return next.bad + k.way(at) + "\n  " + k.actions[i].name, false
			}
			if k.visit(next, step{at, int16(i)}) {
				frontier = append(frontier, next)
			}
		}
		if len(k.seen) >= limit {
			return "", false
		}
	}
	return "", true
}

// visit notes a state; true if it is new.
func (k *walk) visit(w *world, s step) bool {
	key := w.key(&k.buf)
	if _, known := k.seen[key]; known {
		return false
	}
	k.seen[key] = int32(len(k.parents))
	k.parents = append(k.parents, s)
	return true
}

// way is how a state was reached.
func (k *walk) way(at int32) string {
	var names []string
	for ; k.parents[at].from >= 0; at = k.parents[at].from {
		names = append(names, k.actions[k.parents[at].action].name)
	}
	slices.Reverse(names)
	return "\n  " + strings.Join(names, "\n  ")
}

const longEnough = 40 // ticks

// getsHome: if from here on london stays up and ready, the line too, and the phones answer,
// then every phone gets home, and nothing of it is left here.
func (k *walk) getsHome(from *world) string {
	w := from.clone()
	w.settleFaults()
	var keys []string
	for tick := range longEnough {
		key := w.key(&k.buf)
		if k.good[key] {
			break
		}
		keys = append(keys, key)
		w.answeringPhones()
		w.passes()
		w.check()
		if w.bad != "" {
			return w.bad + fmt.Sprintf(" (%d ticks after all faults ended)", tick)
		}
		if w.isHome() {
			break
		}
		if tick == longEnough-1 {
			return "FB1: the home is up for long enough, the phones answer, but not all are home: " + w.String()
		}
	}
	for _, key := range keys {
		k.good[key] = true
	}
	return ""
}

// settleFaults ends every fault, and every call.
func (w *world) settleFaults() {
	if w.paris.homes[0].taken {
		w.step(Release{Home: "london"})
	}
	ends := []string{"london starts", "london recovers", "london accepts again", "the line is back", "the mirror is complete"}
	actions := systemActions()
	for i := range w.phones {
		actions = append(actions, phoneActions(i)...)
	}
	for _, a := range actions {
		if (slices.Contains(ends, a.name) || strings.HasSuffix(a.name, "ends its call")) && a.can(w) {
			a.do(w)
		}
	}
}

// answeringPhones: each stays where it is until it is told to go, and goes home then.
func (w *world) answeringPhones() {
	for i := range w.phones {
		p := &w.phones[i]
		switch {
		case p.homeUntil > w.tick:
			w.asksHome(p)
		case p.graceUntil > w.tick && !p.accepted:
			w.asksHome(p)
		case !w.asksHere(p):
			w.asksHome(p)
		}
	}
}

func (w *world) isHome() bool {
	for i := range w.phones {
		if w.phones[i].homeUntil <= w.tick || w.phones[i].hereUntil > w.tick {
			return false
		}
	}
	return len(w.paris.guests) == 0 && len(w.alarms) == 0 && w.paris.homes[0].phase == Synced
}

func (w *world) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "london is %s", w.paris.homes[0].phase)
	for _, g := range w.paris.Guests(w.now()) {
		fmt.Fprintf(&b, "; %s is %s, registered here=%t", g.Phone, g.State, g.Registered)
	}
	for _, key := range w.alarms {
		fmt.Fprintf(&b, "; alarm %s %s", key.kind, key.subject)
	}
	return b.String()
}

func newWalk(phones int, without ...string) *walk {
	k := &walk{actions: systemActions()}
	for i := range phones {
		k.actions = append(k.actions, phoneActions(i)...)
	}
	k.actions = slices.DeleteFunc(k.actions, func(a action) bool { return slices.Contains(without, a.name) })
	return k
}

const everyState = 50_000_000 // more than any of the walks has

func mustHold(t *testing.T, k *walk, w *world, atLeast int) {
	t.Helper()
	start := time.Now()
	broken, complete := k.run(w, everyState)
	if broken != "" {
		t.Fatal(broken)
	}
	if !complete {
		t.Fatalf("not all states were visited, %d were", len(k.seen))
	}
	if len(k.seen) < atLeast {
		t.Fatalf("only %d states were reached, it should be at least %d: is the world still as free?", len(k.seen), atLeast)
	}
	t.Logf("all %d states visited in %s; from each one every phone gets home", len(k.seen), time.Since(start).Round(time.Millisecond))
}

// The walks prove in every state that can be reached: FO2 and FO3 never admitted before the
// delay, always after it; GU3 never without a complete mirror; GU2 never as one that consumes
// a licence; FB2 never told to go home while busy; FB5 never refused in the grace unless it
// was accepted here since it was told, never two owners once both sides have talked, the
// grace ends; FB1 and FB4 liveness: if the home stays up and the phones answer, they get home
// and leave nothing behind; every alarm is raised and cleared exactly once.

func TestWalk_OnePhone_AnyNumberOfFaults(t *testing.T) {
	mustHold(t, newWalk(1), newWorld(1, bugs{}), 35_000)
}

func TestWalk_OnePhone_WithAnOperator(t *testing.T) {
	k := newWalk(1, "london hangs", "london recovers")
	k.actions = append(k.actions, operatorActions()...)
	w := newWorld(1, bugs{})
	w.faults = 3
	atLeast := 80_000
	if raceEnabled {
		w.faults, atLeast = 1, 5_000
	}
	mustHold(t, k, w, atLeast)
}

func TestWalk_TwoPhones_OneFault(t *testing.T) {
	w := newWorld(2, bugs{})
	w.faults = 1
	mustHold(t, newWalk(2), w, 20_000)
}

// Two phones and any number of crashes and refusals of the home; under -race one.
func TestWalk_TwoPhones_CrashesAndRefusals(t *testing.T) {
	k := newWalk(2, "london hangs", "the line is cut", "paris restarts", "201 un-registers at paris",
		"202 un-registers at paris", "201 loses its flow", "202 begins a call")
	w := newWorld(2, bugs{})
	atLeast := 60_000
	if raceEnabled {
		w.faults, atLeast = 1, 3_000
	}
	mustHold(t, k, w, atLeast)
}

// TestSoak_WalkTwoPhonesAnyNumberOfFaults is the whole of it: every state that one home,
// one backup and two phones can reach. `make soak` runs it, for it takes long.
func TestSoak_WalkTwoPhonesAnyNumberOfFaults(t *testing.T) {
	if os.Getenv("ROOST_SOAK") == "" {
		t.Skip("make soak visits every state of two phones and any number of faults; TestWalk_TwoPhones_* visit those with few")
	}
	mustHold(t, newWalk(2), newWorld(2, bugs{}), 500_000)
}

// The far walk takes a minute of one core: 400,000 states.
func TestWalk_TwoPhones_TwoFaults(t *testing.T) {
	if os.Getenv("ROOST_FAR_WALK") == "" {
		t.Skip("set ROOST_FAR_WALK=1 for two phones and two faults of any kind (a minute); TestWalk_TwoPhones_OneFault runs always")
	}
	w := newWorld(2, bugs{})
	w.faults = 2
	mustHold(t, newWalk(2), w, 400_000)
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
			k := newWalk(1)
			broken, _ := k.run(newWorld(1, c.bug), everyState)
			if broken == "" {
				t.Fatalf("not found in %d states", len(k.seen))
			}
			rule, way, _ := strings.Cut(broken, "\n")
			if !slices.ContainsFunc(c.rules, func(r string) bool { return strings.HasPrefix(rule, r) }) {
				t.Fatalf("found by another rule: %s", broken)
			}
			t.Logf("found after %d states, %d actions: %s", len(k.seen), strings.Count(way, "\n")+1, rule)
		})
	}
}

// TestFingerprintIsExact: where the walk takes two worlds for the same state, everything
// that can happen next leads both to the same states again. So nothing is missed by it.
func TestFingerprintIsExact(t *testing.T) {
	k := newWalk(1)
	if !raceEnabled { // for its time
		k.actions = append(k.actions, operatorActions()...)
	}
	first := map[string][]string{}
	start := newWorld(1, bugs{})
	start.faults = 1
	frontier := []*world{start}
	compared := 0
	for len(frontier) > 0 {
		here := frontier[0]
		frontier = frontier[1:]
		key := here.key(&k.buf)
		next, keys := k.successors(here)
		known, seen := first[key]
		if !seen {
			first[key] = keys
			frontier = append(frontier, next...)
			continue
		}
		compared++
		if !slices.Equal(known, keys) {
			for i := range keys {
				if known[i] != keys[i] {
					t.Fatalf("%d states compared: after %q two worlds with one fingerprint differ:\n%q\n%q\nat\n%q", compared, k.actions[i].name, known[i], keys[i], key)
				}
			}
		}
	}
	t.Logf("%d states, %d comparisons", len(first), compared)
}

// successors are the worlds after each action, and their keys, "" where it cannot happen.
func (k *walk) successors(w *world) (worlds []*world, keys []string) {
	for _, a := range k.actions {
		if !a.can(w) {
			keys = append(keys, "")
			continue
		}
		next := w.clone()
		a.do(next)
		worlds = append(worlds, next)
		keys = append(keys, next.key(&k.buf))
	}
	return worlds, keys
}
