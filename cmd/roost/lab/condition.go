package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Condition is something about a Picture that is true or not.
type Condition struct {
	Text  string
	parts []part
}

// part is one of the parts joined by "and". It says whether it holds, and what
// is the case, in words that complete "but …". since bounds how old an event
// may be.
type part func(p *Picture, since time.Duration) (holds bool, is string)

const both Role = "both"

// Holds evaluates the condition.
func (c *Condition) Holds(p *Picture, since time.Duration) (holds bool, is string) {
	for _, part := range c.parts {
		if holds, is = part(p, since); !holds {
			return false, is
		}
	}
	return true, is
}

// parseCondition reads one or more of these, joined by "and":
//
//	every phone | every phone but 203 | every snom phone | any phone | no phone | phone 203
//	  … at home | at backup | at both | at neither | served
//	  … refused by home | refused by backup | refused at both | ignored its trigger | told to move
//	  … came home because TEXT
//	  … rings | in a call | in a call through home (backup, nobody: direct)
//	  … hears phone 202 | hears its far end | hears nothing | keeps its voice | lost its voice
//	  … is-held | speaks securely | speaks openly | heard digits 12#
//	  … was answered 200 by backup (its BYE) | was refused 486 (its call)
//	every call by its rule (VP2, VP3, VP5)
//	phone 203 is guest at backup | is going-home at backup | is no-guest at backup
//	backup sees home in SYNCED or SUSPECT
//	backup has no guests | has 20 guests
//	backup is ready for home | is not ready for home | is up
//	backup misses service (phones knocked and could not be taken in)
//	backup uses no licence | home uses 20 licences
//	line is up at backup | is down at backup | is in-sync at backup
//	alarm failover at backup | no alarm failover at backup
//	event failover-began at backup
func (s *Scenario) parseCondition(text string) (*Condition, error) {
	condition := &Condition{Text: strings.Join(strings.Fields(text), " ")}
	for clause := range strings.SplitSeq(condition.Text, " and ") {
		w := &words{text: text, left: strings.Fields(clause), scenario: s}
		made := s.clause(w)
		if err := w.end(); err != nil {
			return nil, err
		}
		condition.parts = append(condition.parts, made)
	}
	return condition, nil
}

func (s *Scenario) clause(w *words) part {
	switch {
	case w.accept("alarm"):
		return alarm(w, true)
	case len(w.left) > 1 && w.left[0] == "no" && w.left[1] == "alarm":
		w.left = w.left[2:]
		return alarm(w, false)
	case len(w.left) > 1 && w.left[0] == "every" && w.left[1] == "call":
		w.left = w.left[2:]
		return callsByRule(w)
	case w.accept("event"):
		return happened(w)
	case w.accept("line"):
		return line(w)
	case w.accept(Home):
		return system(w, Home)
	case w.accept(Backup):
		return system(w, Backup)
	}
	return phones(w)
}

// who picks the phones that a clause is about.
type who struct {
	quantity string // every, any, no
	matches  func(*PhoneView) bool
}

func parseWho(w *words) who {
	if len(w.left) > 0 && w.left[0] == "phone" {
		number := w.phone()
		return who{"every", func(v *PhoneView) bool { return v.Number == number }}
	}
	who := who{w.oneOf("every", "any", "no"), func(*PhoneView) bool { return true }}
	if len(w.left) > 0 && w.left[0] != "phone" {
		kind := w.next()
		known := slices.ContainsFunc(w.scenario.Phones, func(g PhoneGroup) bool { return g.Profile == kind || g.Transport == kind })
		if !known {
			w.fail("no phone has the profile or transport %q here", kind)
		}
		who.matches = func(v *PhoneView) bool { return v.Profile == kind || v.Transport == kind }
	}
	w.the("phone")
	if w.accept("but") {
		w.left = append([]string{"phone"}, w.left...)
		excepted, matches := w.phone(), who.matches
		who.matches = func(v *PhoneView) bool { return v.Number != excepted && matches(v) }
	}
	return who
}

