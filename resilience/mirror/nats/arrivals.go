package natscarrier

import (
	"cmp"
	"slices"
	"time"
)

// Arrival is a peer that is connected to our server.
type Arrival struct {
	System      string
	Remote      string // address without port
	Connections int    // 3 of a complete line
	Since       time.Time
}

// Arrivals are the peers connected to our server, by name.
func (c *Carrier) Arrivals() []Arrival {
	if c.embedded == nil {
		return nil
	}
	by := make(map[string]*Arrival)
	for _, s := range c.embedded.sessions() {
		a := by[s.peer]
		if a == nil {
			a = &Arrival{System: s.peer, Remote: hostOf(s.remote), Since: s.since}
			by[s.peer] = a
		}
		a.Connections++
		if s.since.Before(a.Since) {
			a.Since = s.since
		}
	}
	list := make([]Arrival, 0, len(by))
	for _, a := range by {
		list = append(list, *a)
	}
	slices.SortFunc(list, func(a, b Arrival) int { return cmp.Compare(a.System, b.System) })
	return list
}

// watchArrivals keeps the state of lines to peers that dial us: the embedded server
// does not tell when a connection ends, so it is asked.
func (c *Carrier) watchArrivals() {
	ticker := time.NewTicker(c.cfg.Timing.Arrivals)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
			c.lookAtArrivals()
		}
	}
}

func (c *Carrier) lookAtArrivals() {
	there := make(map[string]*[kinds]bool)
	for _, s := range c.embedded.sessions() {
		if there[s.peer] == nil {
			there[s.peer] = new([kinds]bool)
		}
		there[s.peer][s.kind] = true
	}
	for _, system := range c.peers.names() {
		k := c.peers.get(system)
		if k == nil || k.Address != "" {
			continue
		}
		up := there[system] != nil && *there[system] == [kinds]bool{true, true, true}
		why := ""
		if !up {
			why = waitsFor(system)
		}
		c.states.set(system, up, why)
	}
}

func waitsFor(system string) string {
	return system + " is not connected; it dials us, we have no address of it (network.lines)"
}
