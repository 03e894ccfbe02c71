package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/cmd/roost/console/api"
	"roost/registrar"
	"roost/resilience"
)

var errNotALab = errors.New("this is for labs only; the configuration does not say lab: true")

// TakeOver implements console.Source (FO4).
func (s source) TakeOver(c api.TakeOver) (string, error) {
	if err := s.isHome(c.Home); err != nil {
		return "", err
	}
	s.keeper.step(resilience.TakeOver{Home: resilience.System(c.Home)})
	view, _ := s.keeper.view()
	for _, h := range view.Homes {
		if string(h.System) == c.Home && !h.TakenOver {
			return "", fmt.Errorf("%s was not taken over: %s", c.Home, h.NotReady)
		}
	}
	return fmt.Sprintf("%s serves the phones of %s from now on, until they are released", s.name, c.Home), nil
}

func (s source) isHome(name string) error {
	homes := s.homes.all()
	if !slices.Contains(homes, name) {
		return fmt.Errorf("%s does not back up a system called %q; it backs up: %s", s.name, name, strings.Join(homes, ", "))
	}
	return nil
}

// Release implements console.Source (FB8).
func (s source) Release(c api.Release) (string, error) {
	if c.Home == "" && c.Number == "" && c.Location == "" {
		return "", errors.New("say what to release: home, number or location")
	}
	if c.Home != "" {
		if err := s.isHome(c.Home); err != nil {
			return "", err
		}
	}
	s.keeper.step(resilience.Release{
		Home: resilience.System(c.Home), Phone: resilience.Phone(c.Number), Location: c.Location})
	return "released; idle guests go home now, busy ones after their call", nil
}

// maxAnnounced is the longest restart that backups believe (FO4).
const maxAnnounced = 15 * time.Minute

// Announce implements console.Source (FO4).
func (s source) Announce(c api.Announce) (string, error) {
	within := time.Duration(c.BackWithin * float64(time.Second))
	if within <= 0 || within > maxAnnounced {
		return "", fmt.Errorf("back_within is %g s; it takes more than 0 and at most %g", c.BackWithin, maxAnnounced.Seconds())
	}
	s.keeper.step(resilience.Restarting{BackWithin: within})
	return fmt.Sprintf("the backups know that %s is back within %v", s.name, within), nil
}

// LabBusy implements console.Source.
func (s source) LabBusy(c api.Busy) (string, error) {
	if !s.config().Lab {
		return "", errNotALab
	}
	n := registrar.Number(c.Number)
	bindings := s.registrar.Lookup(n, time.Now())
	if len(bindings) == 0 && c.Busy {
		return "", fmt.Errorf("no phone %s is registered at %s", c.Number, s.name)
	}
	if !s.busy.set(n, c.Busy) {
		return "nothing changed", nil
	}
	if c.Busy {
		s.keeper.step(resilience.CallBegan{Phone: resilience.Phone(n)})
	} else {
		s.keeper.step(resilience.CallEnded{Phone: resilience.Phone(n)})
	}
	now := time.Now()
	for i := range bindings {
		if bindings[i].Guest {
			s.share.guest(s.guestRecord(&bindings[i]), bindings[i].Expires, now)
		}
	}
	return fmt.Sprintf("%s counts as busy: %v", c.Number, c.Busy), nil
}

// LabRefuse implements console.Source.
func (s source) LabRefuse(c api.Refuse) (string, error) {
	if !s.config().Lab {
		return "", errNotALab
	}
	s.refusing.Store(c.On)
	return fmt.Sprintf("every REGISTER of an own phone is refused: %v", c.On), nil
}
