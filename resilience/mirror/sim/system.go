package sim

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/resilience"
	"roost/resilience/mirror"
	"roost/resilience/mirror/internal/planted"
)

var names = []string{"london", "paris", "rome", "vienna"}

// system is one system: the core as package node would run it, with the simplest
// registrar there can be.
type system struct {
	w     *world
	index int
	name  string
	sets  []string

	up     bool
	since  time.Duration // of the last change of up
	lives  uint64
	offset time.Duration // of the clock that the core is given; never jumps
	wall   time.Duration // of the wall clock; steps

	epoch   uint64
	session *mirror.Session
	machine *resilience.Machine
	timer   uint64 // of the tick that counts
	flush   bool   // one is planned

	truth  map[string]map[string]*written // set, key
	shown  map[string]map[string]*shown   // origin+set, key: what the mirror showed
	own    map[string]*registration
	guests map[string]*registration
	leftAt map[string]time.Duration // when a guest's registration here ended
	heard  map[string]time.Duration // when a ready heartbeat was last heard, by whoever
}

// written is what a system really wrote last under a key.
type written struct {
	id      uint64
	at      time.Duration
	expires time.Duration // 0: never
	gone    bool
}

// shown is what a replica showed last.
type shown struct {
	id      uint64
	gone    bool
	expired bool
}

type registration struct {
	at, expires time.Duration
}

func newSystem(w *world, i int) *system {
	return &system{w: w, index: i, name: names[i], offset: w.between(-time.Hour, time.Hour), wall: w.between(-time.Hour, time.Hour)}
}

// backup is the next system.
func (s *system) backup() *system { return s.w.systems[(s.index+1)%len(s.w.systems)] }

// local is the time that the core is given.
func (s *system) local() time.Time { return zero.Add(s.w.now + s.offset) }

var zero = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// boot starts a life: nothing of the one before is left.
func (s *system) boot() {
	w := s.w
	if s.up {
		return
	}
	s.up, s.since = true, w.now
	s.lives++
	s.truth, s.shown = make(map[string]map[string]*written), make(map[string]map[string]*shown)
	s.own, s.guests = make(map[string]*registration), make(map[string]*registration)
	s.heard, s.leftAt, s.flush = make(map[string]time.Duration), make(map[string]time.Duration), false
	if s.lives == 1 || !w.opts.Bugs.Has(planted.ConstantEpoch) {
		s.epoch = mirror.NewEpoch(s.local(), w.random.Uint32())
	}
	s.sets = []string{mirror.Dir, "cfg/" + s.backup().name, "bind/" + s.backup().name}
	var peers []string
	for _, o := range w.systems {
		if o != s {
			peers = append(peers, o.name)
			s.sets = append(s.sets, "guest/"+o.name)
		}
	}
	cfg := mirror.Config{
		Self: s.name, Epoch: s.epoch, Sets: s.sets, Peers: peers, Ready: true,
		Wall:           func(now time.Time) time.Time { return now.Add(s.wall) },
		HeartbeatEvery: heartbeatEvery, SilentAfter: silentAfter, PullDeadline: 2 * time.Second,
		RetryMax: 3 * time.Second, Patience: patience, TombstoneKeep: tombstoneKeep, SweepEvery: time.Second,
		Limits: w.limits, Planted: w.opts.Bugs,
	}
	var err error
	if s.session, err = mirror.NewSession(cfg, s.local()); err != nil {
		w.violated("%s: session: %v", s.name, err)
		return
	}
	if s.machine, err = resilience.New(w.machineConfig(s), s.local()); err != nil {
		w.violated("%s: machine: %v", s.name, err)
		return
	}
	w.note("boot", s.name, s.lives)
	s.configure()
	if w.opts.Glue == MirrorNotAsked {
		for _, h := range w.systems {
			s.mirrorState(h.name)
		}
	}
	for range w.random.IntN(60) { // so that a quick restart comes near the versions of the life before
		s.churn()
	}
	for _, o := range w.systems {
		if o != s {
			w.lines(s, o)
		}
	}
	s.step(mirror.Tick{})
	s.plan(s.lives, w.between(0, time.Second), s.churning)
	if w.opts.Phones {
		s.plan(s.lives, time.Second, s.expire)
	}
}

// plan does something later in this life.
func (s *system) plan(life uint64, d time.Duration, do func()) {
	s.w.after(d, func() {
		if s.up && s.lives == life {
			do()
		}
	})
}

