package resilience

import "time"

// Effect is what the caller has to do. The kinds are those of this file.
type Effect interface{ effect() }

// Admitted is as what a phone is admitted.
type Admitted uint8

const (
	AsOwn   Admitted = iota // its home is here; it consumes a licence (US4)
	AsGuest                 // its home is elsewhere; it never does (GU2)
)

// Admit answers a PhoneAsks that proved itself: register it.
type Admit struct {
	ID    uint64
	Phone Phone
	As    Admitted
	// Guests only: grant Expires, drawn at random from MinExpires to MaxExpires (GU1). A
	// phone that asks for less than MinExpires may be granted what it asked for. All zero
	// for own phones.
	Expires, MinExpires, MaxExpires time.Duration
}

// Challenge answers a PhoneAsks that would be admitted: go on to the credentials.
type Challenge struct {
	ID    uint64
	Phone Phone
}

// Acknowledge answers an AskPoll or AskUnregister: 200 (or UCF). A poll changes no
// binding (FO9), an un-REGISTER removes only what was bound through this system.
type Acknowledge struct {
	ID    uint64
	Phone Phone
}

// Cause is why a phone was refused.
type Cause uint8

const (
	HomeVisible  Cause = iota // FO1: its home is there
	DelayRunning              // FO2: its home is not visible, the delay still runs
	NoMirror                  // GU3: no complete mirror of its home
	GoHome                    // FB4: a guest is told to go home; Refuse.Trigger says how
	NotMirrored               // FO5: its home is served, but the mirror does not have it
	NotBackedUp               // this system does not back up its home
	AtCapacity                // GU2: no room for another guest
	UnknownPhone              // nobody has this number: the one cause that is no FO1 refusal
)

// Refuse answers a PhoneAsks. Except for UnknownPhone it must be said in a way that sends
// the phone home (or to try again) and never parks it or locks it out (FO1).
type Refuse struct {
	ID    uint64
	Phone Phone
	Home  System // "" if unknown
	Cause Cause
	// Trigger is set for GoHome: TriggerRefuse (as FO1), TriggerRedirect (302 to the home),
	// TriggerRRJ (altGKInfo naming the home).
	Trigger Trigger
}

// Trigger is a way to tell a phone to go home (FB4), in the order of the ladder.
type Trigger uint8

const (
	NoTrigger       Trigger = iota
	TriggerNotify           // SIP: reg-event NOTIFY, terminated, deactivated
	TriggerRefuse           // SIP: refusal of its next refresh, as in FO1
	TriggerClose            // SIP: its TCP or TLS flow is closed
	TriggerRedirect         // SIP: its next refresh is answered 302 to the home
	TriggerURQ              // H.323: URQ, reason maintenance, with alternateGatekeeper
	TriggerRRJ              // H.323: its next keep-alive is answered RRJ with altGKInfo
	triggerCount
)

// SendHome: do it now: TriggerNotify, TriggerClose or TriggerURQ. Report a TriggerResult.
// The triggers that answer a refresh come as Refuse{Cause: GoHome}.
type SendHome struct {
	Phone   Phone
	Home    System
	Trigger Trigger
}

// EndGuest: remove the guest's registration here without a word to the phone.
type EndGuest struct {
	Phone Phone
	Home  System
	Why   string
}

// DropRegistration: we are the home, and the phone has registered elsewhere since:
// remove its registration here.
type DropRegistration struct {
	Phone Phone
	Why   string
}

// AskEvidence: ask Home when it last heard of Phone; hand the answer to Step as Evidence.
type AskEvidence struct {
	Phone Phone
	Home  System
}

// Announce: tell the backups that this system is back within BackWithin (they get Leaving).
type Announce struct{ BackWithin time.Duration }

// RaiseAlarm is given once for each alarm that comes up, ClearAlarm once when it ends.
type RaiseAlarm struct{ Alarm }

// ClearAlarm ends an alarm; Text says why in words.
type ClearAlarm struct {
	Kind    AlarmKind
	Subject string
	Text    string
}

// Happened is an entry of the event history. Phone is set for what concerns one phone,
// of which there may be many; without it the entry concerns the home or the system.
type Happened struct {
	Kind  HistoryKind
	Home  System
	Phone Phone
	Text  string
	At    time.Time
}

// HistoryKind is the kind of a history entry, as it is written in the log and counted.
type HistoryKind string

const (
	PhaseChanged   HistoryKind = "phase"
	FailoverBegan  HistoryKind = "failover-began" // FO7
	FailoverEnded  HistoryKind = "failover-ended"
	GuestAdmitted  HistoryKind = "guest-admitted"
	GuestTold      HistoryKind = "guest-told-to-go-home"
	GuestHome      HistoryKind = "guest-home"
	GuestAgain     HistoryKind = "guest-again"
	GuestLeft      HistoryKind = "guest-left"
	TakenOver      HistoryKind = "taken-over"
	TakeOverEnded  HistoryKind = "take-over-ended"
	Announced      HistoryKind = "restart-announced"
	Released       HistoryKind = "released"
	CommandRefused HistoryKind = "command-refused"
	ServiceMissed  HistoryKind = "left-without-service" // GU3: the count, when it ends
)

func (Admit) effect()            {}
func (Challenge) effect()        {}
func (Acknowledge) effect()      {}
func (Refuse) effect()           {}
func (SendHome) effect()         {}
func (EndGuest) effect()         {}
func (DropRegistration) effect() {}
func (AskEvidence) effect()      {}
func (Announce) effect()         {}
func (RaiseAlarm) effect()       {}
func (ClearAlarm) effect()       {}
func (Happened) effect()         {}
