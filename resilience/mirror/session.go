package mirror

import (
	"slices"
	"time"
)

// Session is the protocol of one system: its store, the replicas of all others,
// heartbeats, pulls and alarms. It is a state machine without a clock, a network
// or a goroutine, and not safe for concurrent use. The owner
//
//  1. subscribes to [Subscriptions], and steps [Received] for what arrives and
//     [LineChanged] for the carrier's lines;
//  2. steps [Tick] when [Session.Next] is due, which changes with every call;
//  3. puts and deletes records, gathers for a few milliseconds, then steps
//     [Flush];
//  4. carries out the effects of each step in their order.
type Session struct {
	cfg      Config
	start    time.Time
	store    *Store
	peers    map[string]*peer
	names    []string // of peers, sorted, so that each run does the same
	alarms   map[alarmKey]bool
	counters Counters
	random   uint64
	twinAt   time.Time // another system of this name was heard

	backWithin time.Duration
	nextBeat   time.Time
	lastBeat   time.Time
	nextSweep  time.Time
	next       time.Time // the earliest that drive found
	now        time.Time // of the step
	out        []Effect
}

// Counters count what happened since the start, for metrics and for the limits
// that are only seen there.
type Counters struct {
	Heartbeats       uint64 // heard directly
	DeltasApplied    uint64
	DeltasPublished  uint64
	Gaps             uint64 // deltas that showed that others were lost
	Pulls            uint64 // windows asked for
	PullTimeouts     uint64
	PullsBroken      uint64 // answers that could not be used
	PullsAnswered    uint64
	PullsRefused     uint64 // by rate, or of a set that is not the asker's
	Snapshots        uint64 // swapped in
	Malformed        uint64 // messages
	OtherVersion     uint64 // messages
	NotForUs         uint64 // messages of a set that this system may not read
	SystemsRefused   uint64 // messages of systems beyond MaxSystems
	SetsRefused      uint64 // beyond MaxSets
	HeldDropped      uint64 // deltas that came during a pull beyond what is held
	DigestsUnequal   uint64
	StaleDeltas      uint64 // deltas of another life of their origin
	StaleAnswers     uint64 // answers to a pull that is no more
	RecordsTooMany   uint64 // windows or deltas beyond MaxRecords or MaxBytes
	FramesNotPlanned uint64 // frames of a known kind under the wrong subject
}

// peer is another system.
type peer struct {
	name       string
	configured bool
	line       LineState
	heard      bool
	epoch      uint64
	before     uint64 // the epoch before that
	flips      int    // returns to the epoch before
	flippedAt  time.Time
	last       Heartbeat
	lastHeard  time.Time
	lastReady  Hearing // Age unused
	readyAt    time.Time
	freshest   time.Time // the latest instant at which it is known to have been ready
	clock      upClock
	wall       time.Duration // its wall clock less ours
	sets       map[string]*mirrored
	setNames   []string
	tokens     float64 // of pulls that are answered
	tokensAt   time.Time
	malformed  time.Time
}

// NewSession makes a session that begins at that time. It sends nothing until
// the first Tick, which is due at once.
func NewSession(cfg Config, now time.Time) (*Session, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	store, err := NewStore(cfg, now)
	if err != nil {
		return nil, err
	}
	s := &Session{
		cfg: cfg, start: now, store: store, peers: make(map[string]*peer), alarms: make(map[alarmKey]bool),
		random: recordHash(cfg.Epoch, 0, cfg.Self, nil), nextBeat: now, nextSweep: now.Add(cfg.SweepEvery), next: now,
	}
	for _, name := range cfg.Peers {
		if p := s.peer(name); p != nil {
			p.configured = true
		}
	}
	return s, nil
}

// Store is the records of this system. Write to it between steps, and flush.
func (s *Session) Store() *Store { return s.store }

// Pending reports whether there are changes to flush.
func (s *Session) Pending() bool { return s.store.pending() }

// Replica is a set of another system as it is known here, nil if it is not.
func (s *Session) Replica(origin, set string) *Replica {
	if p := s.peers[origin]; p != nil && p.sets[set] != nil {
		return p.sets[set].replica
	}
	return nil
}

