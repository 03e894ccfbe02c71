package resilience

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// walk visits every state that can be reached, on all processors.
type walk struct {
	actions []action
	heals   []action // of any walk, also those that leave out what they heal
	states  *stateSet
	walkers []*walker
	good    []atomic.Bool // states without a fault from which every phone got home
}

// walker is one of a walk's goroutines.
type walker struct {
	*walk
	w    *world
	here []byte
	next [sizeMax]byte
	done int // actions: the graph's transitions
}

// finding is a rule that is broken, and where.
type finding struct {
	at  int
	bad string
}

// run visits states breadth first, up to limit, and returns the first rule that is broken
// with the shortest way there, "" if none is; complete says whether every state was visited.
func (k *walk) run(w *world, limit int) (broken string, complete bool) {
	start := w.pack(make([]byte, sizeMax))
	k.states = newStateSet(len(start))
	k.states.add(start, step{from: -1})
	k.walkers = nil
	for range runtime.GOMAXPROCS(0) {
		k.walkers = append(k.walkers, &walker{walk: k, w: w.clone()})
	}
	for from, to := 0, 1; from < to; from, to = to, k.states.count() {
		if bad := k.each(from, to, (*walker).expand); bad != "" {
			return bad, false
		}
		if k.states.count() >= limit {
			return "", false
		}
	}
	k.good = make([]atomic.Bool, k.states.count())
	bad := k.each(0, k.states.count(), (*walker).getsHome)
	return bad, bad == ""
}

// each has the walkers look at the states [from, to). If there they find rules broken it
// returns the first with its way.
func (k *walk) each(from, to int, look func(k *walker, at int) (bad string)) string {
	var next atomic.Int64
	next.Store(int64(from))
	found := make([]finding, len(k.walkers))
	var walkers sync.WaitGroup
	for i, walker := range k.walkers {
		walkers.Go(func() {
			for at := int(next.Add(1)) - 1; at < to; at = int(next.Add(1)) - 1 {
				if bad := look(walker, at); bad != "" {
					found[i] = finding{at, bad}
					return
				}
			}
		})
	}
	walkers.Wait()
	found = slices.DeleteFunc(found, func(f finding) bool { return f.bad == "" })
	if len(found) == 0 {
		return ""
	}
	first := slices.MinFunc(found, func(a, b finding) int { return cmp.Compare(a.at, b.at) })
	rule, last, _ := strings.Cut(first.bad, "\n")
	return rule + k.way(first.at) + last
}

// way is how a state was reached.
func (k *walk) way(at int) string {
	var names []string
	for way := k.states.ways[at]; way.from >= 0; way = k.states.ways[way.from] {
		names = append(names, "\n  "+k.actions[way.action].name)
	}
	slices.Reverse(names)
	return strings.Join(names, "")
}

// expand does all that can happen in a state.
func (k *walker) expand(at int) (bad string) {
	k.here = k.states.copyTo(k.here, at)
	isHere := false
	for i := range k.actions {
		if !isHere {
			k.w.unpack(k.here)
		}
		if isHere = !k.actions[i].can(k.w); isHere {
			continue
		}
		k.done++
		k.actions[i].do(k.w)
		k.w.check()
		if k.w.bad != "" {
			return k.w.bad + "\n\n  " + k.actions[i].name
		}
		k.states.add(k.w.pack(k.next[:]), step{int32(at), int16(i)})
	}
	return ""
}

const longEnough = 40 // ticks

// getsHome: if from this state on london stays up and ready, the line too, and the phones
// answer, then every phone gets home, and nothing of it is left here.
func (k *walker) getsHome(at int) (bad string) {
	k.here = k.states.copyTo(k.here, at)
	k.w.unpack(k.here)
	k.settle()
	var passed []int
	for tick := 0; !k.w.isHome(); tick++ {
		calm := k.states.find(k.w.pack(k.next[:]))
		if calm < 0 {
			return "the walk has not visited what is on the way home: " + k.w.String()
		}
		if k.good[calm].Load() {
			break
		}
		if tick == longEnough {
			return "FB1: the home is up for long enough, the phones answer, but not all are home: " + k.w.String()
		}
		passed = append(passed, calm)
		k.w.answeringPhones()
		k.w.passes()
		k.w.check()
		if k.w.bad != "" {
			return k.w.bad + fmt.Sprintf(" (%d ticks after all faults ended)", tick)
		}
	}
	for _, calm := range passed {
		k.good[calm].Store(true)
	}
	return ""
}

// settle ends every fault, and every call.
func (k *walker) settle() {
	if k.w.paris.homes[0].taken {
		k.w.step(Release{Home: "london"})
	}
	for i := range k.heals {
		if k.heals[i].can(k.w) {
			k.heals[i].do(k.w)
		}
	}
}

