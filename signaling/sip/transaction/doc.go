// Package transaction is the four transaction machines of RFC 3261 §17, with the
// Accepted state of RFC 6026: InviteClient, Client, InviteServer, Server.
//
// It owns: which message is repeated when, what is absorbed, when a transaction
// timed out or ended. It is pure: what comes from the wire, from the transaction's
// user and from the transport are method calls with the time, timers are a deadline
// (Next) after which Tick is due, and what is to be done comes back as an Effects.
//
//	user:      Start, Respond            → Effects.Send
//	wire:      Receive                   → Effects.Deliver, .Send (ACK, a repeated response)
//	clock:     Tick                      → Effects.Send, .TimedOut
//	transport: Failed                    → Effects.Failed
//	           any of them               → Effects.Ended
//
// What it must not know: sockets, what is in a message besides its status, dialogs.
// Finding the transaction of a message is the caller's.
package transaction
