// Package sdp reads and writes session descriptions (RFC 8866), line by line: what
// is not understood stays as it is and where it is, since a description that is
// passed on directly must differ only in what has to be changed. (pion/sdp keeps
// neither the order nor unknown lines; it is the oracle of the tests.)
//
// It owns the grammar of what media relies on: m=, c=, o=, directions, rtpmap,
// rtcp, SDES (RFC 4568), capability negotiation (RFC 5939), fingerprints, ICE
// credentials. It judges these strictly, and the rest only by bounds. What it must
// not know: offers and answers, policies, relays.
//
// Shape: Parse gives a Description: the session's Lines, then Media, each an m-line
// with its Lines. Their strings point into one copy of the body. Bytes writes them.
package sdp
