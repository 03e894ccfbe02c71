package resilience

import "time"

// AlarmKind is the kind of an alarm; kind and subject identify it.
type AlarmKind string

const (
	AlarmFailover AlarmKind = "failover"       // FO7: a home has guests here; subject: the home
	AlarmMirror   AlarmKind = "mirror"         // SH3: never complete, or behind; subject: the home
	AlarmCold     AlarmKind = "cold"           // GU3: phones are left without service; subject: the home
	AlarmHomeless AlarmKind = "homeless"       // FB5: a phone is on neither system; subject: the phone
	AlarmCapacity AlarmKind = "capacity"       // GU2: guests are refused for lack of room; subject: this system
	AlarmOneSided AlarmKind = "one-sided-line" // NE1; subject: the other system
)

// Severity of an alarm.
type Severity string

const (
	Warning  Severity = "WARNING"
	Major    Severity = "MAJOR"
	Critical Severity = "CRITICAL"
)

// Alarm is something an administrator should look at, from Since until it is cleared.
type Alarm struct {
	Kind     AlarmKind
	Subject  string
	Severity Severity
	Text     string
	Since    time.Time
}
