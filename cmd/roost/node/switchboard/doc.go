// Package switchboard runs the calls of a system: it carries out what the pure
// core (signaling/call) asks for, with legs, media sessions and time.
//
// It owns the table of calls and of their legs, each call's queue, the deadlines, the
// media session of each pair of legs, the counts, and the end of calls when the system
// stops. It must not know SIP or H.323, what a number means (call.Router), how a
// session description is rewritten (media.Session), or who is told of a call (Observer).
//
// The shape of the data:
//
//	leg's events, ticks, silence of media → entry.post → queue of one call
//	      the one who finds it idle drains it → call.Call.Step → effects
//	      → Legs.Dial, Legs.Do (a body passes through media.Session) · Observer · deadline
//
// There is no goroutine for a call. Whoever brings an event to a call that rests becomes
// its runner until the queue is empty; whoever finds it running only appends. So a call
// sees one event at a time and in order, and a leg may tell something while it is told
// something. Two calls are never locked together but to move legs from one to the
// other (transfer with Replaces), in the order of their numbers.
//
// At the system's end calls whose media goes from phone to phone are let be: nothing is
// sent that ends them (VP3). Anchored calls lose their voice with the relay, so they are
// ended by BYE, which tells phone and user at once; so are calls that nobody answered.
package switchboard
