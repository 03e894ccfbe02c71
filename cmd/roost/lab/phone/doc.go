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
package phone
