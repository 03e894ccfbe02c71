package node

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"roost/cmd/roost/console/api"
)

// keptEvents bounds the history, maxAlarms the alarms that stand at a time.
const (
	keptEvents = 1000
	maxAlarms  = 1000
)

// journal keeps the alarms that stand and the last events, and writes each of
// them to the log once.
type journal struct {
	log zerolog.Logger

	mu     sync.Mutex
	alarms map[alarmKey]api.Alarm
	events []api.Event // of systems; newest last
	phones []api.Event // of single phones, kept apart since they are many
	raised uint64      // alarms ever raised
	lost   uint64      // alarms that found no room
}

type alarmKey struct{ kind, subject string }

func newJournal(log zerolog.Logger) *journal {
	return &journal{log: log, alarms: map[alarmKey]api.Alarm{}}
}

// raise sets an alarm, or gives one that stands its newer text.
func (j *journal) raise(kind, subject, severity, text string, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := alarmKey{kind, subject}
	standing, again := j.alarms[key]
	if again {
		standing.Text, standing.Severity = text, severity
		j.alarms[key] = standing
		return
	}
	if len(j.alarms) >= maxAlarms {
		j.lost++
		j.log.Error().Str("alarm", kind).Str("subject", subject).Msg("too many alarms stand; this one is only logged: " + text)
		return
	}
	j.raised++
	j.alarms[key] = api.Alarm{Kind: kind, Subject: subject, Severity: severity, Text: text, Since: now}
	j.log.Warn().Str("alarm", kind).Str("subject", subject).Str("severity", severity).Msg(text)
	j.remember(api.Event{At: now, Kind: "alarm", Subject: subject, Text: severity + " alarm: " + text})
}

// clear ends an alarm; one that does not stand is nothing.
func (j *journal) clear(kind, subject, text string, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := alarmKey{kind, subject}
	standing, stands := j.alarms[key]
	if !stands {
		return
	}
	delete(j.alarms, key)
	if text == "" {
		text = standing.Text
	}
	j.log.Info().Str("alarm", kind).Str("subject", subject).Msg("cleared: " + text)
	j.remember(api.Event{At: now, Kind: "cleared", Subject: subject, Text: "alarm cleared: " + text})
}

// happened writes one event to the history and the log.
func (j *journal) happened(kind, subject, text string, at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log.Info().Str("event", kind).Str("subject", subject).Msg(text)
	j.remember(api.Event{At: at, Kind: kind, Subject: subject, Text: text})
}

// phone writes what happened to one phone to the history; to the log only where
// that is asked to be talkative.
func (j *journal) phone(kind, number, text string, at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log.Debug().Str("event", kind).Str("phone", number).Msg(text)
	j.phones = kept(j.phones, api.Event{At: at, Kind: kind, Subject: number, Text: text})
}

func (j *journal) remember(e api.Event) { j.events = kept(j.events, e) }

func kept(events []api.Event, e api.Event) []api.Event {
	if len(events) >= keptEvents {
		events = slices.Delete(events, 0, keptEvents/10)
	}
	return append(events, e)
}

// standing lists the alarms, the gravest and then the oldest first.
func (j *journal) standing() []api.Alarm {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]api.Alarm, 0, len(j.alarms))
	for _, a := range j.alarms {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b api.Alarm) int {
		return cmp.Or(cmp.Compare(gravity(a.Severity), gravity(b.Severity)), a.Since.Compare(b.Since),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject))
	})
	return out
}

func gravity(severity string) int {
	switch severity {
	case "critical":
		return 0
	case "major":
		return 1
	default:
		return 2
	}
}

// last are the newest n events, newest last.
func (j *journal) last(n int) []api.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := slices.Concat(j.events[max(0, len(j.events)-n):], j.phones[max(0, len(j.phones)-n):])
	slices.SortStableFunc(all, func(a, b api.Event) int { return a.At.Compare(b.At) })
	return all[max(0, len(all)-n):]
}

func (j *journal) count() (raised, lost uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.raised, j.lost
}
