package node

import (
	"context"
	"sync"
	"time"

	"roost/resilience"
)

// keeper holds the one resilience machine: it lets one event in at a time, has
// the effects carried out in their order before the next, and wakes the machine
// when its time has come.
type keeper struct {
	mu      sync.Mutex
	machine *resilience.Machine
	// carry does one effect. It is called with mu held and must not come back to
	// the keeper; what does goes into a goroutine of its own.
	carry func(resilience.Effect, time.Time)
	// wake has room for one, so that a change of the deadline is never missed.
	wake   chan struct{}
	due    time.Time // the deadline that run knows of; zero: none
	nextID uint64
}

func newKeeper(m *resilience.Machine, carry func(resilience.Effect, time.Time)) *keeper {
	return &keeper{machine: m, carry: carry, wake: make(chan struct{}, 1)}
}

// step hands one event to the machine and carries its effects out.
func (k *keeper) step(e resilience.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.locked(e, time.Now())
}

func (k *keeper) locked(e resilience.Event, now time.Time) {
	k.carryAll(k.machine.Step(e, now), now)
}

func (k *keeper) carryAll(effects []resilience.Effect, now time.Time) {
	for _, effect := range effects {
		k.carry(effect, now)
	}
	if due, _ := k.machine.Next(); !due.Equal(k.due) {
		k.due = due
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
}

// ask puts a phone's request to the machine and returns the one effect that
// decides it: Admit, Challenge, Acknowledge or Refuse.
func (k *keeper) ask(q resilience.PhoneAsks) resilience.Effect {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	k.nextID++
	q.ID = k.nextID
	if q.Proven && q.Kind == resilience.AskRegister && q.Protocol == resilience.SIP { // that of H.323 may be a reboot (FB8)
		if admit, ok := k.machine.Refresh(q.ID, q.Phone, now); ok {
			return admit
		}
	}
	var decision resilience.Effect
	effects := k.machine.Step(q, now)
	rest := effects[:0]
	for _, effect := range effects {
		switch effect.(type) {
		case resilience.Admit, resilience.Challenge, resilience.Acknowledge, resilience.Refuse:
			decision = effect
		default:
			rest = append(rest, effect)
		}
	}
	k.carryAll(rest, now)
	return decision
}

// registered reports a guest's registration, on the hot path of its refreshes.
func (k *keeper) registered(e resilience.PhoneRegistered) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	k.carryAll(k.machine.Registered(e, now), now)
}

// run ticks the machine at its deadlines until ctx ends.
func (k *keeper) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(k.untilNext())
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-timer.C:
			k.step(resilience.Tick{})
		}
	}
}

func (k *keeper) untilNext() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	deadline, due := k.machine.Next()
	if !due {
		return time.Hour
	}
	return max(time.Until(deadline), 0)
}

// view is the machine's state, and its guests.
func (k *keeper) view() (resilience.View, []resilience.GuestView) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	return k.machine.View(now), k.machine.Guests(now)
}

// homes are the states of the homes.
func (k *keeper) homes() []resilience.HomeView {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.machine.View(time.Now()).Homes
}

// guest is the state of one guest.
func (k *keeper) guest(n resilience.Phone) (resilience.GuestView, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.machine.Guest(n, time.Now())
}
