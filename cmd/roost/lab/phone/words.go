package phone

import (
	"fmt"
	"strings"
)

// String says in plain words what a report means.
func (r Report) String() string {
	switch r.Event {
	case Registered:
		from := ""
		if r.From != "" {
			from = ", came from " + r.From
		}
		return fmt.Sprintf("registered at %s for %d s (%s%s)", r.Server, r.Expires, r.Why, from)
	case Refused:
		return fmt.Sprintf("refused by %s: %d %s", r.Server, r.Code, r.Text)
	case Unanswered:
		return strings.TrimSpace(fmt.Sprintf("no answer from %s %s", r.Server, r.Text))
	case Lost:
		return fmt.Sprintf("no longer registered at %s: %s", r.Server, r.Text)
	case Told:
		return fmt.Sprintf("told by %s to register elsewhere: %s", r.Server, r.Why)
	case Ignored:
		return fmt.Sprintf("is deaf and ignores %s from %s", r.Text, r.Server)
	case Waits:
		return fmt.Sprintf("waits, as %s asked: %s", r.Server, r.Text)
	case Rebooted:
		return "reboots"
	case Summary:
		return r.Text
	}
	return string(r.Event)
}
