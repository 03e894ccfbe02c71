// Package media is what phones hear: from two offers and answers it makes a plan
// (direct, relayed, relayed with SRTP on one or both sides), rewrites the session
// descriptions, and tells a Relay what to carry.
//
// It is pure: the Relay comes in from outside, and no time is looked at. What it
// must not know: SIP, H.323, calls, registrations. A Session is the media of one
// pair of legs; each body that goes from one leg to the other passes through it.
//
// How a body flows: Offer parses it and makes a view of each m-line (view.go: what it
// says, judged), lays the views on the plan's streams (plan.go), decides direct or
// anchored (policy.go, rule VP1) and what protection each side has or is offered
// (policy.go, sdes.go, rules SE1, VP6, GU6), opens relay streams (relaying.go), and
// writes the body for the other side (write.go, web.go, origin.go). Answer does the
// same on a clone of the open plan, tells the relay, and makes it the current one; an
// error or a Rollback drops the clone.
//
// The packages below it: media/sdp reads and writes session descriptions,
// media/relay carries packets, media/srtp protects them.
package media
