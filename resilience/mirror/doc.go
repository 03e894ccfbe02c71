// Package mirror shares records between systems: a versioned store with one
// writer each, the replica a reader keeps of it, and the protocol between the
// two. It is pure: no network, no clock, no logger, no goroutine. Time is an
// argument of every call; messages leave as effects and arrive as events, so
// that the same code runs over NATS, in a test's memory, and in the seeded
// simulator of package sim.
//
// # What it owns
//
//   - [Store]: the sets that this system writes. Versions, tombstones, horizon,
//     digest, expiry.
//   - [Replica]: one set of another system as it is known here. Deltas, gaps,
//     snapshots that are built aside and swapped in whole, the digest rule.
//   - [Session]: both for all systems, the heartbeats, the pulls with their
//     deadlines, and the alarms. Events in, effects out.
//   - [Carrier]: what the session needs of a network, documented method by method.
//   - the wire format of the messages (wire.go).
//
// It must not know what a record means (registrar/record does), how a message
// travels (mirror/nats does), nor what follows from a home being silent
// (package resilience does).
//
// # Sets
//
// A record is a key, opaque bytes and perhaps an expiry. Records stand in sets,
// and a set's name says who may read it (SH5):
//
//	dir             every system
//	cfg/<backup>    that backup: what it needs to serve our phones
//	bind/<backup>   that backup: the registrations it would take over
//	guest/<home>    that home: whom of its phones we serve
//
// The kind before the slash is free, the audience behind it is enforced: a
// request for a set from another system than its audience is not answered, and
// a carrier lets only the audience hear the set's subjects.
//
// # Epoch and version
//
// A system hands in a new epoch at each start: seconds since 1970 in the high
// 32 bits, so that it grows from start to start as RULES SH2 wants and a person
// reading a log sees which start came later, and 32 random bits below, so that
// two starts within a second or after a clock that was set back still differ.
// Nothing here compares epochs for order: another epoch is another life of the
// origin, whichever is greater, and the replica pulls. An epoch is believed
// only from the answer to a pull that is under way, never from a stray delta, so
// a message of an earlier life that arrives late costs one pull and no record.
//
// Versions count 1, 2, 3 … within an epoch and a set, one for each change. A
// delta (from, to] or a page of a pull holds every record whose newest version
// lies in it, in the order of versions. That makes a pull a walk along versions:
// the reader asks for what lies above a cursor, the writer answers a bounded
// window, and keeps no state for the reader. A snapshot is the same walk from
// version 0 into a map built aside.
//
// # Expiry
//
// An expiry travels as the time that remains when the message is written (SH2),
// beside the writer's time since start. Heartbeats carry the same time since
// start, and tell the reader how its clock relates to it; what a message spent
// on its way is taken off. Neither side's wall clock takes part, so skew and
// steps change nothing. The replica enforces expiry when a record is read, and
// reports it as a change within [Config.SweepEvery].
//
// The times handed in must not jump: those of time.Now carry the monotonic
// reading and do not, as long as nobody strips it (Round, UTC, In).
package mirror
