// Package faults has no code: its tests break a whole system from outside. They start
// `roost serve` as real processes on loopback addresses of their own, register simulated
// phones (package lab/phone), and then throw bad input at them, or take their
// certificates, lines and peers away, and look at what an administrator would see: the
// status over the API, the log, the phones.
//
// The tests know only what is outside of a process: files, signals, sockets, HTTP. What
// each of them breaks stands in its name; what a limit does in detail is tested where the
// limit is, in packages flow, message, sip and nats.
//
//	site ── systems (process, configuration, console, log)
//	     ├─ phones (fleet and its reports)      strangers: sockets with raw text
//	     └─ talkers (a fleet that talks)        desks: phones with messages by hand; guns: packets
//
// A system's log is read at its end: no password, digest, key or Authorization header
// may stand in it, and no panic.
package faults
