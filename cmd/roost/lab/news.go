package lab

import (
	"fmt"
	"time"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

// fewPhones: up to so many phones each is told of by name; above, in sums.
const fewPhones = 40

// news is what the timeline has told already.
type news struct {
	states     map[Role]string
	lines      map[Role]string
	alarms     map[Role]map[string]string
	refusedBy  map[Role]time.Duration // when a refusal was last told
	where      string
	whereTold  time.Time
	movesSince int
}

func newNews() news {
	return news{
		states: map[Role]string{}, lines: map[Role]string{}, refusedBy: map[Role]time.Duration{},
		alarms: map[Role]map[string]string{Home: {}, Backup: {}},
	}
}

// tellPhone puts into the timeline what a phone says, if it is worth a line:
// of few phones their moves, and of refusals the first after each fault.
func (e *engine) tellPhone(r phone.Report) {
	switch r.Event {
	case phone.Registered, phone.Lost, phone.CallUp, phone.CallEnded, phone.VoiceBegan, phone.VoiceLost:
		e.told.movesSince++
	case phone.Refused:
		told, ever := e.told.refusedBy[r.Server]
		if ever && told >= e.since() {
			return
		}
		e.told.refusedBy[r.Server] = e.now()
		e.say("phone", "%s %s; more refusals by %s are only counted", r.Phone, r, r.Server)
		return
	case phone.Unanswered, phone.Summary, phone.VoiceSoFar, phone.Leaves:
		return
	}
	if r.Voice != nil { // the phone's clock began when it was started
		voice := *r.Voice
		voice.LostAt += e.now().Seconds() - r.At
		r.Voice = &voice
	}
	few := len(e.picture.Phones) <= fewPhones
	if few || r.Event != phone.Registered && r.Event != phone.Lost && len(e.picture.Phones) < 100 {
		e.say("phone", "%s %s", r.Phone, r)
	}
}

// flushMoves tells where many phones are, now and then.
func (e *engine) flushMoves(now bool) {
	if len(e.picture.Phones) <= fewPhones || e.told.movesSince == 0 || (!now && time.Since(e.told.whereTold) < 2*time.Second) {
		return
	}
	e.told.movesSince, e.told.whereTold = 0, time.Now()
	text := fmt.Sprintf("%d at home, %d at backup, %d nowhere", e.picture.count(Home), e.picture.count(Backup), e.picture.count(""))
	if up, hear := e.picture.callsNow(); up > 0 {
		text += fmt.Sprintf("; %d in a call, %d hear a voice", up, hear)
	}
	if text != e.told.where {
		e.told.where = text
		e.say("phones", "%s", text)
	}
}

// tellSystem tells what has changed in a system's own words since its last answer.
func (e *engine) tellSystem(role Role) {
	view := e.picture.Systems[role]
	peer := e.picture.nameOf(other(role))
	if home := view.home(peer); home != nil && role == Backup {
		if text := e.stateInWords(home); home.State != e.told.states[role] {
			e.told.states[role] = home.State
			e.say(role, "%s: %s", home.State, text)
		}
	}
	if line := view.line(peer); line != nil {
		if text := lineInWords(line); text != e.told.lines[role] {
			e.told.lines[role] = text
			e.say(role, "%s", text)
		}
	}
	standing := map[string]string{}
	for _, alarm := range view.Status.Alarms {
		key := alarm.Kind + " " + alarm.Subject
		standing[key] = alarm.Text
		if _, told := e.told.alarms[role][key]; !told {
			e.say("alarm", "at %s, %s: %s", role, alarm.Severity, alarm.Text)
		}
	}
	for key := range e.told.alarms[role] {
		if _, stands := standing[key]; !stands {
			e.say(role, "alarm over: %s", key)
		}
	}
	e.told.alarms[role] = standing
}

func (e *engine) stateInWords(home *api.Home) string {
	left := ""
	if home.TimeLeft >= 0 {
		left = brief(time.Duration(home.TimeLeft*float64(time.Second)) * time.Duration(e.speed))
	}
	switch home.State {
	case "COLD":
		return "has no complete copy of " + home.System + ", so takes none of its phones in"
	case "SYNCED":
		return "hears " + home.System + " and knows its phones"
	case "SUSPECT":
		return "does not hear " + home.System + "; takes its phones in after " + left + " unless it is heard"
	case "SERVING":
		return "takes in the phones of " + home.System
	case "RECOVERING":
		return "hears " + home.System + " again; sends its phones home after " + left
	case "REHOMING":
		return "sends the phones of " + home.System + " home"
	}
	return home.WhyNot
}

func lineInWords(line *api.Line) string {
	switch {
	case !line.Up && line.Why != "":
		return "line to " + line.System + " is down: " + line.Why
	case !line.Up:
		return "line to " + line.System + " is down"
	case !line.InSync:
		return "line to " + line.System + " is up, not in sync yet"
	}
	return "line to " + line.System + " is up and in sync"
}
