// Package registrar knows which phone is registered here, from where, and
// until when: the bindings of RFC 3261 section 10 and RFC 5626, the licences
// that the system's own phones use (rule US4) and the guests, which never use
// one (rule GU2).
//
// It owns the location table and nothing else. It has no sockets, no clock, no
// log and no goroutine: every call takes the time as an argument, and what a
// call changed is returned as a list of [Change] values, which the caller hands
// on to the mirror, the resilience machine, the console and the log. It does
// not know whether a phone may register: the caller has checked its credentials
// and asked the resilience machine first, and says in the [Update] what it is
// to be recorded as.
//
// The shape of the data: a [Number] (a phone) has bindings, mostly one; each is
// a [Registration]. They are kept compactly (see shard.go), in shards by number
// each with a lock of its own, so that a refresh of one phone waits for no
// other. Strings given in an Update are copied: the caller may let them point
// into the buffer of the message.
package registrar
