package lab

import (
	"fmt"
	"slices"
	"time"
)

// phoneTest is what is said about a phone.
type phoneTest = func(*Picture, *PhoneView, time.Duration) bool

// anyCall makes a test of one that is true of any of a phone's calls.
func anyCall(test func(*Picture, *CallView, time.Duration) bool) phoneTest {
	return func(p *Picture, v *PhoneView, since time.Duration) bool {
		return slices.ContainsFunc(v.Calls, func(c *CallView) bool { return test(p, c, since) })
	}
}

// callPredicate reads what is said about phones' calls, after its first word; nil
// if it is about something else.
func callPredicate(w *words, word string) (phoneTest, string) {
	switch word {
	case "rings":
		return func(_ *Picture, v *PhoneView, _ time.Duration) bool { return v.Rings }, "ringing"
	case "in":
		w.the("a")
		w.the("call")
		if !w.accept("through") {
			return anyCall(func(_ *Picture, c *CallView, _ time.Duration) bool { return c.Up }), "in a call"
		}
		path := w.oneOf(Home, Backup, "nobody")
		says := "in a call through " + path
		if path == "nobody" {
			path = "direct"
		}
		return anyCall(func(_ *Picture, c *CallView, _ time.Duration) bool { return c.Up && c.Path == path }), says
	case "hears":
		return hears(w)
	case "keeps", "lost":
		w.the("its")
		w.the("voice")
		if word == "lost" {
			return anyCall(func(_ *Picture, c *CallView, since time.Duration) bool { return c.Lost >= max(0, since) }), "without the voice they heard"
		}
		return anyCall(func(_ *Picture, c *CallView, since time.Duration) bool {
			return c.Up && c.Hears > 0 && c.Lost < max(0, since)
		}), "with the voice they heard"
	case "is-held":
		return anyCall(func(_ *Picture, c *CallView, _ time.Duration) bool { return c.Up && c.Held }), "held"
	case "speaks":
		how := w.oneOf("securely", "openly")
		return anyCall(func(_ *Picture, c *CallView, _ time.Duration) bool {
			return c.Up && (c.Secure != "") == (how == "securely")
		}), "speaking " + how
	case "heard":
		w.the("digits")
		digits := w.next()
		return anyCall(func(_ *Picture, c *CallView, _ time.Duration) bool { return c.Digits == digits }), "aware of digits " + digits
	case "was":
		return answeredWith(w)
	}
	return nil, ""
}

// hears reads "nothing", "its far end" or "phone 202".
func hears(w *words) (phoneTest, string) {
	if w.accept("nothing") {
		return func(_ *Picture, v *PhoneView, _ time.Duration) bool {
			return !slices.ContainsFunc(v.current(), func(c *CallView) bool { return c.Hears > 0 })
		}, "hearing nothing"
	}
	if w.accept("its") {
		w.the("far")
		w.the("end")
		return anyCall(func(p *Picture, c *CallView, _ time.Duration) bool { return c.hearsPhone(p, c.With) }), "hearing their far end"
	}
	number := w.phone()
	return anyCall(func(p *Picture, c *CallView, _ time.Duration) bool { return c.hearsPhone(p, number) }), "hearing phone " + number
}

// answeredWith reads "answered 481 by backup" or "refused 486": how its last call
// ended.
func answeredWith(w *words) (phoneTest, string) {
	w.oneOf("answered", "refused")
	code := w.number()
	by := Role("")
	says := fmt.Sprintf("answered %d", code)
	if w.accept("by") {
		by = w.system()
		says += " by " + by
	}
	return func(_ *Picture, v *PhoneView, _ time.Duration) bool {
		for i := len(v.Calls) - 1; i >= 0; i-- {
			if c := v.Calls[i]; c.Ended {
				return c.Code == code && (by == "" || c.Server == by)
			}
		}
		return false
	}, says
}

// callsByRule reads "call by its rule": every call's voice is as its rule has it.
func callsByRule(w *words) part {
	w.the("by")
	w.the("its")
	w.the("rule")
	return func(p *Picture, _ time.Duration) (bool, string) {
		all, counts, holds := 0, map[string]int{}, true
		var against []string
		for _, v := range p.Phones {
			for _, c := range v.Calls {
				if c.Began < 0 {
					continue
				}
				all++
				ok, is := c.byRule()
				if rule, _ := c.rule(); ok {
					counts["as it should be "+rule]++
				} else {
					holds = false
					counts["not as it should be "+rule]++
					against = append(against, fmt.Sprintf("%s with %s (%s): %s", c.Phone, c.With, c.Path, is))
				}
			}
		}
		if all == 0 {
			return false, "there was no call"
		}
		return holds, fmt.Sprintf("of %d phones' calls %s%s", all, tally(counts), some(against))
	}
}
