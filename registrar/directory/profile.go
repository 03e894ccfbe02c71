package directory

import (
	"fmt"
	"slices"
	"strings"
)

// Refusal is how a phone is refused so that it goes, or stays, home (FO1).
type Refusal uint8

// The refusals.
const (
	Refuse503    Refusal = iota + 1 // 503 without Retry-After
	RefuseSilent                    // no answer at all
	RefusePhrase                    // Profile.Status and Profile.Phrase
)

// String is the name that the configuration uses.
func (r Refusal) String() string {
	switch r {
	case Refuse503:
		return "503"
	case RefuseSilent:
		return "silent"
	case RefusePhrase:
		return "phrase"
	}
	return "unset"
}

// ParseRefusal reads a name as the configuration writes it.
func ParseRefusal(s string) (Refusal, error) {
	for _, r := range []Refusal{Refuse503, RefuseSilent, RefusePhrase} {
		if r.String() == s {
			return r, nil
		}
	}
	return 0, fmt.Errorf("refusal %q is not known; it is 503, silent or phrase", s)
}

// Trigger is a way to make a guest go home (FB4).
type Trigger uint8

// The triggers, in the order in which they are tried.
const (
	TriggerNotify   Trigger = iota + 1 // reg-event NOTIFY, deactivated
	TriggerRefuse                      // refusal at the next refresh
	TriggerClose                       // closing its TCP or TLS flow
	TriggerRedirect                    // 302 to the home
)

// String is the name that the configuration uses.
func (t Trigger) String() string {
	switch t {
	case TriggerNotify:
		return "notify"
	case TriggerRefuse:
		return "refuse"
	case TriggerClose:
		return "close"
	case TriggerRedirect:
		return "redirect"
	}
	return "unset"
}

// ParseTrigger reads a name as the configuration writes it.
func ParseTrigger(s string) (Trigger, error) {
	for t := TriggerNotify; t <= TriggerRedirect; t++ {
		if t.String() == s {
			return t, nil
		}
	}
	return 0, fmt.Errorf("trigger %q is not known; it is notify, refuse, close or redirect", s)
}

// Profile is what is known of a family of phones.
type Profile struct {
	Name string
	// Agents: beginnings of the User-Agent, compared without case.
	Agents  []string
	Refusal Refusal
	// Status and Phrase are the answer of RefusePhrase; 503 by default.
	Status int
	Phrase string
	// RetryAfter: a 503 with Retry-After does not park this phone.
	RetryAfter bool
	// FollowsRedirect: it follows a 302 to its REGISTER.
	FollowsRedirect bool
	// RegEvent: it subscribes to reg by default.
	RegEvent bool
	// ReturnsAlone: it tries its home again by itself.
	ReturnsAlone bool
	// CallsOnly: in its default setting it only sends calls to the backup and
	// does not REGISTER there (FO8).
	CallsOnly bool
	// PollsWithExpiresZero: it polls a better system with Expires: 0 (FO9).
	PollsWithExpiresZero bool
	// OneChallenge: it fails on a digest challenge with an algorithm that it does not
	// know, wherever that stands, so it is offered one only.
	OneChallenge bool
	// Triggers that are worth trying, in order (FB4).
	Triggers []Trigger
}

// GenericProfile is the name of the profile for phones that are not known.
const GenericProfile = "generic"

// Profiles are the known families, to be looked up by user agent or name. The
// zero value knows the built-in ones.
type Profiles struct {
	all []Profile // those asked first, first; generic last; nil: the built-in ones
}

// NewProfiles are the built-in families with the overrides put over them by
// name; an override with a new name is added and is asked first. An override
// replaces the whole profile, but for what it leaves empty of Agents, Refusal and
// Triggers.
func NewProfiles(overrides ...Profile) (Profiles, error) {
	all := builtin()
	var added []Profile
	for i, o := range overrides {
		if err := o.check(); err != nil {
			return Profiles{}, err
		}
		if slices.ContainsFunc(overrides[:i], func(p Profile) bool { return p.Name == o.Name }) {
			return Profiles{}, fmt.Errorf("profile %s is there twice", o.Name)
		}
		at := slices.IndexFunc(all, func(p Profile) bool { return p.Name == o.Name })
		if at < 0 {
			added = append(added, o.over(all[len(all)-1]))
		} else {
			all[at] = o.over(all[at])
		}
	}
	return Profiles{all: append(added, all...)}, nil
}

// over fills what the override leaves empty from the profile beneath.
func (p Profile) over(beneath Profile) Profile {
	if p.Refusal == 0 {
		p.Refusal, p.Status, p.Phrase = beneath.Refusal, beneath.Status, beneath.Phrase
	}
	if p.Refusal == RefusePhrase && p.Status == 0 {
		p.Status = 503
	}
	if len(p.Agents) == 0 {
		p.Agents = beneath.Agents
	}
	if len(p.Triggers) == 0 {
		p.Triggers = beneath.Triggers
	}
	return p
}

func (p Profile) check() error {
	switch {
	case p.Name == "":
		return fmt.Errorf("a profile has no name")
	case p.Refusal > RefusePhrase:
		return fmt.Errorf("profile %s: refusal %d is not known", p.Name, p.Refusal)
	case p.Refusal == RefusePhrase && p.Phrase == "":
		return fmt.Errorf("profile %s: refusal phrase needs a phrase", p.Name)
	case p.Status == 401 || p.Status == 403 || p.Status == 404:
		return fmt.Errorf("profile %s: status %d locks phones out or leaves ghosts (FO1); use 503", p.Name, p.Status)
	case p.Status != 0 && (p.Status < 300 || p.Status > 699):
		return fmt.Errorf("profile %s: status %d does not refuse; it is from 300 to 699", p.Name, p.Status)
	case strings.ContainsFunc(p.Phrase, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(p.Phrase) > 100:
		return fmt.Errorf("profile %s: a phrase is up to 100 characters without control characters", p.Name)
	case slices.Contains(p.Agents, ""):
		return fmt.Errorf("profile %s: an empty agent would match every phone", p.Name)
	case slices.ContainsFunc(p.Triggers, func(t Trigger) bool { return t < TriggerNotify || t > TriggerRedirect }):
		return fmt.Errorf("profile %s: a trigger that is not known", p.Name)
	}
	return nil
}

func (p Profiles) list() []Profile {
	if p.all == nil {
		return builtin()
	}
	return p.all
}

// ByAgent finds the family of a User-Agent; the generic profile if unknown.
func (p Profiles) ByAgent(userAgent string) Profile {
	all := p.list()
	for _, q := range all {
		for _, a := range q.Agents {
			if len(userAgent) >= len(a) && strings.EqualFold(userAgent[:len(a)], a) {
				return q
			}
		}
	}
	return all[len(all)-1]
}

// ByName finds a profile by its name.
func (p Profiles) ByName(name string) (Profile, bool) {
	all := p.list()
	if i := slices.IndexFunc(all, func(q Profile) bool { return q.Name == name }); i >= 0 {
		return all[i], true
	}
	return Profile{}, false
}

// Names are all names, in the order in which they are asked.
func (p Profiles) Names() (names []string) {
	for _, q := range p.list() {
		names = append(names, q.Name)
	}
	return names
}
