package resilience

import (
	"strings"
)

// isPassive: the trigger is an answer to the phone's next request.
func (t Trigger) isPassive() bool {
	return t == TriggerRefuse || t == TriggerRedirect || t == TriggerRRJ
}

// isActive: the trigger is something that this system begins.
func (t Trigger) isActive() bool { return t == TriggerNotify || t == TriggerClose || t == TriggerURQ }

// ladder is the order of FB4.
var ladder = [...][]Trigger{
	SIP:  {TriggerNotify, TriggerRefuse, TriggerClose, TriggerRedirect},
	H323: {TriggerURQ, TriggerRRJ},
}

// nextRung is the next trigger that this phone may understand and that was not used in this
// try: first the one that worked for its family, then in the order of the ladder.
func (g *guest) nextRung() Trigger {
	if g.family != nil && g.usable(g.family.first) {
		return g.family.first
	}
	for _, t := range ladder[g.protocol] {
		if g.usable(t) {
			return t
		}
	}
	return NoTrigger
}

func (g *guest) usable(t Trigger) bool {
	if t == NoTrigger || g.tried&(1<<t) != 0 {
		return false
	}
	switch t {
	case TriggerNotify:
		return g.protocol == SIP && g.subscribed
	case TriggerClose:
		return g.protocol == SIP && g.stream
	case TriggerRedirect:
		return g.protocol == SIP && g.follows
	case TriggerRefuse:
		return g.protocol == SIP
	default:
		return g.protocol == H323
	}
}

// family is what was learned about the triggers of one family of user agents (FB4).
type family struct {
	name  string
	first Trigger
	works [triggerCount]uint64
	fails [triggerCount]uint64
}

func (f *family) worked(t Trigger) {
	if f != nil && t != NoTrigger {
		f.first = t
		f.works[t]++
	}
}

func (f *family) failed(t Trigger) {
	if f != nil && t != NoTrigger {
		f.fails[t]++
	}
}

// familyOf is the family of a user agent, nil if there is none or no room for another.
func (m *Machine) familyOf(agent string) *family {
	name := AgentFamily(agent)
	if name == "" {
		return nil
	}
	f := m.families[name]
	if f == nil {
		if len(m.families) >= m.cfg.Limits.MaxFamilies {
			m.overflow++
			return nil
		}
		f = &family{name: name}
		m.families[name] = f
	}
	return f
}

const maxFamilyName = 48

// AgentFamily cuts a User-Agent to what phones of one make and model share: the words
// before the first version ("Yealink SIP-T46S 66.85.0.5" is "Yealink SIP-T46S",
// "snom370/8.7" is "snom370"), at most 48 octets, in which only printable ASCII stays.
func AgentFamily(agent string) string {
	var words []string
	length := 0
	for word := range strings.FieldsSeq(agent[:min(len(agent), 256)]) {
		base, _, version := strings.Cut(word, "/")
		if isVersion(base) && length > 0 {
			break
		}
		if base = strings.Map(printable, base); base != "" {
			words = append(words, base)
			length += len(base) + 1
		}
		if version || length > maxFamilyName {
			break
		}
	}
	name := strings.Join(words, " ")
	return name[:min(len(name), maxFamilyName)]
}

func isVersion(word string) bool {
	word = strings.TrimLeft(word, "vV(")
	return word == "" || word[0] >= '0' && word[0] <= '9'
}

func printable(r rune) rune {
	if r < 0x21 || r > 0x7e {
		return -1
	}
	return r
}
