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

type alarmKey struct {
	kind    AlarmKind
	subject string
}

// raise raises an alarm, once: while it is up its text stays as it was raised.
func (m *Machine) raise(kind AlarmKind, subject string, severity Severity, text string) {
	key := alarmKey{kind, subject}
	if _, up := m.alarms[key]; up {
		return
	}
	a := &Alarm{Kind: kind, Subject: subject, Severity: severity, Text: text, Since: m.time(m.now)}
	m.alarms[key] = a
	m.emit(RaiseAlarm{*a})
}

// clear ends an alarm, once.
func (m *Machine) clear(kind AlarmKind, subject, text string) {
	key := alarmKey{kind, subject}
	if _, up := m.alarms[key]; !up {
		return
	}
	delete(m.alarms, key)
	m.emit(ClearAlarm{Kind: kind, Subject: subject, Text: text})
}

// lineState raises and clears the alarm about a line whose ends disagree (NE1).
func (m *Machine) lineState(e LineState) {
	if e.OneSided {
		m.raise(AlarmOneSided, string(e.System), Warning, "the line to "+string(e.System)+" is one-sided: "+e.Detail)
		return
	}
	m.clear(AlarmOneSided, string(e.System), "both ends of the line to "+string(e.System)+" agree")
}
