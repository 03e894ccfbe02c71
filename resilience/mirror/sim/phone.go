package sim

import (
	"fmt"
	"time"
)

// phone is a phone that knows its home and its backup, and registers with one of
// them, as real ones do.
type phone struct {
	w      *world
	name   string
	home   *system
	at     *system // registered there, as far as it knows
	try    *system // asked next
	timer  uint64
	deaf   bool // does not understand what it is told; a refused refresh it does
	cut    map[*system]bool
	calls  int
	told   time.Duration // when the backup last told it to go home; 0: not in this guest life
	served bool          // admitted at the backup since
	both   time.Duration // until then it was registered at one system at most
}

func newPhone(w *world, i int) *phone {
	p := &phone{w: w, name: fmt.Sprint(201 + i), home: w.systems[w.random.IntN(len(w.systems))], cut: make(map[*system]bool)}
	p.try = p.home
	p.deaf = w.chance(0.2)
	return p
}

func (p *phone) plan(d time.Duration) {
	p.timer++
	timer := p.timer
	p.w.after(d, func() {
		if p.timer == timer {
			p.act()
		}
	})
}

func (p *phone) other(s *system) *system {
	if s == p.home {
		return p.home.backup()
	}
	return p.home
}

// act asks the system whose turn it is.
func (p *phone) act() {
	w, to := p.w, p.try
	if !to.up || p.cut[to] {
		p.try = p.other(to)
		p.at = nil
		p.plan(w.between(2*time.Second, 5*time.Second))
		return
	}
	w.note("register", p.name+" at "+to.name, 0)
	granted, ok := to.register(p)
	if !ok {
		p.at, p.try = nil, p.other(to)
		p.plan(w.between(500*time.Millisecond, 4*time.Second))
		return
	}
	p.at = to
	p.plan(granted/2 + w.between(0, granted/4))
}

// sendHome is a NOTIFY: it registers at home at once, unless it is deaf.
func (p *phone) sendHome(from *system) bool {
	if p.deaf || p.cut[from] {
		return false
	}
	p.try = p.home
	p.plan(p.w.between(50*time.Millisecond, 2*time.Second))
	return true
}

// flowClosed makes it connect again, to its home first.
func (p *phone) flowClosed() {
	p.at, p.try = nil, p.home
	p.plan(p.w.between(100*time.Millisecond, 2*time.Second))
}

// trouble is something that happens to one phone.
func (p *phone) trouble() {
	w := p.w
	switch w.random.IntN(3) {
	case 0: // it cannot reach its home
		s := p.home
		p.cut[s] = true
		w.note("phone cut", p.name+" "+s.name, 0)
		w.at(min(w.now+w.between(10*time.Second, 3*time.Minute), w.calm), func() { p.cut[s] = false })
	case 1: // it reboots
		w.note("phone boots", p.name, 0)
		p.at, p.try = nil, p.home
		p.plan(w.between(time.Second, 20*time.Second))
	case 2: // it has a call for a while
		p.call(w.between(10*time.Second, 2*time.Minute))
	}
}
