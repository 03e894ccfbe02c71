// Package proxy is a TCP proxy that breaks a line on command: it resets it, lets it
// hang, heals it, or makes it slow. The lab and the tests put one on a line between
// two systems, because the kernel of a test machine often has no netem.
//
// It owns its listener and the connections through it, and knows nothing of what is
// spoken over them: bytes in, the same bytes out, later or never. It listens on and
// forwards to loopback addresses only, so that a forgotten one is no hole in a network.
//
//	Healed  bytes flow, after Delay in each direction
//	Cut     open connections are reset (RST), new ones are reset as they are accepted
//	Hung    connections stay open and are accepted, no byte passes; healed, what was
//	        sent meanwhile arrives
package proxy
