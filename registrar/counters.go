package registrar

import "sync/atomic"

// class is what a phone counts as; the zero class is a phone that is not here.
type class struct {
	protocol Protocol
	guest    bool
}

func (c class) licensed() bool { return c.protocol != 0 && !c.guest }

func (s *shard) classOf(head uint32) class {
	if head == 0 {
		return class{}
	}
	b := s.at(head)
	return class{b.protocol, b.guest}
}

// counters count phones by class. They are touched when a phone comes or goes,
// never on a refresh.
type counters struct {
	own, guests [protocols]atomic.Int64
	licensed    atomic.Int64
	phones      atomic.Int64
	bindings    atomic.Int64
}

// admit takes what a phone needs to pass from one class into another: room
// (capacity) if it was not here, a licence if it becomes an own phone (US4, GU2).
func (c *counters) admit(from, to class, limits *Config) error {
	if from == to {
		return nil
	}
	if from.protocol == 0 && !takeOne(&c.phones, limits.Capacity) {
		return ErrCapacity
	}
	if to.licensed() && !from.licensed() && !takeOne(&c.licensed, limits.Licences) {
		if from.protocol == 0 {
			c.phones.Add(-1)
		}
		return ErrNoLicence
	}
	c.of(to).Add(1)
	if from.protocol != 0 {
		c.leaveClass(from, to)
	}
	return nil
}

// leave gives back what a phone of the class had.
func (c *counters) leave(from class) {
	c.phones.Add(-1)
	c.leaveClass(from, class{})
}

func (c *counters) leaveClass(from, to class) {
	c.of(from).Add(-1)
	if from.licensed() && !to.licensed() {
		c.licensed.Add(-1)
	}
}

func (c *counters) of(k class) *atomic.Int64 {
	if k.guest {
		return &c.guests[k.protocol]
	}
	return &c.own[k.protocol]
}

// takeOne adds one unless the limit is reached; 0 is no limit.
func takeOne(n *atomic.Int64, limit int) bool {
	for {
		v := n.Load()
		if limit > 0 && v >= int64(limit) {
			return false
		}
		if n.CompareAndSwap(v, v+1) {
			return true
		}
	}
}
