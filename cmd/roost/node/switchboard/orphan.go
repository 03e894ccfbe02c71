package switchboard

import (
	"slices"
	"time"

	"roost/signaling/call"
)

// A call over a line whose other system died: its phones still send to each other, and
// what this system finds out by itself, that nobody answers there any more, is no reason
// to end that (VP3). The call goes on with the leg that is left, until its phone's next
// event (VP4): a BYE ends it, what needs the other end is refused, and after
// call.PreservedFor it is forgotten.

// lostWords are how a leg says that its far end is not there, or has forgotten the call.
// A BYE has other words.
var lostWords = []string{"session timer", "no answer within the call", "the far end does not know the call"}

// orphaned takes the end of a leg that another system did not say; false where the call
// is to hear of it.
func (e *entry) orphaned(ev call.Ended, now time.Time) bool {
	leg := e.leg(ev.Leg)
	if leg == nil || leg.Kind != call.System || !slices.Contains(lostWords, ev.Cause.Phrase) || !e.outlives() {
		return false
	}
	talk := e.shown.Load().Talk
	if !slices.Contains(talk[:], ev.Leg) || len(e.legIDs()) != 2 {
		return false
	}
	e.orphan, e.forgotten = ev.Leg, now.Add(call.PreservedFor)
	e.b.count.orphaned.Add(1)
	e.b.o.Log.Info().Str("call", e.id).Str("peer", leg.Name).Str("why", ev.Cause.Phrase).
		Msg("the other system has lost a call whose media goes from phone to phone; it is let be")
	return true
}

// unheard answers what a leg was told that nobody hears any more; false where the leg
// is there.
func (e *entry) unheard(id call.LegID, a call.LegAction) bool {
	if e.orphan == 0 || id != e.orphan {
		return false
	}
	switch a := a.(type) {
	case call.Offer:
		e.post(item{leg: id, event: call.Agreed{Leg: id, ID: a.ID, Cause: call.Cause{Status: 481, Phrase: "the other system is gone"}}})
	case call.Tell:
		e.post(item{leg: id, event: call.ToldReply{Leg: id, ID: a.ID, Status: 481}})
	case call.Dial:
		return false
	}
	return true
}

// outstayed ends an orphan after its time; nobody is told.
func (e *entry) outstayed(now time.Time) {
	switch {
	case e.orphan == 0 || e.over.Load():
	case now.Before(e.forgotten):
		e.b.times.at(e, e.forgotten)
	default:
		e.b.leave(e, "preserved for too long")
		e.finish()
	}
}
