package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"roost/resilience"
	"roost/resilience/mirror"
	"roost/resilience/mirror/internal/planted"
)

// The times of a run.
const (
	heartbeatEvery = 5 * time.Second
	silentAfter    = 15 * time.Second
	tombstoneKeep  = 20 * time.Second
	patience       = 30 * time.Second
	failoverDelay  = time.Minute
	failbackDelay  = 90 * time.Second
	homelessGrace  = time.Minute
	ownGranted     = 40 * time.Second // what a home grants its phones

	mirrorFaults = 200 * time.Second
	mirrorSettle = 75 * time.Second
	phoneFaults  = 12 * time.Minute
	phoneSettle  = 10 * time.Minute
)

// GlueBug is a bug planted in what carries out the machine's effects.
type GlueBug uint8

// Bugs that stand for mistakes in the machine or its owner.
const (
	NoGlueBug      GlueBug = iota
	EarlyTakeover          // the backup serves before the delay has passed
	GuestOnBoth            // a guest entry stays although its home has the phone
	HomeKeeps              // a home keeps a registration that is a guest elsewhere since
	RefusedInGrace         // a phone that comes back in the grace is refused
	MirrorNotAsked         // the machine is told of a complete mirror where there is none
	NeverSentHome          // the backup never tells a guest to go home
)

// Options say what to simulate.
type Options struct {
	Seed   uint64
	Bugs   planted.Bugs
	Glue   GlueBug
	Phones bool                                // with phones and failover, else the mirror alone
	Trace  func(at time.Duration, line string) // nil: none
}

// Result is what a run showed.
type Result struct {
	Hash       uint64   // of everything that happened, in order
	Events     int      // simulated
	Violations []string // of what the core promises; the run stops at the first
	Admitted   int      // guests
	Home       int      // guests that came home
	Snapshots  uint64
	Deltas     uint64
	Pulls      uint64
}

// Run simulates one seed.
func Run(o Options) Result {
	w := newWorld(o)
	w.start()
	for len(w.queue) > 0 && len(w.result.Violations) == 0 {
		e := heap.Pop(&w.queue).(event)
		if e.at > w.end {
			break
		}
		w.now = e.at
		w.result.Events++
		e.do()
	}
	if len(w.result.Violations) == 0 {
		w.now = w.end
		w.atTheEnd()
	}
	for _, s := range w.systems {
		if s.up {
			w.count(s.session.Counters())
		}
	}
	return w.result
}

func (w *world) count(c mirror.Counters) {
	w.result.Snapshots += c.Snapshots
	w.result.Deltas += c.DeltasApplied
	w.result.Pulls += c.Pulls
}

// world is all there is.
type world struct {
	opts    Options
	random  *rand.Rand
	now     time.Duration
	end     time.Duration
	calm    time.Duration // no fault begins after
	queue   queue
	seq     uint64
	systems []*system
	phones  []*phone
	links   map[[2]int]*link
	lives   map[uint64]time.Duration // when a write really expires, by its id; 0: never
	writes  uint64
	keys    int // that churn uses in each set
	limits  mirror.Limits
	rot     float64 // part of the deltas in which a bit of memory is wrong
	result  Result
	scratch map[string]uint64
}

func newWorld(o Options) *world {
	w := &world{
		opts: o, random: rand.New(rand.NewPCG(o.Seed, 0x5eed)),
		links: make(map[[2]int]*link), lives: make(map[uint64]time.Duration), scratch: make(map[string]uint64),
	}
	w.calm, w.end = mirrorFaults, mirrorFaults+mirrorSettle
	if o.Phones {
		w.calm, w.end = phoneFaults, phoneFaults+phoneSettle
	}
	w.limits = mirror.Limits{MaxKey: 16, MaxValue: 64, MaxMessage: 400 + w.random.IntN(1200), Window: 400 + w.random.IntN(4000)}
	w.keys = 6 + w.random.IntN(len(churnKeys)-5)
	if w.chance(0.15) {
		w.rot = 0.02
	}
	systems := 2 + w.random.IntN(3)
	for i := range systems {
		w.systems = append(w.systems, newSystem(w, i))
	}
	for i := range systems {
		for j := range systems {
			if i != j {
				w.links[[2]int{i, j}] = &link{last: make(map[mirror.Class]time.Duration)}
			}
		}
	}
	if o.Phones {
		for i := range 2 + w.random.IntN(5) {
			w.phones = append(w.phones, newPhone(w, i))
		}
	}
	return w
}

// start schedules what goes on by itself.
func (w *world) start() {
	for _, s := range w.systems {
		w.after(w.between(0, 2*time.Second), s.boot)
	}
	for _, p := range w.phones {
		w.after(w.between(time.Second, 10*time.Second), p.act)
	}
	w.after(w.between(10*time.Second, 20*time.Second), w.fault)
	w.after(time.Second, w.check)
}

// machineConfig is what the machine of a system is told.
func (w *world) machineConfig(s *system) resilience.Config {
	c := resilience.Config{
		Self: resilience.System(s.name), Systems: len(w.systems), Seed: w.random.Uint64(),
		Timers: resilience.Timers{
			FailoverDelay: failoverDelay, VisibleFor: silentAfter, FailbackDelay: failbackDelay,
			HomelessGrace: homelessGrace, RetryFirst: 30 * time.Second, RetryMax: time.Minute,
			TriggerWait: 10 * time.Second, GuestExpiresMin: 20 * time.Second, GuestExpiresMax: 40 * time.Second,
		},
	}
	if w.opts.Glue == EarlyTakeover {
		c.Timers.FailoverDelay = failoverDelay / 2
	}
	for _, h := range w.systems {
		if h.backup() == s {
			c.Homes = append(c.Homes, resilience.Home{System: resilience.System(h.name)})
		}
	}
	return c
}

// event is something that happens at a time; those of one time in the order in
// which they were planned.
type event struct {
	at  time.Duration
	seq uint64
	do  func()
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return e
}

func (w *world) at(t time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, event{max(t, w.now), w.seq, do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now+d, do) }

func (w *world) chance(p float64) bool { return w.random.Float64() < p }

func (w *world) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.random.Int64N(int64(b-a)+1))
}

// note adds something that happened to the hash, and to the trace if there is one.
func (w *world) note(what, who string, n uint64) {
	h := w.result.Hash ^ uint64(w.now) ^ n*0x9e3779b97f4a7c15
	for _, s := range []string{what, who} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 0x100000001b3
		}
	}
	w.result.Hash = h
	if w.opts.Trace != nil {
		w.opts.Trace(w.now, fmt.Sprintf("%-12s %-28s %d", what, who, n))
	}
}

func (w *world) violated(format string, args ...any) {
	text := fmt.Sprintf("at %v: ", w.now) + fmt.Sprintf(format, args...)
	w.result.Violations = append(w.result.Violations, text)
	w.note("VIOLATED", text, 0)
}
