package call

// LegEvent is what a leg tells its call. The kinds are those of this file. A
// leg deals by itself with retransmissions, ACK of refusals, PRACK, session
// refreshes that change nothing, and glare (RFC 3261 §14.1): what it tells has
// happened once.
type LegEvent interface {
	Event
	legEvent()
}

// Invited: a new leg came in. It has proved itself, where it had to.
type Invited struct {
	Leg  LegID
	Peer PeerKind
	// From is who calls: the registered number for a phone, what the other system
	// says for a system, what the carrier says for a trunk.
	From Party
	// PeerName is the system's or trunk's name.
	PeerName string
	// To is the number that was dialled.
	To string
	// Offer is empty for a delayed offer.
	Offer Body
	// Replaces is the dialog that the new one takes the place of (RFC 3891).
	Replaces *DialogID
	// Early limits Replaces to an early dialog (early-only).
	Early bool
	// Hops is how many more systems the call may pass (Max-Forwards - 1).
	Hops int
	// Visited are the calls' loop marks that came along, one for each system passed.
	Visited []string
	// Diverted counts how often the call was forwarded before (RFC 5806, History-Info).
	Diverted int
	Agent    string
	// Guest: the phone is a guest here, whose home is Home. The executor fills it in.
	Guest bool
	Home  string
}

// Ringing: a provisional answer of the far end, 180 to 183.
type Ringing struct {
	Leg    LegID
	Status int
	// Body is early media's answer (or the offer, to a reliable one without offer
	// before); empty in most cases.
	Body Body
}

// Answered: the far end answered the INVITE that began the leg. For a call
// without an offer Body is the offer, and Connect must carry the answer.
type Answered struct {
	Leg  LegID
	Body Body
}

// Connected: the ACK came for our Answer, or for a Reply that carried an offer.
// Body is the answer of a delayed offer.
type Connected struct {
	Leg  LegID
	Body Body
}

// Refused: the far end refused the INVITE that began the leg, or nothing came
// (408), or its flow is gone (430).
type Refused struct {
	Leg   LegID
	Cause Cause
}

// Cancelled: the caller gave up before an answer.
type Cancelled struct {
	Leg   LegID
	Cause Cause
}

// Offered: a new offer within the call (re-INVITE, UPDATE), or with an empty
// Body the wish for one of ours. Reply must follow, with the same ID.
type Offered struct {
	Leg  LegID
	ID   uint32
	Body Body
	// Update: it came by UPDATE (RFC 3311): it has to be answered at once, not after
	// a person was asked.
	Update bool
}

// Agreed: the answer to our Offer with this ID. For an Offer with an empty Body
// it is the far end's offer, and Connect must carry the answer.
type Agreed struct {
	Leg  LegID
	ID   uint32
	Body Body
	// Cause is set where the far end refused: the session goes on as it was.
	Cause Cause
}

// Ended: the leg is over: BYE, session timer, transport gone. A leg tells its end
// once, by this, Refused or Cancelled; by this also after our own End or Refuse.
type Ended struct {
	Leg   LegID
	Cause Cause
}

// Referred: the far end asks for a transfer (RFC 3515). ReferReply must follow.
type Referred struct {
	Leg LegID
	ID  uint32
	// To is the number or URI to call.
	To string
	// Replaces is set for an attended transfer.
	Replaces *DialogID
	// Quiet: it wants no NOTIFY (RFC 4488).
	Quiet bool
}

// Told: INFO or MESSAGE within the call. TellReply must follow, with the same ID.
type Told struct {
	Leg    LegID
	ID     uint32
	Method string
	Body   Body
	// Package is INFO's Info-Package (RFC 6086).
	Package string
}

// ToldReply: the answer to our Tell.
type ToldReply struct {
	Leg    LegID
	ID     uint32
	Status int
}

func (Invited) legEvent()   {}
func (Ringing) legEvent()   {}
func (Answered) legEvent()  {}
func (Connected) legEvent() {}
func (Refused) legEvent()   {}
func (Cancelled) legEvent() {}
func (Offered) legEvent()   {}
func (Agreed) legEvent()    {}
func (Ended) legEvent()     {}
func (Referred) legEvent()  {}
func (Told) legEvent()      {}
func (ToldReply) legEvent() {}
