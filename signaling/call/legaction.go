package call

import "time"

// LegAction is what a call tells a leg to do. The kinds are those of this file.
// A leg that cannot do it any more says so by an event (Ended, Refused, Agreed
// with a Cause), never by silence.
type LegAction interface{ legAction() }

// Ring answers Invited provisionally, with 180 to 183. It may come more than
// once. With a Body it is sent reliably where the caller can (RFC 3262).
type Ring struct {
	Status int
	Body   Body
	// To is who is being rung, where that is not who was dialled.
	To Party
}

// Answer answers Invited with 200. Its Body repeats what a Ring carried; a leg that
// sent that reliably leaves it out. It is empty where an UPDATE was agreed on since.
type Answer struct {
	Body Body
	// To is who answered.
	To Party
}

// Refuse answers Invited with a final refusal.
type Refuse struct{ Cause Cause }

// Dial begins a leg. It is the first action of an outgoing leg.
type Dial struct {
	// From is who calls, as the far end is to see it.
	From Party
	// To is the number that the far end is called as.
	To string
	// Offer is empty for a delayed offer; the leg then does not offer 100rel, so that
	// no offer comes before Answered.
	Offer Body
	// Hops is the Max-Forwards to send.
	Hops    int
	Visited []string
	// Diverted is who forwarded the call here, the last one first.
	Diverted []string
	// Patience is how long the far end may be wholly silent, without even a 100;
	// then the leg is Refused with 408. 0: as long as Timer B.
	Patience time.Duration
	// Emergency: media security must not refuse the call, and it takes precedence.
	Emergency bool
	// AutoAnswer asks the phone to answer by itself.
	AutoAnswer bool
	// Replaces, where the far end is to replace a dialog of its own (RFC 3891).
	Replaces *DialogID
}

// Cancel gives up a leg that was not answered; what comes back is Refused (487),
// or Answered where the answer was faster: then End must follow.
type Cancel struct{ Cause Cause }

// Connect sends the ACK that a leg owes for Answered or for Agreed; with a Body
// where the far end made the offer. A leg whose far end answered our offer sends
// its ACK by itself; Connect is then not needed and does nothing.
type Connect struct{ Body Body }

// Offer sends a new offer within the call; with an empty Body it asks for one.
// Glare is the leg's own affair: it tries again (RFC 3261 §14.1). What comes
// back is Agreed with the same ID.
type Offer struct {
	ID   uint32
	Body Body
}

// Reply answers Offered.
type Reply struct {
	ID   uint32
	Body Body
	// Cause, where it is refused: 488, 491, 500 …
	Cause Cause
}

// End ends an answered leg by BYE. An ACK that is still owed (Connect did not come)
// goes before it, without a body.
type End struct{ Cause Cause }

// ReferReply accepts (202) or refuses Referred.
type ReferReply struct {
	ID    uint32
	Cause Cause // the zero Cause accepts
}

// ReferNews tells how a transfer goes on: a NOTIFY with a sipfrag (RFC 3515
// §2.4.5). A final status ends the subscription.
type ReferNews struct {
	ID     uint32
	Status int
	Phrase string
}

// Tell sends INFO or MESSAGE within the call.
type Tell struct {
	ID      uint32
	Method  string
	Body    Body
	Package string
}

// TellReply answers Told.
type TellReply struct {
	ID     uint32
	Status int
}

func (Ring) legAction()       {}
func (Answer) legAction()     {}
func (Refuse) legAction()     {}
func (Dial) legAction()       {}
func (Cancel) legAction()     {}
func (Connect) legAction()    {}
func (Offer) legAction()      {}
func (Reply) legAction()      {}
func (End) legAction()        {}
func (ReferReply) legAction() {}
func (ReferNews) legAction()  {}
func (Tell) legAction()       {}
func (TellReply) legAction()  {}