// phones reads a clause about phones.
func phones(w *words) part {
	who := parseWho(w)
	is, says := predicate(w)
	if is == nil {
		return nil
	}
	return func(p *Picture, since time.Duration) (bool, string) {
		all, yes := 0, 0
		var not, are []string
		for _, view := range p.Phones {
			if !who.matches(view) {
				continue
			}
			all++
			if is(p, view, since) {
				yes++
				are = append(are, view.Number)
			} else {
				not = append(not, view.Number)
			}
		}
		switch who.quantity {
		case "any":
			return yes > 0, fmt.Sprintf("%d of %d phones %s%s", yes, all, says, some(are))
		case "no":
			return yes == 0, fmt.Sprintf("%d of %d phones %s%s", yes, all, says, some(are))
		}
		if all == 1 && len(not) == 1 {
			return false, fmt.Sprintf("phone %s is %s", not[0], where(p.byNumber[not[0]]))
		}
		return yes == all, fmt.Sprintf("%d of %d phones %s%s", yes, all, says, lacking(not))
	}
}

// predicate reads what is said about each phone.
func predicate(w *words) (func(*Picture, *PhoneView, time.Duration) bool, string) {
	word := w.next()
	if test, says := callPredicate(w, word); test != nil {
		return test, says
	}
	switch word {
	case "at":
		at := w.oneOf(Home, Backup, both, "neither")
		place := at
		if at == "neither" {
			place = ""
		}
		return func(_ *Picture, v *PhoneView, _ time.Duration) bool { return v.is(place) }, "at " + at
	case "served":
		return func(_ *Picture, v *PhoneView, _ time.Duration) bool { return !v.is("") }, "served"
	case "refused":
		if w.accept("at") {
			w.the(both)
			return func(_ *Picture, v *PhoneView, since time.Duration) bool { return v.RefusedBoth >= max(0, since) }, "refused at both"
		}
		w.the("by")
		by := w.system()
		return func(_ *Picture, v *PhoneView, since time.Duration) bool {
			at, ever := v.Refused[by]
			return ever && at >= since
		}, "refused by " + by
	case "ignored":
		w.the("its")
		w.the("trigger")
		return func(_ *Picture, v *PhoneView, since time.Duration) bool { return v.Ignored >= max(0, since) }, "ignored their trigger"
	case "told":
		w.the("to")
		w.the("move")
		return func(_ *Picture, v *PhoneView, since time.Duration) bool { return v.Told >= max(0, since) }, "told to move"
	case "came":
		w.the(Home)
		w.the("because")
		why := strings.Join(w.left, " ")
		w.left = nil
		return func(_ *Picture, v *PhoneView, since time.Duration) bool {
			return v.At[Home] && v.Arrived[Home] >= since && v.Why[Home] == why
		}, "came home because: " + why
	case "is":
		return guestState(w)
	default:
		w.fail("nothing is known about phones with %q", word)
		return nil, ""
	}
}

// guestState is about a system's own entry for a phone.
func guestState(w *words) (func(*Picture, *PhoneView, time.Duration) bool, string) {
	state := w.oneOf("guest", "going-home", "no-guest")
	w.the("at")
	role := w.system()
	wanted := map[string]string{"guest": "guest", "going-home": "going home", "no-guest": ""}[state]
	return func(p *Picture, v *PhoneView, _ time.Duration) bool {
		system := p.Systems[role]
		if !system.Running || system.Status == nil {
			return false
		}
		entry := system.guest(v.Number)
		if entry == nil {
			return wanted == ""
		}
		return entry.State == wanted
	}, state + " at " + role
}

func where(v *PhoneView) string {
	switch {
	case v.is(both):
		return "at both"
	case v.is(Home):
		return "at home"
	case v.is(Backup):
		return "at backup"
	}
	return "nowhere"
}

// lacking names the phones that a sentence is not true of, some a few as examples.
func lacking(numbers []string) string { return listed(", not ", numbers) }
func some(numbers []string) string    { return listed(": ", numbers) }

func listed(lead string, numbers []string) string {
	switch {
	case len(numbers) == 0:
		return ""
	case len(numbers) > 4:
		return fmt.Sprintf("%s%s and %d more", lead, strings.Join(numbers[:3], ", "), len(numbers)-3)
	}
	return lead + strings.Join(numbers, ", ")
}
