package resilience

import (
	"strconv"
	"strings"
	"time"
)

// words is a duration as people say it: 3m, 2m45s, 1h30m, 250ms.
func words(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(time.Second)
	} else {
		d = d.Round(time.Millisecond)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// count is "1 phone", "12 phones".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// phaseWords says what the home's phase means.
func (m *Machine) phaseWords(h *home) string {
	guests := count(h.present(), "guest")
	switch h.phase {
	case Cold:
		return "no complete mirror of " + string(h.name) + ", nobody can be admitted"
	case Synced:
		return string(h.name) + " is visible, its mirror complete, no guests"
	case Suspect:
		s := string(h.name) + " was not seen for " + words(m.sinceReady(h)) + ", its phones are admitted in " +
			words(m.servesAt(h)-m.now)
		if h.present() > 0 {
			s += "; it has " + guests + " here"
		}
		return s
	case Serving:
		if h.taken {
			return "an operator took over, phones of " + string(h.name) + " are admitted"
		}
		return string(h.name) + " was not seen for " + words(m.sinceReady(h)) + ", its phones are admitted"
	case Recovering:
		return string(h.name) + " is visible, " + guests + " can go home in " + words(m.stableAt(h)-m.now)
	default:
		return string(h.name) + " has been up and visible for " + words(m.cfg.Timers.FailbackDelay) + ", " + guests + " can go home"
	}
}