// transitions is how many actions were done.
func (k *walk) transitions() (sum int) {
	for _, w := range k.walkers {
		sum += w.done
	}
	return sum
}

// answeringPhones: each stays where it is until it is told to go, and goes home then.
func (w *world) answeringPhones() {
	for i := range w.phones {
		p := &w.phones[i]
		switch {
		case p.homeUntil > w.tick:
			w.asksHome(p)
		case w.inGrace(p) && !w.acceptedHere(p):
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
	for _, a := range k.actions {
		if a.heals {
			k.heals = append(k.heals, a)
		}
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
// was accepted here since it was told, never two owners once both sides have talked, the
// grace ends; FB1 and FB4 liveness: if the home stays up and the phones answer, they get home
// and leave nothing behind; every alarm is raised and cleared exactly once.

func TestWalk_OnePhone_AnyNumberOfFaults(t *testing.T) {
	mustHold(t, newWalk(1), newWorld(1, bugs{}), 7_500)
}

func TestWalk_OnePhone_WithAnOperator(t *testing.T) {
	k := newWalk(1)
	k.actions = append(k.actions, operatorActions()...)
	w := newWorld(1, bugs{})
	w.operator = true
	mustHold(t, k, w, 25_000)
}

func TestWalk_TwoPhones_OneFault(t *testing.T) {
	w := newWorld(2, bugs{})
	w.faults = 1
	mustHold(t, newWalk(2), w, 12_000)
}

// Two phones and any number of crashes and refusals of the home; under -race one.
func TestWalk_TwoPhones_CrashesAndRefusals(t *testing.T) {
	k := newWalk(2, "london hangs", "the line is cut", "paris restarts", "201 un-registers at paris",
		"202 un-registers at paris", "201 loses its flow", "202 begins a call")
	w := newWorld(2, bugs{})
	atLeast := 24_000
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
	mustHold(t, newWalk(2), newWorld(2, bugs{}), 1_000_000)
}

// The far walk takes a minute of one core: 400,000 states.
func TestWalk_TwoPhones_TwoFaults(t *testing.T) {
	if os.Getenv("ROOST_FAR_WALK") == "" {
		t.Skip("set ROOST_FAR_WALK=1 for two phones and two faults of any kind (a minute); TestWalk_TwoPhones_OneFault runs always")
	}
	w := newWorld(2, bugs{})
	w.faults = 2
	mustHold(t, newWalk(2), w, 200_000)
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

// TestStatesAreExact: a world of any age and history, and the one that its state is unpacked
// to, do the same after every action: the same rules broken, the same state.
func TestStatesAreExact(t *testing.T) {
	for _, c := range []struct {
		phones, ways int
		operator     bool
	}{{1, 60, false}, {1, 60, true}, {2, 200, false}} {
		rng := rand.New(rand.NewPCG(uint64(c.phones), 7))
		k := newWalk(c.phones)
		if c.operator {
			k.actions = append(k.actions, operatorActions()...)
		}
		compared := 0
		for range c.ways {
			old, fresh := newWorld(c.phones, bugs{}), newWorld(c.phones, bugs{})
			old.operator, fresh.operator = c.operator, c.operator
			compared += k.compareAlong(t, old, fresh, rng, 300)
		}
		t.Logf("%d phones, operator %t: %d successors compared", c.phones, c.operator, compared)
	}
}

// compareAlong follows one way, and compares what each action does there to the world that
// has come that way and to the one of its state.
func (k *walk) compareAlong(t *testing.T, old, fresh *world, rng *rand.Rand, length int) (compared int) {
	t.Helper()
	state := bytes.Clone(old.clone().pack(make([]byte, sizeMax)))
	for range length {
		var nexts []*world
		for _, a := range k.actions {
			name := a.name
			fresh.unpack(state)
			if a.can(old) != a.can(fresh) {
				t.Fatalf("%q can happen to one of two worlds of state %x", a.name, state)
			}
			if !a.can(old) {
				continue
			}
			next := old.clone()
			a.do(next)
			a.do(fresh)
			next.check()
			fresh.check()
			compared++
			left := next.clone()
			if a, b := left.pack(make([]byte, sizeMax)), fresh.pack(make([]byte, sizeMax)); !bytes.Equal(a, b) || left.bad != fresh.bad {
				t.Fatalf("two worlds of state %x differ after %q:\n%x %s\n%x %s", state, name, a, left.bad, b, fresh.bad)
			}
			nexts = append(nexts, next)
		}
		old = nexts[rng.IntN(len(nexts))]
		state = bytes.Clone(old.clone().pack(make([]byte, sizeMax)))
	}
	return compared
}
