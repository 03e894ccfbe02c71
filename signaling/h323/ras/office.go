package ras

import (
	"net/netip"
	"time"

	"roost/registrar"
)

// Office is whom the gatekeeper asks; node implements it. Every method is called from
// within Receive or Tick and must return without waiting, and without calling the
// gatekeeper. What is passed by pointer is lent until the method returns.
type Office interface {
	// Known says whether a number is that of an H.323 extension of any system that is
	// known here: such an alias belongs to that extension alone.
	Known(registrar.Number) bool

	// Ask is asked before tokens are looked at: does this system deal with this number
	// now, and if not, who does (rule FO1)? For a number that nobody knows the answer is
	// Proceed.
	Ask(*Question) Decision

	// Secret is what the tokens of a number are checked against; false if there is none.
	Secret(registrar.Number) (Secret, bool)

	// Register admits and records in one step.
	Register(*Registering) Answer

	// Shared finds a registration at another system by the endpoint's identifier, as it
	// is mirrored here, so that a keep-alive can be answered at once.
	Shared(id string) (Endpoint, bool)
}

// Kind says what a request is about.
type Kind uint8

// The kinds of question.
const (
	KindDiscover   Kind = iota + 1 // GRQ
	KindRegister                   // full or additive RRQ
	KindRefresh                    // lightweight RRQ (keepAlive)
	KindUnregister                 // URQ
)

// String names the kind for the log.
func (k Kind) String() string {
	switch k {
	case KindDiscover:
		return "discovery"
	case KindRegister:
		return "registration"
	case KindRefresh:
		return "keep-alive"
	case KindUnregister:
		return "unregistration"
	}
	return "unknown"
}

// Question is what Ask is asked.
type Question struct {
	Kind   Kind
	Number registrar.Number // claimed, not proven
	Source netip.AddrPort
	Agent  string
	Now    time.Time
}

// Verdict is how to go on with a request.
type Verdict uint8

// The verdicts.
const (
	Proceed Verdict = iota
	// Refuse: GRJ or RRJ resourceUnavailable, with altGKInfo naming the alternates, not
	// permanent (FO1). For an unregistration it is UCF all the same.
	Refuse
	// Silent: no answer at all.
	Silent
)

// Decision is a verdict and the gatekeepers that serve instead, or else (GCF).
type Decision struct {
	Verdict    Verdict
	Alternates []Alternate
}

// Alternate is another gatekeeper, for alternateGatekeeper and altGKInfo.
type Alternate struct {
	Address    netip.AddrPort
	Identifier string // its gatekeeperIdentifier, may be empty
	Priority   uint8  // 0 is tried first, to 127
}

// Registering is a registration that may be recorded.
type Registering struct {
	Kind Kind // KindRegister or KindRefresh
	// Endpoint lacks Granted and Expires, which follow from the Answer.
	Endpoint *Endpoint
	// Asked is the time to live in seconds that it asked for, 0 if it named none.
	Asked uint32
	// Slack is for how long, after its time to live, the endpoint is still asked whether
	// it lives; until then it counts as registered.
	Slack time.Duration
	Now   time.Time
}

// Answer is what became of a registration.
type Answer struct {
	Decision
	// Granted is the time to live in seconds; 0 for that of Config.
	Granted uint32
	// Full: there is no room or licence; RRJ resourceUnavailable.
	Full bool
}

// Security is how an endpoint proves itself.
type Security uint8

// The ways.
const (
	Unproven Security = iota // by its address only
	MD5                      // cryptoEPPwdHash
	HMAC                     // H.235.1 baseline, which we sign too
)

// String names the way for status.
func (s Security) String() string {
	switch s {
	case Unproven:
		return "address"
	case MD5:
		return "md5"
	case HMAC:
		return "hmac-sha1-96"
	}
	return "unknown"
}

// Endpoint is a registered endpoint.
type Endpoint struct {
	ID      string // endpointIdentifier
	Number  registrar.Number
	Aliases []Alias
	// RAS and Signalling are as the endpoint names them, Source is where its requests
	// come from, whereto all answers and requests go.
	RAS, Signalling, Source netip.AddrPort
	Agent                   string // product and version
	Security                Security
	// Used is the newest token that it proved itself with.
	Used Used
	// Granted is the time to live in seconds.
	Granted                    uint32
	Since, Registered, Expires time.Time
}

// Event is what the gatekeeper tells of its own accord.
type Event interface{ event() }

// Why says why a registration ended.
type Why string

// The reasons.
const (
	Unregistered Why = "unregistered" // URQ of the endpoint
	Expired      Why = "expired"      // silent past its time to live, and to IRQ
	SentHome     Why = "sent home"    // it confirmed our URQ
)

// Gone: an endpoint's registration ended here. What Drop removed is not told.
type Gone struct {
	Number registrar.Number
	ID     string
	Why    Why
}

// UnregisterResult is what became of Unregister: Confirmed, or rejected, or no answer.
type UnregisterResult struct {
	Number    registrar.Number
	Confirmed bool
}

// Located is what became of Locate.
type Located struct {
	ID         uint64
	Found      bool
	Signalling netip.AddrPort
}

// Disengaged is what became of Disengage.
type Disengaged struct {
	Number    registrar.Number
	CRV       uint16
	Confirmed bool
}

func (Gone) event()             {}
func (UnregisterResult) event() {}
func (Located) event()          {}
func (Disengaged) event()       {}
