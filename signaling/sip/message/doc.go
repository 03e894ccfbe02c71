// Package message is what stands between a flow's bytes and the dispatch: it reads
// one SIP message strictly enough to say what is wrong with it, and leniently enough
// to address the answer that says so.
//
// It owns: the scan of start line and header (names in any case, compact forms,
// folded lines), the checks of RFC 3261 §8.1.1, §8.2, §18.3 and §20, URIs, addresses,
// contacts, Via and header parameters, the building of responses as bytes and where
// they go (RFC 3261 §18.2.2, RFC 3581), and the hand-over to sipgo's types.
//
//	bytes → Message.Parse → *Fault (what is wrong, the status that says so) or nil
//	        Message.Check(Rules) → *Fault (405, 416, 420, 421, 483 …) or nil
//	        Message.SIP() → sipgo's request or response, from normalised text
//	Fault, Message → AppendResponse → bytes, to ResponseAddr
//
// What it must not know: sockets, the clock, logs, phones, registrations. It is pure:
// the same bytes give the same verdict. A Message keeps a copy of its text; what it
// gives out may be kept as long as one likes.
package message
