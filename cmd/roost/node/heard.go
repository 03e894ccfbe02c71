package node

import (
	"fmt"
	"sync"
	"time"

	"roost/registrar/credentials"
	"roost/resilience"
	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
)

// Heard implements service.Callbacks: a heartbeat makes a system visible, and says
// whether it wants us as its backup (NE1).
func (m mirrored) Heard(h mirror.Heard) {
	system := resilience.System(h.System)
	fresh := h.System != m.name && m.homes.met(h.System)
	if h.Heartbeat != nil {
		fresh = m.heartbeat(h.System, h.Heartbeat) || fresh
	}
	if fresh {
		m.reconfigure()
	}
	if h.System != m.name {
		m.reborn(h.System, h.Epoch, time.Now())
	}
	m.keeper.step(resilience.HeartbeatHeard{
		System: system, Epoch: h.Epoch, UpFor: h.UpFor, Ready: h.Ready, Age: h.Age, Via: resilience.System(h.Via)})
	if h.Heartbeat != nil && h.Heartbeat.BackWithin > 0 {
		m.keeper.step(resilience.Leaving{System: system, BackWithin: h.Heartbeat.BackWithin})
	}
}

// heartbeat takes over what only a system's own heartbeat says, and returns whether
// that changed which homes there are.
func (m mirrored) heartbeat(system string, h *mirror.Heartbeat) (changed bool) {
	if key, changed := m.peerKeys.heard(system, time.Until(h.Clock)); changed {
		m.keys.SetPeer(system, m.peerKeys.ahead(system), key)
	}
	for _, other := range h.Heard {
		changed = other.System != m.name && m.homes.met(other.System) || changed
	}
	return m.homes.heard(system, h.Wants[m.name] != "") || changed
}

// StateChanged implements service.Callbacks: a home's mirror is as good as the
// worse of its cfg and bind sets (SH3).
func (m mirrored) StateChanged(mirror.StateChanged) { m.mirrorStates() }

// mirrorStates tells the machine how each home is mirrored here.
func (m mirrored) mirrorStates() {
	for _, line := range m.mirror.Status() {
		complete, behind, found := true, uint64(0), 0
		for _, set := range line.Sets {
			if set.Set != cfgSet(m.name) && set.Set != bindSet(m.name) {
				continue
			}
			found++
			complete = complete && set.Complete
			behind += set.Behind
		}
		m.keeper.step(resilience.MirrorState{
			Home: resilience.System(line.Peer), Complete: complete && found == 2, Behind: int(min(behind, 1<<30))})
	}
	m.noticeCold()
}

// LineChanged implements service.Callbacks.
func (m mirrored) LineChanged(l mirror.LineState) {
	now := time.Now()
	if l.Up {
		m.journal.clear("line-down", l.Peer, fmt.Sprintf("the line to %s is up", l.Peer), now)
		m.journal.happened("line-up", l.Peer, fmt.Sprintf("the line to %s is up", l.Peer), now)
		return
	}
	if l.Why == natscarrier.NotTried {
		return // neither up nor known to be down
	}
	m.voice.neighbours.lost(l.Peer)
	m.journal.raise("line-down", l.Peer, "major", fmt.Sprintf("the line to %s is down: %s", l.Peer, l.Why), now)
}

// Alarm implements service.Callbacks. What the machine says of a mirror in the
// words of its rules (SH3) is not said twice.
func (m mirrored) Alarm(a mirror.Alarm) {
	if a.Kind == mirror.NeverComplete || a.Kind == mirror.BehindLong {
		return
	}
	if a.Raised {
		m.journal.raise(string(a.Kind), a.Subject, "major", a.Text, time.Now())
		return
	}
	m.journal.clear(string(a.Kind), a.Subject, a.Text, time.Now())
}

// Panicked implements service.Callbacks.
func (m mirrored) Panicked(where string, value any, stack []byte) {
	m.panics.Add(1)
	m.log.Error().Str("where", where).Interface("panic", value).Bytes("stack", stack).
		Msg("a panic while a message of another system was handled; it cost that message only")
}

// peerKeys are the nonce keys of other systems and how far their clocks are ahead.
type peerKeys struct {
	mu   sync.Mutex
	keys map[string]credentials.Key
	off  map[string]time.Duration
}

// clockDrift is the change of a clock's offset that is worth telling the key ring.
const clockDrift = time.Second

func (p *peerKeys) set(system string, k credentials.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil {
		p.keys = map[string]credentials.Key{}
	}
	p.keys[system] = k
}

func (p *peerKeys) ahead(system string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.off[system]
}

// heard takes a clock's offset over. It returns the key to set anew if the system
// has one and the offset changed.
func (p *peerKeys) heard(system string, ahead time.Duration) (credentials.Key, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off == nil {
		p.off = map[string]time.Duration{}
	}
	if (p.off[system] - ahead).Abs() < clockDrift {
		return credentials.Key{}, false
	}
	p.off[system] = ahead
	k, ok := p.keys[system]
	return k, ok
}
