// Package q931 is Q.931 as H.225.0 uses it for call signalling: a header with call
// reference and message type, and information elements in the order in which they
// came. The user-user element carries the H323-UserInformation of package h225.
//
// Elements stay raw, so that a message can be passed on unchanged; the elements that
// calls need can be read and built by type (cause, numbers, bearer capability,
// display, progress indicator, …). Read also takes the TPKT frames (RFC 1006) in
// which messages travel.
//
// It must not know sockets, clocks or loggers, nor the other wire formats. A decoded
// message keeps parts of the octets it was decoded from.
package q931
