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
}

func newHomes(peers []string) *homes {
	peers = slices.Clone(peers)
	slices.Sort(peers)
	return &homes{peers: peers, not: map[string]bool{}, since: map[string]time.Time{}}
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
