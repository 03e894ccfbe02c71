// Package h323 is the H.323 front-end: the sockets, the clock and the lock around the
// gatekeeper of package ras.
//
// It owns UDP 1719 and, where configured, the group 224.0.1.41:1718 of discovery, one
// reader a socket, and one goroutine that keeps time. It must not know how phones are
// admitted or shared: the gatekeeper asks a ras.Office, which node implements, and what
// it tells of its own accord goes to Options.Events. There is no call signalling yet.
//
// The Office is asked with the gatekeeper's lock held; what it leads to (SendHome,
// Drop) is therefore put into a queue and done afterwards, so that nobody who calls
// this package waits for it, whatever locks he holds.
//
// A panic costs the message at which it happened. Trouble is counted, and logged in one
// line a minute at most.
package h323