// Counters is what was counted so far.
func (s *Session) Counters() Counters { return s.counters }

// Next is when the next Tick is due.
func (s *Session) Next() time.Time {
	next := s.next
	for _, t := range []time.Time{s.nextBeat, s.nextSweep} {
		if t.Before(next) {
			next = t
		}
	}
	return next
}

// Step takes one event. The effects are the caller's until the next step.
func (s *Session) Step(ev Event, now time.Time) []Effect {
	s.now = now
	clear(s.out)
	s.out = s.out[:0]
	switch e := ev.(type) {
	case Received:
		s.received(e)
	case LineChanged:
		s.lineChanged(e.Line)
	case Flush:
		s.flush()
	case Announce:
		s.backWithin = min(max(0, e.BackWithin), maxBackWithin)
		s.flush()
		s.beat()
	case SetReady:
		if s.cfg.Ready != e.Ready {
			s.cfg.Ready = e.Ready
			s.beat()
		}
	case SetCompared:
		s.cfg.Wants, s.cfg.Compared = e.Wants, e.Compared
		s.compareAll()
		s.beat()
	case Tick:
		s.tick()
	}
	return s.out
}

func (s *Session) tick() {
	if !s.now.Before(s.nextSweep) {
		s.nextSweep = s.now.Add(s.cfg.SweepEvery)
		s.sweep()
	}
	if !s.now.Before(s.nextBeat) {
		s.beat()
	}
	if s.now.Sub(s.twinAt) >= time.Minute {
		s.clear(TwoOfAName, s.cfg.Self)
	}
	s.next = s.now.Add(time.Minute)
	for _, name := range s.names {
		s.drivePeer(s.peers[name])
	}
}

func (s *Session) sweep() {
	s.store.Sweep(s.now)
	s.flush()
	for _, name := range s.names {
		p := s.peers[name]
		for _, set := range p.setNames {
			s.changed(p, p.sets[set], p.sets[set].replica.sweep(s.now), false)
		}
	}
}

func (s *Session) flush() {
	s.store.deltas(s.now, s.cfg.Limits.MaxMessage, func(set string, payload []byte) {
		s.counters.DeltasPublished++
		s.do(Send{Subject: Subject{Class: Deltas, Origin: s.cfg.Self, Set: set}, Payload: payload})
	})
}

func (s *Session) do(e Effect) { s.out = append(s.out, e) }

func (s *Session) changed(p *peer, m *mirrored, changes []Change, swapped bool) {
	if len(changes) > 0 || swapped {
		s.do(RecordsChanged{Origin: p.name, Set: m.set, Swapped: swapped, Changes: changes})
	}
}

// due says that something is to be done at t.
func (s *Session) due(t time.Time) {
	if t.After(s.now) && t.Before(s.next) {
		s.next = t
	}
}

// peer finds or learns a system; nil if there are too many.
func (s *Session) peer(name string) *peer {
	if p := s.peers[name]; p != nil {
		return p
	}
	if len(s.peers) >= s.cfg.Limits.MaxSystems || name == s.cfg.Self {
		s.counters.SystemsRefused++
		return nil
	}
	p := &peer{name: name, sets: make(map[string]*mirrored), tokens: float64(s.cfg.Limits.PullsPerSec), tokensAt: s.start}
	p.line.Peer = name
	s.peers[name] = p
	i, _ := slices.BinarySearch(s.names, name)
	s.names = slices.Insert(s.names, i, name)
	return p
}

// lineChanged: a line that came up makes both sides say who they are and pull at
// once, whatever they waited for.
func (s *Session) lineChanged(l LineState) {
	p := s.peer(l.Peer)
	if p == nil {
		return
	}
	up := l.Up && !p.line.Up
	p.line = l
	if !up {
		return
	}
	s.beatSoon()
	for _, set := range p.setNames {
		m := p.sets[set]
		m.pull, m.tries, m.nextTry = nil, 0, s.now
		s.drive(p, m)
	}
}

// draw is a pseudo-random number; the same session draws the same numbers.
func (s *Session) draw() uint64 {
	s.random += 0x9e3779b97f4a7c15
	return mix(s.random^digest0, s.random^digest1)
}
