package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// other is the system at the other end of the line.
func other(role Role) Role {
	if role == Home {
		return Backup
	}
	return Home
}

// answering wraps a clause about a system's own word: it is not true of a
// system that is not there.
func answering(role Role, about func(*Picture, *SystemView, time.Duration) (bool, string)) part {
	return func(p *Picture, since time.Duration) (bool, string) {
		view := p.Systems[role]
		switch {
		case !view.Running:
			return false, role + " is not running"
		case view.Status == nil:
			return false, role + " has not answered yet"
		}
		return about(p, view, since)
	}
}

// alarm reads "KIND at SYSTEM".
func alarm(w *words, wanted bool) part {
	kind := w.next()
	w.the("at")
	role := w.system()
	return answering(role, func(_ *Picture, v *SystemView, _ time.Duration) (bool, string) {
		var standing []string
		for _, alarm := range v.Status.Alarms {
			if alarm.Kind == kind {
				return wanted, fmt.Sprintf("%s has the alarm %s: %s", role, kind, alarm.Text)
			}
			standing = append(standing, alarm.Kind)
		}
		if len(standing) == 0 {
			return !wanted, role + " has no alarm"
		}
		return !wanted, fmt.Sprintf("%s has other alarms only: %s", role, strings.Join(standing, ", "))
	})
}

// happened reads "KIND at SYSTEM".
func happened(w *words) part {
	kind := w.next()
	w.the("at")
	role := w.system()
	return answering(role, func(_ *Picture, v *SystemView, since time.Duration) (bool, string) {
		at, ever := v.Events[kind]
		if ever && at >= since {
			return true, fmt.Sprintf("%s had the event %s", role, kind)
		}
		return false, fmt.Sprintf("%s had no event %s", role, kind)
	})
}

// line reads "is up|down|in-sync|refused at SYSTEM".
func line(w *words) part {
	w.the("is")
	state := w.oneOf("up", "down", "in-sync")
	w.the("at")
	role := w.system()
	return answering(role, func(p *Picture, v *SystemView, _ time.Duration) (bool, string) {
		line := v.line(p.nameOf(other(role)))
		if line == nil {
			return false, role + " lists no line"
		}
		is := fmt.Sprintf("the line at %s is up %t, in sync %t, complete %t, behind by %d", role, line.Up, line.InSync, line.Complete, line.Behind)
		if line.Why != "" {
			is += ": " + line.Why
		}
		switch state {
		case "up":
			return line.Up && line.Visible, is
		case "down":
			return !line.Up, is
		}
		return line.Up && line.Visible && line.InSync, is
	})
}

// system reads what a system says of itself.
func system(w *words, role Role) part {
	switch word := w.next(); word {
	case "sees":
		return sees(w, role)
	case "has":
		return hasGuests(w, role)
	case "uses":
		return usesLicences(w, role)
	case "misses":
		w.the("service")
		return answering(role, func(p *Picture, v *SystemView, _ time.Duration) (bool, string) {
			home := v.home(p.nameOf(other(role)))
			n := 0
			if home != nil {
				n = home.Unserved
			}
			return n > 0, fmt.Sprintf("%s counts %d phones that knocked and could not be taken in", role, n)
		})
	case "is":
		if w.accept("up") {
			return answering(role, func(*Picture, *SystemView, time.Duration) (bool, string) { return true, role + " is up" })
		}
		wanted := !w.accept("not")
		w.the("ready")
		w.the("for")
		w.the(other(role))
		return answering(role, func(p *Picture, v *SystemView, _ time.Duration) (bool, string) {
			home := v.home(p.nameOf(other(role)))
			ready := home != nil && home.Ready
			is := fmt.Sprintf("%s ready for %s: %t", role, other(role), ready)
			if home != nil && home.WhyNot != "" {
				is += ", " + home.WhyNot
			}
			return ready == wanted, is
		})
	default:
		w.fail("nothing is known about systems with %q", word)
		return nil
	}
}

var states = []string{"COLD", "SYNCED", "SUSPECT", "SERVING", "RECOVERING", "REHOMING"}

// sees reads "home in STATE [or STATE]…".
func sees(w *words, role Role) part {
	w.the(other(role))
	w.the("in")
	wanted := []string{w.oneOf(states...)}
	for w.accept("or") {
		wanted = append(wanted, w.oneOf(states...))
	}
	return answering(role, func(p *Picture, v *SystemView, _ time.Duration) (bool, string) {
		home := v.home(p.nameOf(other(role)))
		if home == nil {
			return false, fmt.Sprintf("%s does not back up %s", role, other(role))
		}
		return slices.Contains(wanted, home.State), fmt.Sprintf("%s sees %s in %s", role, other(role), home.State)
	})
}

func hasGuests(w *words, role Role) part {
	wanted := 0
	if !w.accept("no") {
		wanted = w.number()
	}
	w.the("guests")
	return answering(role, func(_ *Picture, v *SystemView, _ time.Duration) (bool, string) {
		return v.Status.Phones.Guests == wanted, fmt.Sprintf("%s has %d guests", role, v.Status.Phones.Guests)
	})
}

func usesLicences(w *words, role Role) part {
	wanted := 0
	if w.accept("no") {
		w.the("licence")
	} else {
		wanted = w.number()
		w.the("licences")
	}
	return answering(role, func(_ *Picture, v *SystemView, _ time.Duration) (bool, string) {
		return v.Status.Licences.Used == wanted, fmt.Sprintf("%s uses %d licences", role, v.Status.Licences.Used)
	})
}
