package mirror

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"roost/resilience/mirror/internal/planted"
)

// mirrored is a set of another system and what is being done to keep it.
type mirrored struct {
	set     string
	subject string // of its alarms: "london bind/paris"
	replica *Replica
	pull    *pull // nil: none under way
	tries   int   // that failed in a row
	nextTry time.Time
	gap     bool // a delta showed that others were lost
	force   bool // only a snapshot will do

	held      []delta // came during a pull
	heldBytes int

	epoch    uint64 // of the origin, as last heard
	version  uint64 // the newest known in it
	lagging  time.Time
	outSince time.Time // out of sync since
	unequal  time.Time // digests are unequal since
	forced   int       // snapshots pulled for that in a row
	missed   int       // heartbeats in a row that did not list it
	failure  string    // why the last pull failed
	told     SetStatus
}

// pull is one request for a window, and what came of it.
type pull struct {
	id       uint64
	deadline time.Time
	welcome  *welcome
	batches  []batch
	bytes    int
}

// mirrored finds or begins the replica of a set that this system may read; nil
// if there are too many.
func (s *Session) mirrored(p *peer, set string) *mirrored {
	if m := p.sets[set]; m != nil {
		return m
	}
	if len(p.sets) >= s.cfg.Limits.MaxSets {
		s.counters.SetsRefused++
		return nil
	}
	m := &mirrored{set: set, subject: p.name + " " + set, replica: NewReplica(s.cfg, p.name, set, s.start), nextTry: s.now, outSince: s.now}
	p.sets[set] = m
	i, _ := slices.BinarySearch(p.setNames, set)
	p.setNames = slices.Insert(p.setNames, i, set)
	return m
}

// drop forgets a set that its origin no longer writes.
func (s *Session) drop(p *peer, m *mirrored) {
	var gone []Change
	m.replica.Range(s.now, func(key string, _ []byte, _ time.Time) bool {
		gone = append(gone, Change{Kind: Removed, Key: key})
		return true
	})
	sortChanges(gone)
	delete(p.sets, m.set)
	i, _ := slices.BinarySearch(p.setNames, m.set)
	p.setNames = slices.Delete(p.setNames, i, i+1)
	for _, kind := range []AlarmKind{NeverComplete, BehindLong, DigestDiffers, TooLarge} {
		s.clear(kind, m.subject)
	}
	s.changed(p, m, gone, true)
}

// learn notes how far the origin is known to be.
func (m *mirrored) learn(epoch, version uint64, now time.Time) {
	if epoch != m.epoch {
		m.epoch, m.version = epoch, version
	}
	m.version = max(m.version, version)
	m.lag(now)
}

// lag notes since when something is known to be missing.
func (m *mirrored) lag(now time.Time) {
	if m.replica.epoch == m.epoch && m.replica.version >= m.version {
		m.lagging = time.Time{}
	} else if m.lagging.IsZero() {
		m.lagging = now
	}
}

// missing reports whether the replica is known to lack something for so long
// that nothing under way can be expected to bring it.
func (s *Session) missing(m *mirrored) bool {
	r := m.replica
	return r.epoch == 0 || m.gap || m.force || r.building != nil || r.epoch != m.epoch ||
		!m.lagging.IsZero() && s.now.Sub(m.lagging) >= s.cfg.LagGrace
}

// drive does what time demands of a set: gives up a pull, begins one, raises and
// clears its alarms.
func (s *Session) drive(p *peer, m *mirrored) {
	if m.pull != nil && !s.now.Before(m.pull.deadline) && !s.cfg.Planted.Has(planted.PullWithoutEnd) {
		s.counters.PullTimeouts++
		s.fail(m, fmt.Sprintf("no answer from %s within %s", p.name, s.cfg.PullDeadline))
	}
	silent := !p.heard || s.now.Sub(p.lastHeard) > s.cfg.SilentAfter
	if m.pull == nil && !silent && s.missing(m) && !s.now.Before(m.nextTry) {
		s.begin(p, m)
	}
	switch {
	case m.pull != nil:
		s.due(m.pull.deadline)
	case silent:
	case s.missing(m):
		s.due(m.nextTry)
	case !m.lagging.IsZero():
		s.due(m.lagging.Add(s.cfg.LagGrace))
	}
	s.patience(p, m)
	s.tell(p, m, false)
}

