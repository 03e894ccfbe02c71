// Package flow owns the SIP front-end's sockets: UDP, TCP and TLS over IPv4 and
// IPv6. It cuts what arrives into whole SIP messages, hands each of them, in the
// order of arrival, to one synchronous Handler, and writes what goes out.
//
// A flow is a path to one peer: a TCP or TLS connection, or the pair of local and
// remote address over UDP (RFC 5626 §3). Each has an ID that is never given to
// another flow; sending on a flow that is gone is ErrGone, never a new connection
// (the layer above answers 430). The Table holds the flows, the limits, and the
// counters; it answers keep-alives (CRLF on streams, STUN on UDP) by itself.
//
//	net.PacketConn / net.Listener → reader → Handler.Handle(*Inbound) → Inbound.Answer → socket
//	                                           Table.Send(ID, bytes)  → socket
//	flow ends                              → Handler.FlowClosed(ID, Reason)
//
// What it must not know: SIP beyond the end of a message (Content-Length), sipgo,
// phones, registrations, credentials. Sockets, listeners and *tls.Config come in from
// outside; Open makes them for the program, tests hand in what they like, so that
// the whole of it runs in a testing/synctest bubble.
package flow
