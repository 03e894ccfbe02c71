package call

import (
	"time"

	"roost/registrar"
)

// Record is what is left of a call: one JSON line.
type Record struct {
	ID string `json:"id"`
	// System is which system writes it.
	System string `json:"system"`
	Start  Stamp  `json:"start"`
	Answer Stamp  `json:"answer,omitzero"`
	End    Stamp  `json:"end"`
	// Seconds is how long was talked, 0 for a call that nobody answered.
	Seconds float64     `json:"seconds"`
	From    RecordParty `json:"from"`
	To      RecordParty `json:"to"`
	// Dialled is the number that was dialled, where To is somebody else.
	Dialled string `json:"dialled,omitempty"`
	// Diverted are the numbers that forwarded the call, in their order; Transfers those
	// that transferred it.
	Diverted  []string `json:"diverted,omitempty"`
	Transfers []string `json:"transfers,omitempty"`
	// EndedBy is "from", "to" or "system".
	EndedBy string `json:"ended_by"`
	// Why it ended: "hung up", "no answer", "busy", "media time-out", "lost in failover".
	Why string `json:"why"`
	// Status is the SIP status of a call that was not answered, 0 otherwise.
	Status    int  `json:"status,omitempty"`
	Emergency bool `json:"emergency,omitempty"`

	// What follows is the executor's: the call does not know its media.

	// Path is "direct" or "anchored"; empty where there was no media.
	Path string `json:"path,omitempty"`
	// Security is what protected the media on each side ("AES_CM_128_HMAC_SHA1_80",
	// "none").
	FromSecurity string   `json:"from_security,omitempty"`
	ToSecurity   string   `json:"to_security,omitempty"`
	FromQuality  *Quality `json:"from_quality,omitempty"` // what came from From
	ToQuality    *Quality `json:"to_quality,omitempty"`   // what came from To
}

// RecordParty is one end of a call in its record.
type RecordParty struct {
	Number registrar.Number `json:"number"`
	Name   string           `json:"name,omitempty"`
	// Kind is "phone", "system" or "trunk"; empty for who was never reached.
	Kind string `json:"kind,omitempty"`
	// System is where the party's phone is registered, or the trunk's name.
	System string `json:"system,omitempty"`
	Guest  bool   `json:"guest,omitempty"`
	Agent  string `json:"agent,omitempty"`
}

// Quality is of the first audio stream that came from one side.
type Quality struct {
	Packets uint64 `json:"packets"`
	Lost    int64  `json:"lost"`
	// Jitter in milliseconds, MOS 1.0 to 4.5.
	Jitter float64 `json:"jitter_ms"`
	MOS    float64 `json:"mos"`
}

// Stamp is a time as records have it: RFC 3339 with milliseconds, in UTC.
type Stamp struct{ time.Time }

const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON writes "2026-03-01T22:00:00.000Z".
func (s Stamp) MarshalJSON() ([]byte, error) {
	return s.UTC().AppendFormat(make([]byte, 0, 32), `"`+stampLayout+`"`), nil
}

// String writes the time as MarshalJSON does, without quotes.
func (s Stamp) String() string { return s.UTC().Format(stampLayout) }
