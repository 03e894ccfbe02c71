package lab

import (
	"net/netip"
	"time"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

// Picture is all that the lab knows at an instant. Times in it are rule time
// since the scenario began.
type Picture struct {
	Now     time.Duration
	Phones  []*PhoneView
	Systems map[Role]*SystemView
	// Fault is when something was last broken, Mended when it was last mended;
	// -1 for never.
	Fault, Mended time.Duration

	byNumber  map[string]*PhoneView
	byName    map[string]Role
	addresses map[Role]netip.Addr // of the systems
}

// PhoneView is what is known of a phone, by its own account.
type PhoneView struct {
	Number, Profile, Transport string
	// At says where it believes to be registered.
	At map[Role]bool
	// Arrived is when it last registered anew at each system, and Why.
	Arrived map[Role]time.Duration
	Why     map[Role]string
	// Refused is when a system last refused it, RefusedBoth when the home and
	// then the backup refused it without a registration between.
	Refused     map[Role]time.Duration
	RefusedBoth time.Duration
	Ignored     time.Duration // when it last ignored a trigger
	Told        time.Duration // when a server last told it to go elsewhere
	Busy        bool
	// Calls in their order, and whether it rings.
	Calls []*CallView
	Rings bool

	dual        bool // may be registered at both
	homeRefused bool
}

// SystemView is what is known of a system.
type SystemView struct {
	Running bool
	Hung    bool // stopped by SIGSTOP
	// Status is its last answer, nil if there was none since it was started;
	// Heard is when it came.
	Status *api.Status
	Heard  time.Duration
	// Events holds when each kind of event happened last.
	Events map[string]time.Duration
}

// newPicture has every phone nowhere and no system running.
func newPicture(s *Scenario, names map[Role]string) *Picture {
	p := &Picture{
		Fault: -1, Mended: -1, byNumber: map[string]*PhoneView{}, byName: map[string]Role{},
		Systems: map[Role]*SystemView{},
	}
	for role, name := range names {
		p.byName[name] = role
		p.Systems[role] = &SystemView{Events: map[string]time.Duration{}}
	}
	for _, group := range s.Phones {
		profile, err := phone.ProfileByName(group.Profile)
		dual := err == nil && profile.Dual
		for range group.Count {
			view := &PhoneView{
				Number: s.Number(len(p.Phones)), Profile: group.Profile, Transport: group.Transport,
				At: map[Role]bool{}, Arrived: map[Role]time.Duration{}, Why: map[Role]string{},
				Refused: map[Role]time.Duration{}, RefusedBoth: -1, Ignored: -1, Told: -1, dual: dual,
			}
			p.Phones = append(p.Phones, view)
			p.byNumber[view.Number] = view
		}
	}
	return p
}

// Report takes what a phone says; at is when it was heard. The phones' servers
// are named by their roles.
func (p *Picture) Report(r phone.Report, at time.Duration) {
	view := p.byNumber[r.Phone]
	if view == nil {
		return
	}
	p.callReport(view, r, at)
	switch r.Event {
	case phone.Rings:
		view.Rings = true
	case phone.CallUp, phone.CallEnded:
		view.Rings = false
	case phone.Registered:
		if !view.dual {
			clear(view.At)
		}
		view.At[r.Server] = true
		view.Arrived[r.Server] = at
		view.Why[r.Server] = r.Why
		view.homeRefused = false
	case phone.Lost:
		delete(view.At, r.Server)
	case phone.Rebooted:
		clear(view.At)
	case phone.Refused:
		view.Refused[r.Server] = at
		if r.Server == Home {
			view.homeRefused = true
		} else if view.homeRefused && !view.dual {
			view.RefusedBoth = at
		}
	case phone.Ignored:
		view.Ignored = at
	case phone.Told:
		view.Told = at
	}
}

// Status takes a system's answer, or its silence.
func (p *Picture) Status(role Role, status *api.Status, at time.Duration, ruleTime func(time.Time) time.Duration) {
	view := p.Systems[role]
	if status == nil {
		return
	}
	view.Status, view.Heard = status, at
	for _, event := range status.Events {
		happened := ruleTime(event.At)
		if last, known := view.Events[event.Kind]; !known || happened > last {
			view.Events[event.Kind] = happened
		}
	}
}

// home is how a system sees the home's phones, nil if unknown.
func (v *SystemView) home(name string) *api.Home {
	if v.Status == nil {
		return nil
	}
	for i := range v.Status.Homes {
		if v.Status.Homes[i].System == name {
			return &v.Status.Homes[i]
		}
	}
	return nil
}

// line is a system's view of its line to another, nil if unknown.
func (v *SystemView) line(name string) *api.Line {
	if v.Status == nil {
		return nil
	}
	for i := range v.Status.Lines {
		if v.Status.Lines[i].System == name {
			return &v.Status.Lines[i]
		}
	}
	return nil
}

// guest is a phone's entry as guest at that system, nil if it is none.
func (v *SystemView) guest(number string) *api.Guest {
	if v.Status == nil {
		return nil
	}
	for i := range v.Status.Guests {
		if v.Status.Guests[i].Number == number {
			return &v.Status.Guests[i]
		}
	}
	return nil
}

// nameOf is a role's system name.
func (p *Picture) nameOf(role Role) string {
	for name, r := range p.byName {
		if r == role {
			return name
		}
	}
	return ""
}

// count counts the phones that are at a system; "" counts those that are nowhere.
func (p *Picture) count(where Role) int {
	n := 0
	for _, view := range p.Phones {
		if view.is(where) {
			n++
		}
	}
	return n
}

// is says whether the phone is at home, at the backup and not at home, at both,
// or ("") nowhere.
func (v *PhoneView) is(where Role) bool {
	switch where {
	case Home:
		return v.At[Home]
	case Backup:
		return v.At[Backup] && !v.At[Home]
	case both:
		return v.At[Home] && v.At[Backup]
	default:
		return len(v.At) == 0
	}
}
