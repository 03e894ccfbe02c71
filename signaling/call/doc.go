// Package call is the calls of a system: two legs and what joins them, routing,
// forking, forwarding, transfer, groups. It is pure: events in, effects out.
//
// It owns what a call is, who is rung when, which leg hears what of the other,
// and the record that is left. It must not know SIP or H.323, sockets, the log
// or the clock: a leg speaks its protocol elsewhere and tells the call by
// LegEvents, the call tells the leg by LegActions, and a time is an argument.
// Bodies pass through it unread.
//
// # Who does what
//
// A leg tells its call what its far end did, each thing once (legevent.go), and
// does what it is told (legaction.go). The call, one for each conversation, takes
// Events and gives Effects (event.go, effect.go). The executor owns the calls: it
// carries effects out in their order, runs the bodies of Do through the media
// session of the pair, calls Step with a Tick when the time of Next has come, and
// hands events of a leg to the call that has it. A number is looked up by the
// Router (router.go), at once and from memory.
//
// # The life of a call
//
// It begins with Invited. A hunt (hunt.go) looks for somebody who answers: a tree
// whose leaves are legs and whose nodes are users with their settings, groups,
// systems and lists of trunks. The first answer wins; the other legs are cancelled,
// and one that answers all the same is ended. From then on two legs talk: offers
// pass across one at a time (exchange.go), INFO and MESSAGE as they come (told.go).
//
// A transfer (transfer.go) keeps one of the two, finds it another partner, and puts
// the two together by a join (join.go), which asks one for an offer and the other for
// the answer. For an attended transfer the other call is handed over whole, and
// given back if the join fails (estate.go). A new leg that replaces one of the two
// (replace.go) is joined in the same way.
//
// Whoever goes first ends the call (finish.go): each answered leg gets its BYE, each
// question its answer, and one record is left (record.go).
//
// # When a home is gone
//
// Preserved keeps what the mirror told of another system's calls, and says what a
// request within one of them is to be answered when that system is down (VP2 to VP4).
package call
