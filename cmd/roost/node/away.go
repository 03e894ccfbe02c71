package node

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"roost/registrar"
	"roost/registrar/record"
)

// awayPhones are our own phones that are guests of another system, as those
// systems' guest sets say.
type awayPhones struct {
	mu     sync.RWMutex
	guests map[registrar.Number]record.Guest
}

func (a *awayPhones) set(g record.Guest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.guests == nil {
		a.guests = map[registrar.Number]record.Guest{}
	}
	a.guests[g.Phone] = g
}

// left takes over that system no longer serves the phone.
func (a *awayPhones) left(n registrar.Number, system string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.guests[n].Where == system {
		delete(a.guests, n)
	}
}

// came takes over that the phone has registered here; its host will notice too.
func (a *awayPhones) came(n registrar.Number) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.guests, n)
}

// where is the system that serves the phone, empty if none does.
func (a *awayPhones) where(n registrar.Number) string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.guests[n].Where
}

// all are the phones that are away, by number.
func (a *awayPhones) all() []record.Guest {
	a.mu.RLock()
	defer a.mu.RUnlock()
	out := make([]record.Guest, 0, len(a.guests))
	for _, g := range a.guests {
		out = append(out, g)
	}
	slices.SortFunc(out, func(x, y record.Guest) int { return cmp.Compare(x.Phone, y.Phone) })
	return out
}

// lastHeard remembers when an own phone that is no longer registered was last
// heard, for the evidence that a backup asks for (FO6). It holds at most the
// system's own extensions, for only their registrations end up in it.
type lastHeard struct {
	mu sync.Mutex
	at map[registrar.Number]time.Time
}

func (l *lastHeard) store(n registrar.Number, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil {
		l.at = map[registrar.Number]time.Time{}
	}
	l.at[n] = at
}

func (l *lastHeard) load(n registrar.Number) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.at[n]
	return at, ok
}