// begin asks for the next window. Each has an id of its own, so that an answer to
// an earlier one is known.
func (s *Session) begin(p *peer, m *mirrored) {
	r := m.replica
	q := since{id: s.draw(), epoch: r.epoch, version: r.version, window: uint64(s.cfg.Limits.Window)}
	switch {
	case r.building != nil:
		q.epoch, q.version, q.base, q.building = r.building.epoch, r.building.version, r.building.base, true
	case m.force:
		q.epoch, q.version = 0, 0
	}
	m.pull = &pull{id: q.id, deadline: s.now.Add(s.cfg.PullDeadline)}
	s.counters.Pulls++
	s.do(Send{
		Subject: Subject{Class: Pulls, Origin: p.name, Peer: s.cfg.Self, Set: m.set},
		Payload: appendSince(nil, q),
	})
}

// fail gives a pull up and says when the next try is due.
func (s *Session) fail(m *mirrored, why string) {
	m.pull, m.failure = nil, why
	wait := s.cfg.RetryMin << min(m.tries, 16)
	wait = min(wait, s.cfg.RetryMax)
	wait -= time.Duration(s.draw() % uint64(wait/3+1))
	m.tries++
	m.nextTry = s.now.Add(wait)
}

// answers takes a part of an answer.
func (s *Session) answers(p *peer, set string, payload []byte) error {
	m := p.sets[set]
	if m == nil {
		s.counters.StaleAnswers++
		return nil
	}
	err := frames(payload, func(kind byte, body []byte) error {
		switch {
		case !s.planned(kind, frameWelcome, frameBatch, frameEnd):
			return nil
		case m.pull == nil:
			s.counters.StaleAnswers++
			return nil
		case kind == frameWelcome:
			return s.welcomed(m, body)
		case kind == frameBatch:
			return s.batched(m, body)
		}
		return s.ended(p, m, body)
	})
	if err != nil && m.pull != nil {
		s.broken(m, "an answer that cannot be read")
	}
	s.drive(p, m)
	return err
}

// mine reports whether a part belongs to the pull under way, and counts it if not.
func (s *Session) mine(m *mirrored, id uint64) bool {
	if id == m.pull.id || s.cfg.Planted.Has(planted.StaleAnswer) {
		return true
	}
	s.counters.StaleAnswers++
	return false
}

func (s *Session) broken(m *mirrored, why string) {
	s.counters.PullsBroken++
	s.fail(m, why)
}

func (s *Session) welcomed(m *mirrored, body []byte) error {
	w, err := readWelcome(body)
	if err != nil || !s.mine(m, w.id) {
		return err
	}
	m.pull.deadline = s.now.Add(s.cfg.PullDeadline)
	m.pull.welcome = &w
	return nil
}

func (s *Session) batched(m *mirrored, body []byte) error {
	b, err := readBatch(body, &s.cfg.Limits)
	if err != nil || !s.mine(m, b.id) {
		return err
	}
	m.pull.bytes += len(body)
	switch {
	case m.pull.welcome == nil || b.seq != uint64(len(m.pull.batches)):
		s.broken(m, "a part of the answer was lost")
	case m.pull.bytes > s.cfg.Limits.Window+s.cfg.Limits.MaxMessage:
		s.broken(m, "an answer longer than was asked for")
	default:
		m.pull.deadline = s.now.Add(s.cfg.PullDeadline)
		m.pull.batches = append(m.pull.batches, b)
	}
	return nil
}