func (s *system) crash() {
	if !s.up {
		return
	}
	s.w.note("crash", s.name, s.lives)
	s.w.count(s.session.Counters())
	s.up, s.since = false, s.w.now
	s.session, s.machine = nil, nil
	for _, o := range s.w.systems {
		if o != s {
			s.w.lines(s, o)
		}
	}
}

// step steps the session and carries out its effects.
func (s *system) step(ev mirror.Event) {
	for _, e := range slices.Clone(s.session.Step(ev, s.local())) {
		switch e := e.(type) {
		case mirror.Send:
			s.w.send(s, e)
		case mirror.RecordsChanged:
			s.changed(e)
		case mirror.Heard:
			s.hear(e)
		case mirror.StateChanged:
			s.mirrorState(e.Origin)
		case mirror.Alarm:
			s.w.note(fmt.Sprintf("alarm %t", e.Raised), s.name+" "+string(e.Kind)+" "+e.Subject, 0)
		}
	}
	s.arm()
}

// arm plans the next tick.
func (s *system) arm() {
	next := s.session.Next()
	if m, ok := s.machine.Next(); ok && m.Before(next) {
		next = m
	}
	s.timer++
	timer := s.timer
	s.plan(s.lives, max(next.Sub(s.local()), time.Millisecond), func() {
		if s.timer == timer {
			s.tell(resilience.Tick{})
			s.step(mirror.Tick{})
		}
	})
}

// put writes a record with an id of its own, and keeps account of it.
func (s *system) put(set, key string, granted time.Duration) {
	w := s.w
	w.writes++
	t := &written{id: w.writes, at: w.now}
	var expires time.Time
	if granted > 0 {
		t.expires = w.now + granted
		expires = s.local().Add(granted)
	}
	w.lives[t.id] = t.expires
	value := binary.BigEndian.AppendUint32(nil, uint32(granted/time.Second))
	value = append(value, make([]byte, w.random.IntN(40))...)
	value = binary.BigEndian.AppendUint64(value, t.id) // last, where rotten memory hits
	if err := s.session.Store().Put(set, key, value, expires, s.local()); err != nil {
		w.violated("%s: put: %v", s.name, err)
	}
	s.account(set)[key] = t
	s.flushSoon()
}

func (s *system) remove(set, key string) {
	if err := s.session.Store().Delete(set, key, s.local()); err != nil {
		s.w.violated("%s: delete: %v", s.name, err)
	}
	if t := s.account(set)[key]; t != nil && !t.gone {
		t.gone, t.at = true, s.w.now
	}
	s.flushSoon()
}

func (s *system) account(set string) map[string]*written {
	if s.truth[set] == nil {
		s.truth[set] = make(map[string]*written)
	}
	return s.truth[set]
}

func (s *system) flushSoon() {
	if s.flush {
		return
	}
	s.flush = true
	s.plan(s.lives, 3*time.Millisecond, func() {
		s.flush = false
		s.step(mirror.Flush{})
	})
}

// configure shares what a home's configuration says.
func (s *system) configure() {
	for _, p := range s.w.phones {
		if p.home == s {
			s.put(s.sets[1], p.name, 0)
		}
	}
}

var churnKeys = func() (keys [40]string) {
	for i := range keys {
		keys[i] = fmt.Sprintf("k%d", i)
	}
	return keys
}()

// churning writes and deletes at random for as long as the faults last.
func (s *system) churning() {
	for range 1 + s.w.random.IntN(4) {
		s.churn()
	}
	pause := 3 * time.Second
	if s.w.opts.Phones {
		pause = 20 * time.Second
	}
	if s.w.now < s.w.end-20*time.Second {
		s.plan(s.lives, s.w.between(100*time.Millisecond, pause), s.churning)
	}
}

func (s *system) churn() {
	set := s.sets[s.w.random.IntN(len(s.sets))]
	key := churnKeys[s.w.random.IntN(s.w.keys)]
	switch {
	case s.w.chance(0.3):
		s.remove(set, key)
	case s.w.chance(0.4):
		s.put(set, key, time.Duration(4+s.w.random.IntN(40))*time.Second)
	default:
		s.put(set, key, 0)
	}
}

// isPhone tells a phone's record from those of churn.
func isPhone(key string) bool { return !strings.HasPrefix(key, "k") }
