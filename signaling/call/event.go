package call

import "roost/registrar"

// Event is what enters a Call: every LegEvent, and the kinds of this file, which
// come from the executor.
type Event interface{ callEvent() }

// Tick: the time that Next gave has come.
type Tick struct{}

// MediaRefused: the media session of a pair did not take the body of a Do, or the
// relay has no ports; Do was not carried out. It is to be stepped after the other
// effects of the same Step, and before any other event. What is told meanwhile to a
// leg whose Dial was not carried out is to be dropped.
type MediaRefused struct {
	Do    Do
	Cause Cause // 488, 503 …
}

// MediaSilent: the relay of a pair heard nothing from either side for the media
// time-out. The call ends, unless it is held.
type MediaSilent struct{ A, B LegID }

// Reoffer: what was agreed between two who talk will not carry media, which only the
// answer showed. They are asked anew as soon as both are up. Why is for the log.
type Reoffer struct {
	A, B LegID
	Why  string
}

// HangUp ends the call from inside: an operator, a limit, a system that stops.
type HangUp struct{ Cause Cause }

// Adopt answers FindDialog: the other call was handed over (Call.HandOver) and
// its legs belong to this call from now on.
type Adopt struct {
	ID     uint32
	Estate *Estate
}

// NotFound answers FindDialog: there is no such dialog here (481), or its call
// cannot be handed over at present.
type NotFound struct {
	ID    uint32
	Cause Cause
}

// Replace: By, a new leg with a Replaces header, asks for the place of Leg, which
// is one of this call (RFC 3891 §3). By belongs to this call from now on.
type Replace struct {
	Leg LegID
	By  Invited
}

func (Tick) callEvent()         {}
func (MediaRefused) callEvent() {}
func (MediaSilent) callEvent()  {}
func (Reoffer) callEvent()      {}
func (HangUp) callEvent()       {}
func (Adopt) callEvent()        {}
func (NotFound) callEvent()     {}
func (Replace) callEvent()      {}

func (Invited) callEvent()   {}
func (Ringing) callEvent()   {}
func (Answered) callEvent()  {}
func (Connected) callEvent() {}
func (Refused) callEvent()   {}
func (Cancelled) callEvent() {}
func (Offered) callEvent()   {}
func (Agreed) callEvent()    {}
func (Ended) callEvent()     {}
func (Referred) callEvent()  {}
func (Told) callEvent()      {}
func (ToldReply) callEvent() {}

// LegOf is the leg that an event is of.
func LegOf(ev LegEvent) LegID {
	switch ev := ev.(type) {
	case Invited:
		return ev.Leg
	case Ringing:
		return ev.Leg
	case Answered:
		return ev.Leg
	case Connected:
		return ev.Leg
	case Refused:
		return ev.Leg
	case Cancelled:
		return ev.Leg
	case Offered:
		return ev.Leg
	case Agreed:
		return ev.Leg
	case Ended:
		return ev.Leg
	case Referred:
		return ev.Leg
	case Told:
		return ev.Leg
	case ToldReply:
		return ev.Leg
	default:
		return 0
	}
}

// Target is one way to reach somebody: a device of a phone, another system, a trunk.
type Target struct {
	Kind PeerKind
	// Name is the system's or the trunk's.
	Name string
	// Number is who is reached, as the far end is to be told it (Dial.To).
	Number registrar.Number
	// Binding is the device, where Kind is Phone.
	Binding registrar.Registration
	// From takes the caller's place in what the far end is shown, where it is not
	// the zero Party: a trunk's own number.
	From Party
}
