// Package h245 is H.245 (version 13, 05/2006), the control of media between two
// H.323 endpoints, as typed structs with their PER code.
//
// The structs are generated from the table in signaling/h323/schema. It owns the
// wire form and nothing else: master and slave, capabilities and channels are its
// callers'. It must not know sockets, clocks or loggers.
//
// A message travels on a TCP connection of its own in TPKTs, or tunnelled in the
// h245Control of a call signalling message; the elements of fastStart are
// OpenLogicalChannels. How the structs hold what is optional is said in package h225.
package h245

//go:generate go run roost/signaling/h323/schema/gen -root ..
