package resilience

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
