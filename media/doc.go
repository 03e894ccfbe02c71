// Package media is what phones hear: from two offers and answers it makes a plan
// (direct, relayed, relayed with SRTP on one or both sides), rewrites the session
// descriptions, and tells a Relay what to carry.
//
// It is pure: the Relay comes in from outside, and no time is looked at. What it
// must not know: SIP, H.323, calls, registrations. A Session is the media of one
// pair of legs; each body that goes from one leg to the other passes through it.
//
// The packages below it: media/sdp reads and writes session descriptions,
// media/relay carries packets, media/srtp protects them.
package media
