package media

// PathKind is how media goes.
type PathKind uint8

// The ways.
const (
	NoMedia PathKind = iota
	Direct
	Relayed
)

// String gives the way as call records have it: "none", "direct", "relayed".
func (k PathKind) String() string {
	switch k {
	case Direct:
		return "direct"
	case Relayed:
		return "relayed"
	default:
		return "none"
	}
}

// Path is how the media of a Session goes.
type Path struct {
	Kind PathKind
	// Why is the reason why media is anchored, in words for call records; empty
	// when it is direct.
	Why string
	// Security of the (first) audio on each side: an SRTP suite's name, "DTLS" or
	// "" for plain RTP; the same on both where media is direct.
	Security [2]string
	// Reoffer, if not empty, says why direct media, as agreed, will not do, which
	// only the answer showed (the answerer is behind NAT): an offerless re-INVITE
	// to either side brings an offer that will be anchored.
	Reoffer string
}

// Hold says who takes no media at present: the side told the other to wait
// (sendonly, inactive, c=0.0.0.0). A call is held when either does.
type Hold struct{ A, B bool }

// Held tells that either side holds.
func (h Hold) Held() bool { return h.A || h.B }

// MediaStats is one relayed m-line.
type MediaStats struct {
	// Media is "audio", "video", "image"…
	Media string
	// Security of each side: a suite's name, "DTLS", or "".
	Security [2]string
	StreamStats
}
