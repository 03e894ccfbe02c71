package switchboard

import (
	"io"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"roost/media"
	"roost/registrar"
	"roost/signaling/call"
)

// Legs speaks the protocols. Its methods return at once and never call back from
// within; what comes of them comes as events (Board.LegEvent).
type Legs interface {
	// Dial begins a leg. That it cannot is told by Refused.
	Dial(leg *Leg, d call.Dial)
	// Do tells a leg what to do; false where it is gone.
	Do(id call.LegID, a call.LegAction) bool
	// Dialog is how the far end of a leg names its dialog; false where there is none.
	Dialog(id call.LegID) (call.DialogID, bool)
	// ByDialog finds the leg of a dialog.
	ByDialog(d call.DialogID) (call.LegID, bool)
}

// Observer hears of calls. It is called by the runner of a call, for one call in
// order, for many at the same time, and must not wait.
type Observer interface {
	// Busy: the phone has one leg more; Free: one less (FB2).
	Busy(phone registrar.Number)
	Free(phone registrar.Number)
	// Standing: the call is connected, and who talks to whom or how media goes is
	// another than was told before. Ended: it is over, if it was ever told.
	Standing(Standing)
	Ended(id string)
	// Finished is the call's record, complete.
	Finished(call.Record)
}

// Leg is what is known of a leg besides its state.
type Leg struct {
	ID   call.LegID
	Kind call.PeerKind
	// Name is the system's or trunk's.
	Name string
	// Number is the phone's, or who is reached by way of the system or trunk.
	Number registrar.Number
	// Target is where an outgoing leg goes; Origin where an incoming one came from.
	Target call.Target
	Origin Origin
	// Out: we dialled it.
	Out       bool
	Emergency bool
}

// Origin is where a leg came from.
type Origin struct {
	Source    netip.AddrPort
	Transport registrar.Transport
	// Secure: signalling is protected by TLS.
	Secure  bool
	Contact string
	Agent   string
}

// Standing is a connected call.
type Standing struct {
	View call.View
	// Direct: its media goes from phone to phone, and it is stable (VP3).
	Direct bool
	// Legs are the two that talk, Dialogs theirs, the first the caller's where it
	// is one of them.
	Legs    [2]Leg
	Dialogs [2]call.DialogID
}

// Options is what a Board is made of.
type Options struct {
	// System is our name.
	System   string
	Router   call.Router
	Legs     Legs
	Observer Observer
	// Relay carries anchored media; Media gives what holds for every session that
	// begins now, but for Call and Silent. Party says what media has to know of a leg.
	Relay  media.Relay
	Media  func() media.Config
	Party  func(*Leg) media.Party
	Random io.Reader // keys of SRTP; crypto/rand.Reader
	// Emergency tells that a dialled number is never refused.
	Emergency func(to string) bool
	// Limits are those in force, Call the bounds of each call that begins now. nil: the
	// defaults.
	Limits func() Limits
	Call   func() call.Limits
	Log    zerolog.Logger
	// Epoch makes the names of calls differ from those before a restart.
	Epoch uint64
}

// Limits bound what calls may cost.
type Limits struct {
	// Calls at a time; one more is refused with 503. Emergency calls are let through.
	Calls int
	// PerPhone is how many calls a phone may have; one more is refused with 486.
	PerPhone int
	// Queue is how many events may wait for one call; a call with more is ended.
	Queue int
}

func (l Limits) orDefault() Limits {
	for _, f := range []struct {
		at    *int
		value int
	}{{&l.Calls, 10_000}, {&l.PerPhone, 8}, {&l.Queue, 1024}} {
		if *f.at <= 0 {
			*f.at = f.value
		}
	}
	return l
}

// drainEvery is how often Stop looks whether the calls that it ended are over.
const drainEvery = 5 * time.Millisecond
