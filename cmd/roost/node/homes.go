package node

import (
	"slices"
	"sync"
	"time"
)

// homes are the systems that this one backs up: those that say so in their
// heartbeats (NE1). A peer that was not heard since our start may be one, so it
// counts as one until it says otherwise; else a home that is away when its backup
// restarts would be forgotten instead of being an alarm (GU3).
type homes struct {
	mu    sync.Mutex
	peers []string // of the configuration, sorted
	not   map[string]bool
	since map[string]time.Time // when each home's state began
	// systems are all others of the network that a line or a heartbeat told of; the
	// failover delay goes by their number (FO2).
	systems map[string]bool
}

// newHomes takes the peers that may ask us for backup, and all others that lines
// go to.
func newHomes(peers, others []string) *homes {
	peers = slices.Clone(peers)
	slices.Sort(peers)
	h := &homes{peers: peers, not: map[string]bool{}, since: map[string]time.Time{}, systems: map[string]bool{}}
	for _, system := range slices.Concat(peers, others) {
		h.systems[system] = true
	}
	return h
}

// maxSystems bounds the systems that are counted. The delay stops growing long
// before, and the mirror knows no more of them either.
const maxSystems = 128

// met takes over that there is a system and says whether that is news.
func (h *homes) met(system string) (fresh bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.systems[system] || len(h.systems) >= maxSystems {
		return false
	}
	h.systems[system] = true
	return true
}

// network is the number of systems, this one included.
func (h *homes) network() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.systems) + 1
}

// heard takes over what a peer wants and says whether that changed the homes.
func (h *homes) heard(system string, wanted bool) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, peer := slices.BinarySearch(h.peers, system); !peer || h.not[system] == !wanted {
		return false
	}
	h.not[system] = !wanted
	return true
}

// all are the homes, by name.
func (h *homes) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.peers), func(p string) bool { return h.not[p] })
}

// changedState remembers when a home's state began.
func (h *homes) changedState(home string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.since[home] = at
}

// stateSince is when a home's state began; otherwise is for one that never changed.
func (h *homes) stateSince(home string, otherwise time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.since[home]; ok {
		return at
	}
	return otherwise
}
