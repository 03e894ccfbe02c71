// Package phone simulates SIP desk phones: how they register, notice that a
// server is gone, move to the next one of their list and come back, family by
// family (profile.go). It is test support of the lab and of `roost phone`, and
// deliberately shares no code with roost's own SIP front-end: a mistake made on
// both sides would hide itself.
//
// A phone is a Machine: Step(event, now) returns effects; no socket, clock or
// goroutine inside. Everything in it is rule time: `now` runs Speed times as
// fast as the wall clock, so that "32 s without an answer" stays 32 s in the
// text of a report whatever the speed. A Fleet runs many machines over real
// sockets, one goroutine and one UDP socket a phone, and turns what they report
// into Reports (JSON lines in `roost phone --fleet`).
//
//	bytes, timers, commands ─▶ Machine.Step ─▶ Send, Hangup, Report
//	                               │ Open, Set, Dial, Close
//	                               ▼
//	                             Media ─▶ voice-began, voice-gap, voice-lost
//
// Calls are the Machine's too: call.go says what one is, callmake.go, callserve.go
// and callwithin.go what is sent and answered, transfer.go and person.go what the
// person at the phone does, offer.go what is agreed on. A phone is an ordinary user
// agent that sends everything to its server. Its voice runs over a Media, which
// for a Fleet is one rtp.Pump: one goroutine for all calls of the process, in
// wall-clock time, since voices are not sped up. A VoiceReport tells for each call
// what was heard, by its tone.
package phone
