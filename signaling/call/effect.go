package call

import (
	"time"

	"roost/registrar"
)

// Effect is what a Call asks of its executor. They are to be carried out in
// their order, all of a Step before the next one.
type Effect interface{ callEffect() }

// NewLeg: a leg to Target begins; Do with a Dial for it follows in the same Step.
// An executor that cannot make it (no flow, no line to the system, a limit) steps
// Refused for the leg.
type NewLeg struct {
	Leg    LegID
	Target Target
	// Emergency: no licence, limit or media security may stand in the way (GU6).
	Emergency bool
}

// Do tells a leg to do something. Where Pass is not PassNothing, the body of
// Action comes from leg From and has to pass through the media session of the pair
// of From and Leg, which puts another in its place.
type Do struct {
	Leg    LegID
	Action LegAction
	Pass   Pass
	From   LegID
}

// Pass is what the body of an action is to the media session of a pair.
type Pass uint8

// The kinds of body.
const (
	// PassNothing: there is no session description, or none to rewrite.
	PassNothing Pass = iota
	// PassOffer: From's offer, on its way to Leg.
	PassOffer
	// PassAnswer: From's answer to the last offer that went the other way. An answer
	// that was passed as PassEarly comes again so, mostly unchanged.
	PassAnswer
	// PassEarly: From's answer before it answered the call (early media). It is final
	// only by the PassAnswer that follows.
	PassEarly
)

// String gives "", "offer", "answer" or "early answer".
func (p Pass) String() string {
	return [...]string{"", "offer", "answer", "early answer"}[p&3]
}

// Pair: bodies will pass between A and B from now on; a media session for the two
// is needed by the first Do that passes one. A offers first, but for delayed offers.
type Pair struct {
	A, B LegID
	// Emergency: media security never refuses it.
	Emergency bool
}

// Unpair: the media session of A and B closes. Its statistics belong to the record
// that the call gives.
type Unpair struct{ A, B LegID }

// Busy: Phone has a leg in this call, whatever its state (FB2). Each Busy is
// followed by one Free for the same leg.
type Busy struct {
	Phone registrar.Number
	Leg   LegID
}

// Free: the leg of Busy is over.
type Free struct {
	Phone registrar.Number
	Leg   LegID
}

// LegOver: the leg is over for the call; whatever it still tells is ignored, and
// nothing more will be asked of it.
type LegOver struct{ Leg LegID }

// FindDialog: whose call is this dialog? Adopt or NotFound with the same ID follows.
type FindDialog struct {
	ID     uint32
	Dialog DialogID
}

// GiveBack: an adopted estate could not be joined; the executor makes a call of
// it again (Resume), to which its legs belong from now on.
type GiveBack struct{ Estate *Estate }

// Changed: the state is another one, or who talks to whom. View has the rest.
type Changed struct {
	State State
	At    time.Time
}

// Noted: something that is counted and deserves a quiet line in the log.
type Noted struct {
	Counter Counter
	Text    string
}

// Finished: the conversation is over and this is its record. The executor fills in
// media path, security and quality. There is one for each call.
type Finished struct{ Record Record }

// Over: the last leg is gone; the call may be dropped. What comes all the same (Replace,
// Adopt) is turned away.
type Over struct{}

func (NewLeg) callEffect()     {}
func (Do) callEffect()         {}
func (Pair) callEffect()       {}
func (Unpair) callEffect()     {}
func (Busy) callEffect()       {}
func (Free) callEffect()       {}
func (LegOver) callEffect()    {}
func (FindDialog) callEffect() {}
func (GiveBack) callEffect()   {}
func (Changed) callEffect()    {}
func (Noted) callEffect()      {}
func (Finished) callEffect()   {}
func (Over) callEffect()       {}

// Counter names what is counted.
type Counter string

// The counters.
const (
	CountLoop         Counter = "loop"          // 482
	CountHops         Counter = "hops"          // 483
	CountForwards     Counter = "forwards"      // more forwards than allowed
	CountBranches     Counter = "branches"      // more branches than allowed
	CountGuest        Counter = "guest_refused" // GU4
	CountMediaRefused Counter = "media_refused"
	CountMediaSilent  Counter = "media_silent"
	CountTimerC       Counter = "timer_c"
	CountRedirect     Counter = "redirect_refused" // a 3xx that is not followed
	CountReoffered    Counter = "reoffered"        // agreed media would not do, and was agreed on anew
	CountGlare        Counter = "glare"            // both sides offered at once
	CountUnanswered   Counter = "unanswered"       // an offer, a transfer or a cancel that a leg never dealt with
	CountStray        Counter = "stray"            // an event that does not fit the leg's state
)
