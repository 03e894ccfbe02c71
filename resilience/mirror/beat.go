package mirror

import "time"

// beat says this system's heartbeat.
func (s *Session) beat() {
	h := Heartbeat{
		Epoch: s.cfg.Epoch, UpFor: s.now.Sub(s.start), Clock: s.cfg.Wall(s.now), Ready: s.cfg.Ready,
		Protocol: ProtocolVersion, BackWithin: s.backWithin, Sets: s.store.States(),
		Wants: s.cfg.Wants, Compared: s.cfg.Compared,
	}
	for _, name := range s.names {
		p := s.peers[name]
		age := s.now.Sub(p.readyAt)
		if p.readyAt.IsZero() || age > 4*s.cfg.SilentAfter {
			continue
		}
		heard := p.lastReady
		heard.Age = age
		h.Heard = append(h.Heard, heard)
	}
	s.lastBeat = s.now
	s.nextBeat = s.now.Add(s.cfg.HeartbeatEvery)
	s.do(Send{Subject: Subject{Class: Heartbeats, Origin: s.cfg.Self}, Payload: appendHeartbeat(nil, &h)})
}

// beatSoon brings the next heartbeat forward, so that a system that just came
// need not wait for it, but never to more than ten a period.
func (s *Session) beatSoon() {
	soon := s.lastBeat.Add(s.cfg.HeartbeatEvery / 10)
	if soon.Before(s.now) {
		soon = s.now
	}
	if soon.Before(s.nextBeat) {
		s.nextBeat = soon
	}
}

func (s *Session) heartbeat(p *peer, h *Heartbeat) {
	s.counters.Heartbeats++
	news := !p.heard || p.epoch != h.Epoch || s.now.Sub(p.lastHeard) > s.cfg.SilentAfter
	s.newEpoch(p, h.Epoch)
	p.clock.heard(h.Epoch, s.now.Sub(s.start), h.UpFor)
	p.heard, p.lastHeard = true, s.now
	p.wall = h.Clock.Sub(s.cfg.Wall(s.now))
	if h.Ready {
		p.lastReady = Hearing{System: p.name, Epoch: h.Epoch, UpFor: h.UpFor}
		p.readyAt, p.freshest = s.now, s.now
	}
	s.do(Heard{System: p.name, Epoch: h.Epoch, UpFor: h.UpFor, Ready: h.Ready, Heartbeat: h})
	s.relayed(p, h)
	s.setsOf(p, h, news)
	p.last = *h
	p.last.Heard = nil
	s.compare(p)
	s.clear(OtherProtocol, p.name)
	if news {
		s.beatSoon()
	}
}

// newEpoch notes that a system is in another life. Pulls from the life before
// are given up; one that goes back and forth is two systems of one name.
func (s *Session) newEpoch(p *peer, epoch uint64) {
	if p.epoch == epoch {
		return
	}
	if p.before == epoch && p.heard {
		p.flips++
		p.flippedAt = s.now
	}
	p.before, p.epoch = p.epoch, epoch
	for _, set := range p.setNames {
		m := p.sets[set]
		m.pull, m.tries, m.nextTry = nil, 0, s.now
	}
}

// relayed passes on what a system says it heard of others, where that is newer
// than what is known here.
func (s *Session) relayed(via *peer, h *Heartbeat) {
	for _, r := range h.Heard {
		if r.System == s.cfg.Self || r.System == via.name || r.Age > 4*s.cfg.SilentAfter {
			continue
		}
		p := s.peers[r.System]
		if p == nil {
			continue // not ours to know: a rumour makes no system
		}
		at := s.now.Add(-r.Age)
		// What is hardly newer is the same heartbeat, heard by another; passing it on
		// would only make noise.
		if !at.After(p.freshest.Add(s.cfg.HeartbeatEvery / 5)) {
			continue
		}
		p.freshest = at
		s.do(Heard{System: r.System, Via: via.name, Age: r.Age, Epoch: r.Epoch, UpFor: r.UpFor, Ready: true})
	}
}

// setsOf compares what a heartbeat says of the sets with their replicas. From a
// system that was not heard for a while nothing is under way that could bring
// what is missing.
func (s *Session) setsOf(p *peer, h *Heartbeat, news bool) {
	readable := h.Sets[:0]
	for _, state := range h.Sets {
		if !Readable(state.Set, s.cfg.Self) {
			continue
		}
		m := s.mirrored(p, state.Set)
		if m == nil {
			continue
		}
		readable = append(readable, state)
		m.missed = 0
		m.learn(h.Epoch, state.Version, s.now)
		r := m.replica
		m.gap = m.gap || news && !m.lagging.IsZero()
		if r.epoch == h.Epoch && r.version == state.Version && m.pull == nil {
			s.digest(p, m, state.Count, state.Digest)
		}
		s.drive(p, m)
		s.tell(p, m, true)
	}
	h.Sets = readable
	for i := 0; i < len(p.setNames); i++ {
		m := p.sets[p.setNames[i]]
		listed := false
		for _, state := range readable {
			listed = listed || state.Set == m.set
		}
		if m.missed++; !listed && m.missed > 2 {
			s.drop(p, m)
			i--
		}
	}
}

// upClock relates a system's time since its start to the time here: the least
// difference between the two that a heartbeat showed in the last minute or two is
// that of the one which was on its way for the shortest time. Both clocks count
// and never jump, so that nothing but drift can change it.
type upClock struct {
	epoch    uint64
	now      time.Duration // least of this minute
	before   time.Duration // least of the minute before
	began    time.Duration
	hasEpoch bool
}

const clockWindow = time.Minute

func (c *upClock) heard(epoch uint64, at, up time.Duration) {
	d := at - up
	if !c.hasEpoch || c.epoch != epoch {
		*c = upClock{epoch: epoch, now: d, before: d, began: at, hasEpoch: true}
		return
	}
	if at-c.began >= clockWindow {
		c.before, c.now, c.began = c.now, d, at
	}
	c.now = min(c.now, d)
}

// age is how long a message, written at that time of its writer's life, was on
// its way, less the shortest way.
func (c *upClock) age(epoch uint64, at, up time.Duration) time.Duration {
	if !c.hasEpoch || c.epoch != epoch {
		return 0
	}
	return max(0, at-up-min(c.now, c.before))
}
