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
	return r.ofCall()
}

// ofCall says what a report about a call means.
func (r Report) ofCall() string {
	switch r.Event {
	case Dialling:
		return fmt.Sprintf("calls %s through %s", r.With, r.Server)
	case Alerting:
		return strings.TrimSpace(fmt.Sprintf("hears %s ring: %d %s", r.With, r.Code, r.Text))
	case Rings:
		return fmt.Sprintf("rings: %s calls", r.With)
	case CallUp:
		return fmt.Sprintf("is in a call with %s; %s to %s", r.With, protection(r.Voice), remote(r.Voice))
	case CallRefused:
		return fmt.Sprintf("call to %s refused by %s: %d %s", r.With, r.Server, r.Code, r.Why)
	case Leaves:
		return fmt.Sprintf("hangs up on %s: %s", r.With, r.Why)
	case CallEnded:
		text := fmt.Sprintf("call with %s ended: %s", r.With, r.Why)
		switch {
		case r.Code != 0 && r.Server == "": // this phone's own refusal
			text += fmt.Sprintf(" (%d)", r.Code)
		case r.Code != 0:
			text += fmt.Sprintf(" (%s answered %d)", r.Server, r.Code)
		}
		if r.Voice != nil {
			text += "; " + r.Voice.String()
		}
		return text
	case Held:
		return fmt.Sprintf("holds the call with %s: %d", r.With, r.Code)
	case Resumed:
		return fmt.Sprintf("takes the call with %s back: %d", r.With, r.Code)
	case IsHeld:
		return "is held " + r.Text
	case Transferred:
		return fmt.Sprintf("transferred %s %s: %d", r.With, r.Text, r.Code)
	case Digit:
		return fmt.Sprintf("hears %s dial %s", r.With, r.Text)
	case VoiceBegan:
		return fmt.Sprintf("hears %d Hz from %s after %d ms", r.Hz, r.With, r.MS)
	case VoiceGap:
		return fmt.Sprintf("heard nothing from %s for %d ms", r.With, r.MS)
	case VoiceLost:
		return fmt.Sprintf("no longer hears %s: nothing for %d ms", r.With, r.MS)
	case VoiceSoFar:
		return fmt.Sprintf("in the call with %s %s", r.With, r.Voice)
	case Cannot:
		return "cannot " + r.Text
	}
	return string(r.Event)
}

func protection(v *VoiceReport) string {
	if v == nil || v.Secure == "" {
		return "RTP"
	}
	return v.Secure
}

func remote(v *VoiceReport) string {
	if v == nil || v.Remote == "" {
		return "nowhere"
	}
	return v.Remote
}
