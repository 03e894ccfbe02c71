package relay

// Counters is how a relay stands, all streams together.
type Counters struct {
	// Streams that are open now, and Opened since the start.
	Streams int
	Opened  uint64
	// Packets (RTP and RTCP) and Octets that were carried.
	Packets, Octets uint64
	// Why packets were dropped; media.SideStats says what each means. Foreign are
	// STUN and DTLS packets that did not prove themselves.
	Strange, Forged, Bad, Replayed, Unagreed, Held, Unsent, Foreign uint64
	// PairsTaken, PairsResting and PairsTotal are port pairs over all addresses.
	PairsTaken, PairsResting, PairsTotal int
	// Refused is how many streams found no ports.
	Refused uint64
	// Silent is how many streams were reported silent.
	Silent uint64
}
