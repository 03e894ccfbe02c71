package sip

import (
	"errors"
	"sync"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/dialog"
	"roost/signaling/sip/flow"
)

var effectsPool = sync.Pool{New: func() any { return new(dialog.Effects) }}

// run does one step of a leg, and those that are left behind meanwhile; false for a
// leg that is gone.
func (s *legs) run(l *leg, one step) bool {
	l.mu.Lock()
	if l.gone {
		l.mu.Unlock()
		return false
	}
	if l.running {
		s.leave(l, one)
		l.mu.Unlock()
		return true
	}
	l.running = true
	l.mu.Unlock()
	s.step(l, one)
	s.drain(l)
	return true
}

// leave puts a step behind those that wait; l.mu is held. What is lent is copied.
func (s *legs) leave(l *leg, one step) {
	if len(l.queue) >= maxQueue && one.message != nil {
		s.e.count.add(cLegQueueFull)
		return
	}
	if one.message != nil {
		one.message = one.message.Clone()
	}
	l.queue = append(l.queue, one)
}

// drain works off what waits; the caller is the one who runs the leg.
func (s *legs) drain(l *leg) {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 || l.gone {
			l.queue, l.running = nil, false
			l.mu.Unlock()
			return
		}
		one := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		s.step(l, one)
	}
}

// step does one thing to a leg. A panic costs the leg, and nothing else.
func (s *legs) step(l *leg, one step) {
	fx := effectsPool.Get().(*dialog.Effects)
	defer func() {
		fx.Reset()
		effectsPool.Put(fx)
		if p := recover(); p != nil {
			s.e.panicked(p, "a step of a leg panicked; the leg is lost, nothing else")
			s.lose(l)
		}
	}()
	switch {
	case one.message != nil:
		l.dialog.Receive(one.message, one.arrival, one.now, fx)
		if one.message.Request && l.dialog.Path().Flow == one.arrival.Flow { // a stranger's moves nothing
			l.local, l.remote = one.local, one.arrival.Remote
		}
	case one.action != nil:
		l.dialog.Do(one.action, one.now, fx)
	case one.gone != 0:
		l.dialog.FlowGone(uint64(one.gone), one.now, fx)
	default:
		l.dialog.Tick(one.now, fx)
	}
	s.carryOut(l, one, fx)
}

// carryOut does what a step wants done, and sees when the leg is to be woken.
func (s *legs) carryOut(l *leg, one step, fx *dialog.Effects) {
	s.e.countOdd(fx.Odd)
	before := len(fx.Odd)
	for i := 0; i < len(fx.Sends); i++ { // a failure may add to them
		s.send(l, fx.Sends[i], one, fx)
	}
	s.e.countOdd(fx.Odd[before:])
	if len(fx.Events) > 0 {
		l.learn()
	}
	for _, ev := range fx.Events {
		if invited, ok := ev.(call.Invited); ok {
			origin := *l.origin
			l.origin = nil
			s.e.o.Calls.Invited(invited, origin)
			continue
		}
		s.e.o.Calls.LegEvent(ev)
	}
	if l.ends && l.dialog.Answered() {
		l.ends = false
		s.answered(l)
	}
	if l.inviteKey != "" && l.dialog.Settled() {
		s.settle(l)
	}
	if l.dialog.Over() {
		l.mu.Lock()
		l.gone = true
		l.mu.Unlock()
		s.remove(l)
		return
	}
	if l.dialog.Finished() {
		s.fade(l)
	}
	if at, ok := l.dialog.Next(); ok {
		s.clock.set(l, at)
	}
}

func (e *Endpoint) countOdd(all []dialog.Odd) {
	for _, o := range all {
		e.count.add(cOdd + counter(o) - 1)
	}
}

// learn keeps the dialog's name where others can read it.
func (l *leg) learn() {
	d, ok := l.dialog.Dialog()
	if have := l.known.Load(); ok && (have == nil || *have != d) {
		kept := d
		l.known.Store(&kept)
	}
}

// lose takes a leg out that cannot go on, and says so.
func (s *legs) lose(l *leg) {
	l.mu.Lock()
	l.gone = true
	l.mu.Unlock()
	s.remove(l)
	s.e.guarded("the end of a lost leg panicked", func() {
		s.e.o.Calls.LegEvent(call.Ended{Leg: l.id, Cause: call.Cause{Status: 500, Phrase: "a fault of ours"}})
	})
}

// send writes a message of a leg to its flow.
func (s *legs) send(l *leg, m dialog.Send, one step, fx *dialog.Effects) {
	e := s.e
	var err error
	if m.To.IsValid() {
		err = e.flows.SendTo(flow.ID(m.Flow), m.To, m.Bytes)
	} else {
		err = e.flows.Send(flow.ID(m.Flow), m.Bytes)
	}
	if err == nil {
		return
	}
	if errors.Is(err, flow.ErrGone) {
		if id, ok := s.again(l, m, one.now); ok && e.flows.SendTo(id, m.To, m.Bytes) == nil {
			return
		}
		e.count.add(cDeadFlow)
	} else {
		e.count.add(cWriteFailed)
	}
	if m.Branch != "" {
		l.dialog.Failed(m.Branch, one.now, fx)
	}
}

// again makes the way to a leg's far end anew: a UDP flow that was forgotten, or the
// stream by which a phone has registered since.
func (s *legs) again(l *leg, m dialog.Send, now time.Time) (flow.ID, bool) {
	e := s.e
	p := l.dialog.Path()
	if e.flows.IsUDP(flow.ID(m.Flow)) {
		id, err := e.flows.UDPFlow(l.local, l.remote)
		if err != nil {
			return 0, false
		}
		if p.Flow == m.Flow {
			p.Flow = uint64(id)
			l.dialog.Reroute(p)
		}
		return id, true
	}
	if l.dialog.Peer() != call.Phone || p.Flow != m.Flow {
		return 0, false
	}
	return s.reregistered(l, p, now)
}

// reregistered finds the stream that a phone has come back on: that of the binding
// with the contact that its dialog names.
func (s *legs) reregistered(l *leg, p dialog.Path, now time.Time) (flow.ID, bool) {
	if l.number == "" {
		return 0, false
	}
	for _, r := range s.e.o.Office.Lookup(l.number, now) {
		if r.Contact != l.dialog.Target() || uint64(r.Flow) == p.Flow {
			continue
		}
		next, _, ok := s.e.pathOf(flow.ID(r.Flow))
		if !ok || next.Transport != p.Transport {
			continue
		}
		l.dialog.Reroute(next)
		s.e.count.add(cLegMoved)
		return flow.ID(r.Flow), true
	}
	return 0, false
}

// pathOf gives the path over a flow, and the flow's ends.
func (e *Endpoint) pathOf(id flow.ID) (dialog.Path, flow.Info, bool) {
	info, ok := e.flows.Info(id)
	if !ok {
		return dialog.Path{}, info, false
	}
	return dialog.Path{
		Flow: uint64(id), Transport: info.Transport.String(), Reliable: info.Transport.Reliable(),
		Local: e.shownText(info.Local),
	}, info, true
}

// arrivalOf is how a message came in.
func (w *work) arrivalOf() dialog.Arrival {
	return dialog.Arrival{
		Path: dialog.Path{
			Flow: uint64(w.in.Flow), Transport: w.in.Transport.String(), Reliable: w.in.Transport.Reliable(),
			Local: w.e.shownText(w.in.Local),
		},
		Remote: w.in.Remote,
	}
}
