// Package call is the calls of a system: two legs and what joins them, routing,
// forking, forwarding, transfer, groups. It is pure: events in, effects out.
//
// It owns what a call is, who is rung when, which leg hears what of the other,
// and the record that is left. It must not know SIP or H.323, sockets, the log
// or the clock: a leg speaks its protocol elsewhere and tells the call by
// LegEvents, the call tells the leg by LegActions, and a time is an argument.
// Bodies pass through it unread.
package call