// ended applies a window that is whole, and asks on or is done.
func (s *Session) ended(p *peer, m *mirrored, body []byte) error {
	e, err := readEnd(body)
	if err != nil || !s.mine(m, e.id) {
		return err
	}
	w, batches := m.pull.welcome, m.pull.batches
	if w == nil || e.batches != uint64(len(batches)) {
		s.broken(m, "a part of the answer was lost")
		return nil
	}
	if w.epoch != p.epoch {
		// Without a heartbeat of that life the age of what it sent is not known.
		s.broken(m, "an answer of a life of "+p.name+" that was not heard yet")
		return nil
	}
	r := m.replica
	if !r.begin(w) || e.more && e.version <= w.from {
		r.building, m.force = nil, true
		s.broken(m, "an answer to another question")
		return nil
	}
	ages := make([]aged, len(batches))
	for i, b := range batches {
		ages[i] = aged{b, s.age(p, w.epoch, b.up)}
	}
	changes, swapped, err := r.window(ages, &e, s.now)
	s.changed(p, m, changes, swapped)
	if err != nil {
		s.tooLarge(p, m, err)
		return nil
	}
	m.pull, m.tries = nil, 0
	if e.more {
		s.begin(p, m)
		return nil
	}
	s.finished(p, m, &e, swapped)
	return nil
}

// finished: all that the origin had when it answered is here.
func (s *Session) finished(p *peer, m *mirrored, e *end, swapped bool) {
	m.gap, m.force, m.failure = false, false, ""
	if swapped {
		s.counters.Snapshots++
		s.clear(TooLarge, m.subject)
	}
	m.epoch, m.version = m.replica.epoch, e.version
	m.lag(s.now)
	s.digest(p, m, e.count, e.digest)
	s.release(p, m)
}

// tooLarge gives up on a set beyond the limits until the next try.
func (s *Session) tooLarge(p *peer, m *mirrored, err error) {
	s.counters.RecordsTooMany++
	m.force, m.tries = true, 16
	m.held, m.heldBytes = nil, 0
	s.fail(m, err.Error())
	if errors.Is(err, errFull) {
		s.raise(TooLarge, m.subject, fmt.Sprintf(
			"set %s of %s has more than this system takes (%d records, %d bytes): %v; it is not mirrored on",
			m.set, p.name, s.cfg.Limits.MaxRecords, s.cfg.Limits.MaxBytes, err))
	}
}

// digest is the digest rule: at equal versions count and digest must be equal.
// Where they are not for a while, only a snapshot can put it right.
func (s *Session) digest(p *peer, m *mirrored, count uint32, digest uint64) {
	if !m.replica.differs(count, digest) {
		m.unequal, m.forced = time.Time{}, 0
		s.clear(DigestDiffers, m.subject)
		return
	}
	s.counters.DigestsUnequal++
	if m.unequal.IsZero() {
		m.unequal = s.now
	}
	if s.now.Sub(m.unequal) < s.cfg.Patience<<min(m.forced, 4) {
		return
	}
	m.unequal, m.force = s.now, true
	m.forced++
	s.raise(DigestDiffers, m.subject, fmt.Sprintf(
		"the mirror of set %s of %s does not hold what it should, though no change is missing; it is fetched anew", m.set, p.name))
}

// pulled answers a window of one of this system's sets.
func (s *Session) pulled(sub Subject, payload []byte) {
	if sub.Origin != s.cfg.Self || sub.Peer == s.cfg.Self {
		s.counters.NotForUs++
		return
	}
	p := s.peer(sub.Peer)
	if p == nil {
		return
	}
	if !Readable(sub.Set, sub.Peer) || s.store.sets[sub.Set] == nil || !s.token(p) {
		s.counters.PullsRefused++
		return
	}
	err := frames(payload, func(kind byte, body []byte) error {
		if !s.planned(kind, frameSince) {
			return nil
		}
		q, err := readSince(body)
		if err != nil {
			return err
		}
		s.counters.PullsAnswered++
		to := Subject{Class: Answers, Origin: s.cfg.Self, Peer: sub.Peer, Set: sub.Set}
		s.store.answer(sub.Set, q, s.now, s.cfg.Limits.MaxMessage, func(part []byte) {
			s.do(Send{Subject: to, Payload: part})
		})
		return errDone // one question a message
	})
	if !errors.Is(err, errDone) {
		s.refused(p, sub, err)
	}
}

var errDone = errors.New("done")

// token takes one of the pulls that a peer may ask for in a second.
func (s *Session) token(p *peer) bool {
	rate := float64(s.cfg.Limits.PullsPerSec)
	p.tokens = min(rate, p.tokens+s.now.Sub(p.tokensAt).Seconds()*rate)
	p.tokensAt = s.now
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}
