package resilience

import "time"

// Event is what happened outside. The kinds are those of this file.
type Event interface{ event() }

// Protocol is what a phone speaks.
type Protocol uint8

const (
	SIP Protocol = iota
	H323
)

// AskKind is what a phone asks for.
type AskKind uint8

const (
	// AskRegister is a SIP REGISTER, or a full (not keep-alive) RRQ.
	AskRegister AskKind = iota
	// AskRefresh is a keep-alive RRQ, or a SIP REGISTER known to refresh a binding.
	// For SIP phones it makes no difference which of the two is given.
	AskRefresh
	// AskDiscover is a GRQ.
	AskDiscover
	// AskUnregister is an un-REGISTER (expires 0, or *) or a URQ.
	AskUnregister
	// AskPoll is a REGISTER that changes nothing: Cisco's expires=0;cisco-keep-alive (FO9).
	AskPoll
)

// Tick says that time has passed; send it when Next is due.
type Tick struct{}

// Reconfigure replaces the configuration. Homes that are gone lose their guests here.
// Self cannot change. A Config that Validate refuses is refused, with an event CommandRefused.
type Reconfigure struct{ Config Config }

// HeartbeatHeard is a heartbeat of System, heard directly or through Via.
type HeartbeatHeard struct {
	System System
	Epoch  uint64        // changes at each start of System
	UpFor  time.Duration // how long System has been up, by its own account, at the heartbeat
	Ready  bool          // "service ready"
	Age    time.Duration // how long ago it was heard by whoever heard it; 0 if direct
	Via    System        // the system that heard it, "" if heard directly
}

// Leaving is a home's announcement that it goes away and is back within BackWithin
// (at most Timers.AnnounceMax counts; 0 announces nothing) (FO4).
type Leaving struct {
	System     System
	BackWithin time.Duration
}

// MirrorState tells how well Home is mirrored here (SH3).
type MirrorState struct {
	Home     System
	Complete bool // a whole copy is held, whatever its age
	Behind   int  // changes known to be missing
}

// LineState tells about the line to System. OneSided: the two ends do not agree on
// backs_up_my (NE1); Detail says in words what each end wants.
type LineState struct {
	System   System
	OneSided bool
	Detail   string
}

// PhoneAsks is a registration request. See the package documentation, duty 4.
type PhoneAsks struct {
	ID       uint64 // the caller's, returned in the deciding effect
	Phone    Phone
	Home     System // Config.Self for an own number; "" if no directory has it
	Known    bool   // the mirror holds its credentials
	Proven   bool   // it proved them
	Kind     AskKind
	Protocol Protocol
}

// PhoneRegistered: the registrar recorded it, a first time or again, At on our clock.
// The rest describes the registration as it is now.
type PhoneRegistered struct {
	Phone    Phone
	Home     System
	At       time.Time
	Protocol Protocol
	Agent    string // the user agent as sent; "" if unknown
	Location string // for Release by location; the home's (GU6)

	Subscribed      bool // it subscribed to reg-event here (FB4, first trigger)
	Stream          bool // registered over TCP or TLS (FB4, third trigger)
	FollowsRedirect bool // known to follow 302 (FB4, fourth trigger)
}

// GoneCause is why a registration ended.
type GoneCause uint8

const (
	Expired GoneCause = iota
	Unregistered
	FlowClosed
	LoggedOut // a hot-desk log-out, or an operator removed it
)

// PhoneGone: a guest's registration here ended.
type PhoneGone struct {
	Phone Phone
	Cause GoneCause
}

// CallBegan: a call of Phone entered any state (FB2). Counted, so each needs its CallEnded.
type CallBegan struct{ Phone Phone }

// CallEnded: that call is over.
type CallEnded struct{ Phone Phone }

// HomeHas: the mirror shows that Home registered Phone, At on our clock.
type HomeHas struct {
	Phone Phone
	Home  System
	At    time.Time
}

// HomeLacks: the mirror shows that Home has no registration of Phone any more.
type HomeLacks struct {
	Phone Phone
	Home  System
}

// GuestAt: System says that it registered Phone, whose home we are, At on our clock.
// OursAt is when Phone last registered here, zero if it is not registered here.
type GuestAt struct {
	Phone  Phone
	System System
	At     time.Time
	OursAt time.Time
}

// TriggerResult: what became of a SendHome. Delivered: the phone answered the NOTIFY or
// URQ with success, the flow was closed.
type TriggerResult struct {
	Phone     Phone
	Trigger   Trigger
	Delivered bool
}

// Evidence is the home's answer to AskEvidence (FO6). Heard: it has heard of the phone,
// Age ago. Not Heard: it has not since its start, and Age is how long it has been up.
type Evidence struct {
	Phone Phone
	Home  System
	Age   time.Duration
	Heard bool
}

// TakeOver: an operator wants this system to serve Home at once (FO4).
type TakeOver struct{ Home System }

// Release: an operator wants guests to go home now, ahead of the failback delay, of a
// failed try's wait, and of manual failback (FB8): one phone, one location's, or all those
// of Home; empty fields match everything. Busy guests are moved after their call (FB2).
// Release{Home} without Phone and Location also ends a take over. A homeless phone that
// is released is forgotten and its alarm cleared.
type Release struct {
	Home     System
	Phone    Phone
	Location string
}

// Restarting: this system is about to restart and wants its backups to know (FO4).
type Restarting struct{ BackWithin time.Duration }

func (Tick) event()            {}
func (Reconfigure) event()     {}
func (HeartbeatHeard) event()  {}
func (Leaving) event()         {}
func (MirrorState) event()     {}
func (LineState) event()       {}
func (PhoneAsks) event()       {}
func (PhoneRegistered) event() {}
func (PhoneGone) event()       {}
func (CallBegan) event()       {}
func (CallEnded) event()       {}
func (HomeHas) event()         {}
func (HomeLacks) event()       {}
func (GuestAt) event()         {}
func (TriggerResult) event()   {}
func (Evidence) event()        {}
func (TakeOver) event()        {}
func (Release) event()         {}
func (Restarting) event()      {}
