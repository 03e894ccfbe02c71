package phone

import (
	"fmt"
	"strings"

	"roost/cmd/roost/lab/phone/rtp"
)

// Person is what the person at the phone does: a Command about calls.
type Person struct{ Command }

func (Person) event() {}

// callCommands are the commands about calls; each is answered by reports, at once
// by "cannot" where the phone is in no state for it.
var callCommands = []string{"call", "answer", "reject", "hang-up", "hold", "resume", "transfer", "join", "dial", "habits", "report"}

// obey carries out a command about calls.
func (m *Machine) obey(command Command) {
	cannot := func(format string, args ...any) {
		m.report(Report{Event: Cannot, Call: command.Call, Text: command.Do + ": " + fmt.Sprintf(format, args...)})
	}
	if !m.on {
		cannot("the phone is switched off")
		return
	}
	switch command.Do {
	case "call":
		m.place(command.To, nil)
		return
	case "habits":
		if command.Habits != nil {
			m.Spec.Calls = *command.Habits
		}
		return
	case "hang-up":
		c := m.callNamed(command.Call, calling, ringing, answered, up)
		if c == nil {
			if !m.had(command.Call) {
				cannot("there is no call")
			}
			return
		}
		m.hangUp(c, "hung up here")
		return
	case "answer", "reject":
		c := m.callNamed(command.Call, ringing)
		switch {
		case c == nil:
			cannot("it does not ring")
		case command.Do == "answer":
			m.answerCall(c)
		default:
			m.refuse(c, 603, "Decline", "rejected here")
		}
		return
	}
	c := m.callNamed(command.Call, up)
	if c == nil {
		if command.Do == "report" && m.had(command.Call) {
			return // its end has said all
		}
		cannot("no call is up")
		return
	}
	m.obeyIn(c, command, cannot)
}

// had says whether the phone had that call: it may end while a command is on its
// way.
func (m *Machine) had(call int) bool { return call > 0 && call <= m.callsMade }

// obeyIn carries out a command about a call that is up.
func (m *Machine) obeyIn(c *call, command Command, cannot func(string, ...any)) {
	switch command.Do {
	case "hold", "resume":
		held := command.Do == "hold"
		m.want(c, wish{held: held, then: func(status int) {
			event := Held
			if !held {
				event = Resumed
			}
			m.report(Report{Event: event, Call: c.id, With: c.with, Code: status, Server: m.serving(c).server.Name})
		}})
	case "transfer":
		if command.To == "" {
			cannot("to whom?")
			return
		}
		m.transfer(c, command.To, nil)
	case "join":
		// The older call's far end is sent to the newer call's.
		var first *call
		for _, other := range m.calls {
			if other != c && other.state == up {
				first = other
				break
			}
		}
		if first == nil {
			cannot("there are no two calls")
			return
		}
		m.transfer(first, c.with, c)
	case "dial":
		if strings.ContainsFunc(command.Digits, func(r rune) bool { return !rtp.IsDigit(r) }) || command.Digits == "" {
			cannot("digits %q: 0-9, *, #, A-D", command.Digits)
			return
		}
		c.voice.Dial(command.Digits)
	case "report":
		m.report(Report{Event: VoiceSoFar, Call: c.id, With: c.with, Voice: m.heard(c, nil)})
	}
}
