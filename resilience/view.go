package resilience

import "time"

// Phase is the state of a home, seen from here. See the package documentation.
type Phase uint8

const (
	Cold Phase = iota
	Synced
	Suspect
	Serving
	Recovering
	Rehoming
)

// View is the machine's state at a moment, for status. It shares nothing with the machine.
type View struct {
	Self     System
	At       time.Time
	Homes    []HomeView // by name
	Alarms   []Alarm    // by kind, subject
	Families []FamilyView
	Refused  map[Cause]uint64 // registration requests refused since the start
	Overflow uint64           // entries of bounded sets that found no room
}

// HomeView is the state of one home that is backed up here.
type HomeView struct {
	System   System
	Phase    Phase
	Failback Failback

	Visible   bool
	Heard     bool          // a ready heartbeat was heard since this machine started
	UnseenFor time.Duration // since the last ready heartbeat, or since our start
	Via       System        // through whom it was last heard, "" directly
	Epoch     uint64

	FailoverDelay time.Duration // in force (FO2, FO4's announcement included)
	ServeIn       time.Duration // time left until its phones are admitted; 0 if they are, or if it is visible
	RehomeIn      time.Duration // time left until its guests go home; 0 if not counting
	TakenOver     bool

	MirrorComplete bool
	Behind         int
	Ready          bool   // ready to serve this home (SH3)
	NotReady       string // why not, in words

	Guests   int // registered here: all of the following states but settling, absent and homeless
	Busy     int // of these, in a call
	Chosen   int // of these, their next refresh will be refused
	Going    int // told to go home, grace running, registered here or on their way
	Settling int // home again, grace still running
	Absent   int // place kept after their flow closed
	Homeless int // on neither system

	LeftWithoutService int // GU3: distinct phones that knocked while COLD, at most
}

// GuestState is the state of one guest. See the package documentation.
type GuestState uint8

const (
	StateGuest GuestState = iota
	StateChosen
	StateGoing
	StateSettling
	StateAbsent
)

// GuestView is the state of one guest.
type GuestView struct {
	Phone      Phone
	Home       System
	State      GuestState
	Protocol   Protocol
	Location   string
	Family     string
	Registered bool      // here
	Since      time.Time // guest since
	At         time.Time // newest registration here
	Calls      int
	Homeless   bool
	Released   bool
	Tries      int           // failed tries to send it home
	NextTryIn  time.Duration // 0 if none is set
	GraceLeft  time.Duration // going home or settling
	Told       Trigger       // by which it was last told
}

// FamilyView tells which trigger worked for a family of user agents (FB4).
type FamilyView struct {
	Family string
	First  Trigger            // tried first next time, NoTrigger if none worked yet
	Worked map[Trigger]uint64 // times that a phone was home after it
	Failed map[Trigger]uint64 // times that it was not
}
