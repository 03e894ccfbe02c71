package mirrortest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/resilience/mirror"
)

// Network connects carriers. All methods are safe for concurrent use.
type Network struct {
	mu       sync.Mutex
	carriers map[string]*Carrier
	cut      map[pair]string // why
	delay    time.Duration
	loss     float64
	random   *rand.Rand
	lost     atomic.Int64
}

type pair struct{ a, b string }

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

// New makes a network without loss or delay. What it loses later is drawn from
// the seed.
func New(seed uint64) *Network {
	return &Network{
		carriers: make(map[string]*Carrier), cut: make(map[pair]string),
		random: rand.New(rand.NewPCG(seed, seed)),
	}
}

// Carrier makes the carrier of a system. One that was closed is replaced.
func (n *Network) Carrier(system string) *Carrier {
	n.mu.Lock()
	c := &Carrier{net: n, name: system, lines: make(map[string]mirror.LineState), maxPayload: 1 << 20}
	n.carriers[system] = c
	others := n.others(system)
	n.mu.Unlock()
	for _, o := range others {
		n.line(c, o)
	}
	return c
}

// others are the open carriers besides system's. n.mu is held.
func (n *Network) others(system string) []*Carrier {
	var all []*Carrier
	for name, c := range n.carriers {
		if name != system && !c.isClosed() {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *Carrier) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return all
}

// Cut takes the line between two systems down; why is what their states say.
func (n *Network) Cut(a, b, why string) { n.set(a, b, why) }

// Heal brings it up again.
func (n *Network) Heal(a, b string) { n.set(a, b, "") }

func (n *Network) set(a, b, why string) {
	n.mu.Lock()
	if why == "" {
		delete(n.cut, pairOf(a, b))
	} else {
		n.cut[pairOf(a, b)] = why
	}
	ca, cb := n.carriers[a], n.carriers[b]
	n.mu.Unlock()
	if ca != nil && cb != nil {
		n.line(ca, cb)
	}
}

// SetDelay delays each message by that time.
func (n *Network) SetDelay(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = d
}

// SetLoss loses that part of the messages, 0 to 1; requests are spared.
func (n *Network) SetLoss(part float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = part
}

// Lost is the number of messages lost so far: by SetLoss, to a cut line, to a
// full buffer.
func (n *Network) Lost() int { return int(n.lost.Load()) }

// line tells two carriers the state of the line between them.
func (n *Network) line(a, b *Carrier) {
	n.mu.Lock()
	why := n.cut[pairOf(a.name, b.name)]
	n.mu.Unlock()
	switch {
	case a.isClosed():
		b.setLine(a.name, "not connected")
	case b.isClosed():
		a.setLine(b.name, "not connected")
	default:
		a.setLine(b.name, why)
		b.setLine(a.name, why)
	}
}

// reach is whom a message of system gets to now, and when. Broadcast or to one.
func (n *Network) reach(from string, dice bool) (to []*Carrier, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.others(from) {
		if n.cut[pairOf(from, c.name)] != "" || dice && n.loss > 0 && n.random.Float64() < n.loss {
			n.lost.Add(1)
			continue
		}
		to = append(to, c)
	}
	return to, time.Now().Add(n.delay)
}
