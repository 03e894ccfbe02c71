// Package h225 is H.225.0 (version 7, 12/2009) with its H.235.0 tokens: the RAS
// messages between endpoint and gatekeeper, and the user-user part of call
// signalling, as typed structs with their PER code.
//
// The structs are generated from the table in signaling/h323/schema. It owns the
// wire form and nothing else: what a message means, its sockets, timers and keys are
// its callers'. It must not know sockets, clocks or loggers.
//
// A message is a CHOICE: its field Choice says which alternative is there, and the
// field of that name holds it. Optional components are nil, "", false or per.Opt.
// A decoded message keeps parts of the octets that it was decoded from. So the hash of
// an H.235.1 token can be zeroed, or filled in, in those octets themselves, over which
// its HMAC goes.
package h225

//go:generate go run roost/signaling/h323/schema/gen -root ..
