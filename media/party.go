package media

import "net/netip"

// Protocol is what signalling a party speaks.
type Protocol uint8

// The protocols.
const (
	SIP Protocol = iota
	H323
)

// Transport says whether a party's signalling is protected on its way.
type Transport uint8

// The degrees of it. AnyTransport, for another system whose phone is not known,
// is the same as every other.
const (
	AnyTransport    Transport = iota
	ClearTransport            // UDP, TCP, WS
	SecureTransport           // TLS, WSS
)

// PartyKind is what is at the far end of a side.
type PartyKind uint8

// The kinds. Only of a Phone is the address in its session description held
// against the address that its signalling comes from: the others speak for
// somebody else.
const (
	Phone PartyKind = iota
	System
	Trunk
)

// Security is the media security policy of a party's extension (SE1).
type Security uint8

// The policies. With Disabled SRTP is neither offered nor taken; with Preferred
// (best effort) it is used where the party can; with Enforced nothing else is
// taken (VP6: a guest brings its home's policy).
const (
	Disabled Security = iota
	Preferred
	Enforced
)

// String gives the policy as the configuration has it.
func (s Security) String() string {
	switch s {
	case Disabled:
		return "disabled"
	case Preferred:
		return "preferred"
	case Enforced:
		return "enforced"
	default:
		return "unknown"
	}
}

// BestEffort is how an offer to a party says "SRTP, or RTP if you cannot"
// (Preferred). Whatever a party itself offers is understood in each of the ways.
type BestEffort uint8

// The ways.
const (
	// OSRTP is RTP/AVP with a=crypto (RFC 8643).
	OSRTP BestEffort = iota
	// CapNeg is RTP/AVP with RTP/SAVP as a potential configuration (RFC 5939).
	CapNeg
	// TwoLines is an m-line with RTP/SAVP, then one with RTP/AVP.
	TwoLines
	// SAVP is RTP/SAVP alone; Session.Retry gives RTP/AVP if it is refused.
	SAVP
)

// Party is what a Session knows of one of its two ends.
type Party struct {
	Kind      PartyKind
	Protocol  Protocol
	Transport Transport
	// Source is the address that the party's signalling comes from; not valid
	// where that is unknown. A Phone whose session description names another
	// address is behind NAT, and is anchored. Its family says, before the party
	// has sent a description, whether it is offered IPv4 or IPv6.
	Source netip.Addr
	// NAT says that the party is known to be behind NAT: its contact was not
	// where its REGISTER came from.
	NAT bool
	// Direct says that the party's extension, trunk or line allows direct media.
	Direct bool
	// Security is the policy of its extension.
	Security Security
	// BestEffort is how its profile wants Preferred to be written.
	BestEffort BestEffort
	// Web says that the party wants DTLS-SRTP and ICE (a browser, over WSS).
	Web bool
	// Emergency says that the call goes to or comes from emergency services:
	// media security never refuses it (GU6).
	Emergency bool
	// Past is what the party's leg has of an earlier pair (transfer); Session.Past
	// gives it. Zero for a new leg.
	Past Past
}

// Past is what a leg brings along into its next pair.
type Past struct {
	// Origin is the o= value that it was last sent: it goes on with the next version.
	Origin string
	// Spoke is how it described its own voice.
	Spoke Spoke
}

// Spoke is whether a party's own description had RTP or SRTP. A later offer, in a
// call that stands, should not ask for what the party showed that it may not have:
// there some phones answer with a rejected m-line, and not with a 488.
type Spoke uint8

// What a party's description had.
const (
	SpokeEither Spoke = iota // both, or nothing is known
	SpokeClear               // RTP alone
	SpokeSealed              // RTP/SAVP alone
)
