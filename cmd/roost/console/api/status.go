package api

import "time"

// Status answers GET /api/v1/status: the whole system at one instant.
type Status struct {
	System   string    `json:"system"`
	Address  string    `json:"address"`
	Now      time.Time `json:"now"`
	UpFor    float64   `json:"up_for_s"`
	Version  string    `json:"version"`
	Lab      bool      `json:"lab,omitempty"`
	LabSpeed float64   `json:"lab_speed,omitempty"`
	// Ready says whether this system's heartbeats announce "service ready";
	// WhyNotReady is empty then.
	Ready       bool     `json:"ready"`
	WhyNotReady string   `json:"why_not_ready,omitempty"`
	Listeners   []string `json:"listeners"`
	Backups     []string `json:"backups,omitempty"`

	Phones   Phones   `json:"phones"`
	Licences Licences `json:"licences"`
	Calls    Calls    `json:"calls"`
	Lines    []Line   `json:"lines"`
	Trunks   []Trunk  `json:"trunks"`
	Homes    []Home   `json:"homes"`
	Guests   []Guest  `json:"guests,omitempty"`
	Away     []Guest  `json:"away,omitempty"` // own phones that are guests elsewhere
	// TurnedAway are systems, or strangers, that knocked where lines come in.
	TurnedAway []TurnedAway       `json:"turned_away,omitempty"`
	Alarms     []Alarm            `json:"alarms"`
	Events     []Event            `json:"events"`
	Counters   map[string]float64 `json:"counters"`
	// Triggers counts, by user-agent family and then trigger, how often a
	// request to go home led to a registration at the home (FB4).
	Triggers map[string]map[string]int `json:"triggers,omitempty"`
}

// Phones counts extensions and registrations.
type Phones struct {
	Extensions int `json:"extensions"` // configured here
	Registered int `json:"registered"` // own phones registered here
	Guests     int `json:"guests"`     // phones of other systems registered here
	Capacity   int `json:"capacity"`   // registrations this system may carry
}

// Licences counts those consumed by own phones; a guest never consumes one (GU2).
type Licences struct {
	Total int `json:"total"`
	Used  int `json:"used"`
}

// Line is the link to one other system.
type Line struct {
	System      string  `json:"system"`
	Address     string  `json:"address"`
	Up          bool    `json:"up"`
	Why         string  `json:"why,omitempty"` // why it is not up, in words
	Visible     bool    `json:"visible"`       // heard, service ready, within 15 s
	LastHeard   float64 `json:"last_heard_s"`  // seconds ago; -1: never
	Via         string  `json:"via,omitempty"` // the system that heard it for us
	InSync      bool    `json:"in_sync"`
	Complete    bool    `json:"complete"` // its mirror here was complete at least once
	Behind      int     `json:"behind"`   // records behind its last heartbeat
	Records     int     `json:"records"`
	ClockOffset float64 `json:"clock_offset_s"`
	Agreement   string  `json:"agreement,omitempty"` // NE1, SE1, SE3: what differs, in words
	BacksUpMy   bool    `json:"backs_up_my"`         // it is our backup
	WeBackUp    bool    `json:"we_back_up"`          // we are its backup
}

// TurnedAway is who was refused where lines come in, and why (SE2).
type TurnedAway struct {
	Remote string    `json:"remote"`
	System string    `json:"system,omitempty"` // whom its certificate names, if that could be believed
	Reason string    `json:"reason"`
	Count  int       `json:"count"`
	Last   time.Time `json:"last"`
}

// Home is one system whose phones this system takes in.
type Home struct {
	System string `json:"system"`
	// State is one of COLD, SYNCED, SUSPECT, SERVING, RECOVERING, REHOMING.
	State string `json:"state"`
	// Since is when the state began; TimeLeft counts down to the next state
	// (failover delay, failback delay), -1 when nothing is counting.
	Since     time.Time `json:"since"`
	TimeLeft  float64   `json:"time_left_s"`
	Next      string    `json:"next,omitempty"` // the state that TimeLeft leads to
	Delay     float64   `json:"failover_delay_s"`
	Visible   bool      `json:"visible"`
	Ready     bool      `json:"ready_to_serve"` // mirror complete and not behind: we could serve it now
	WhyNot    string    `json:"why_not,omitempty"`
	Phones    int       `json:"phones"` // its extensions known here
	Guests    int       `json:"guests"`
	GoingHome int       `json:"going_home"`
	Unserved  int       `json:"unserved,omitempty"` // knocked and could not be taken in (GU3)
}

// Guest is a phone registered at a system that is not its home.
type Guest struct {
	Number   string    `json:"number"`
	Home     string    `json:"home"`
	At       string    `json:"at"`
	State    string    `json:"state"` // guest, going home
	TimeLeft float64   `json:"time_left_s,omitempty"`
	Trigger  string    `json:"trigger,omitempty"`
	Busy     bool      `json:"busy,omitempty"`
	Since    time.Time `json:"since"`
	Agent    string    `json:"agent,omitempty"`
	Contact  string    `json:"contact,omitempty"`
	Location string    `json:"location,omitempty"` // at its home (GU6)
}

// Alarm is a condition that somebody must look at; it stays until it clears.
type Alarm struct {
	Kind     string    `json:"kind"`
	Subject  string    `json:"subject"`
	Severity string    `json:"severity"` // minor, major, critical
	Text     string    `json:"text"`
	Since    time.Time `json:"since"`
}

// Event is one entry of the history, newest last.
type Event struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
}

// Registration is one line of GET /api/v1/registrations.
type Registration struct {
	Number    string    `json:"number"`
	Home      string    `json:"home"`
	Guest     bool      `json:"guest,omitempty"`
	Contact   string    `json:"contact"`
	Transport string    `json:"transport"`
	Source    string    `json:"source"`
	Agent     string    `json:"agent,omitempty"`
	Expires   time.Time `json:"expires"`
}

// Registrations answers GET /api/v1/registrations?limit=N&after=NUMBER.
type Registrations struct {
	Total         int            `json:"total"`
	Registrations []Registration `json:"registrations"`
	// Next is the value of `after` for the next page, empty on the last.
	Next string `json:"next,omitempty"`
}
