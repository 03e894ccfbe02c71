package api

import (
	"time"

	"roost/signaling/call"
)

// Calls counts calls and what they use.
type Calls struct {
	Standing int `json:"standing"` // in any state
	Anchored int `json:"anchored"` // media through this system's relay
	Direct   int `json:"direct"`   // media from phone to phone
	// Preserved are the connected calls of homes that this system backs up, as the
	// mirror tells of them, and those that were left by a home that is gone (VP4).
	Preserved    int `json:"preserved"`
	PortsUsed    int `json:"media_ports_used"` // pairs
	PortsResting int `json:"media_ports_resting"`
	PortsTotal   int `json:"media_ports_total"`
}

// Call is one call.
type Call struct {
	ID string `json:"id"`
	// State is one of setup, alerting, talking, held, transferring, done.
	State     string           `json:"state"`
	Start     time.Time        `json:"start"`
	Answer    *time.Time       `json:"answer,omitempty"`
	From      call.RecordParty `json:"from"`
	To        call.RecordParty `json:"to"`
	Dialled   string           `json:"dialled,omitempty"`
	Emergency bool             `json:"emergency,omitempty"`
	// Path is "direct" or "anchored", WhyAnchored in words (VP1).
	Path         string `json:"path,omitempty"`
	WhyAnchored  string `json:"why_anchored,omitempty"`
	FromSecurity string `json:"from_security,omitempty"`
	ToSecurity   string `json:"to_security,omitempty"`
	Legs         int    `json:"legs"`
}

// CallList answers GET /api/v1/calls?limit=N.
type CallList struct {
	Total int    `json:"total"`
	Calls []Call `json:"calls"` // the oldest first
}

// CallLog answers GET /api/v1/calllog?number=N.
type CallLog struct {
	Number string     `json:"number"`
	Calls  []LogEntry `json:"calls"` // the newest first
}

// LogEntry is a call in a user's log.
type LogEntry struct {
	Outgoing bool        `json:"outgoing,omitempty"`
	Missed   bool        `json:"missed,omitempty"`
	Record   call.Record `json:"record"`
}
