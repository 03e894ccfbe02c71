package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"roost/cmd/roost/lab/phone"
	"roost/cmd/roost/lab/phone/tone"
)

// CallView is what is known of one call at one phone, by the phone's own account.
type CallView struct {
	Phone, With string
	ID          int
	Up, Ended   bool
	// Began is when it was answered, -1 before.
	Began time.Duration
	// Path is where its voice goes to: home, backup or direct; empty if unknown.
	Path   string
	Secure string // the SRTP suite
	Held   bool   // by the phone or by its far end
	// Hears is the tone that is heard at present, in Hz, 0 for none.
	Hears int
	// Lost is when the voice was last lost, -1 for never.
	Lost time.Duration
	// Broke is when the system was taken away that the voice ran through, -1 for
	// never; Cut and Bereft say that the line, or a system that the voice did not run
	// through, was taken away while the call was up.
	Broke       time.Duration
	Cut, Bereft bool
	// Code and Server are of the BYE's answer, or of the refusal.
	Code   int
	Server Role
	Why    string
	Voice  *phone.VoiceReport
	Digits string

	asked  bool // for a last word that has not come yet
	hungUp bool // by the lab: its end has not been reported yet
}

// call finds or begins the view of a call.
func (v *PhoneView) call(r phone.Report) *CallView {
	if r.Call == 0 {
		return nil
	}
	for _, c := range v.Calls {
		if c.ID == r.Call {
			return c
		}
	}
	c := &CallView{Phone: v.Number, With: r.With, ID: r.Call, Began: -1, Lost: -1, Broke: -1}
	v.Calls = append(v.Calls, c)
	return c
}

// current are the calls that have not ended.
func (v *PhoneView) current() []*CallView {
	var calls []*CallView
	for _, c := range v.Calls {
		if !c.Ended {
			calls = append(calls, c)
		}
	}
	return calls
}

// callReport takes what a phone says of a call.
func (p *Picture) callReport(v *PhoneView, r phone.Report, at time.Duration) {
	c := v.call(r)
	if c == nil {
		return
	}
	if r.Voice != nil {
		c.Voice, c.Secure, c.Path, c.asked = r.Voice, r.Voice.Secure, p.pathOf(r.Voice.Remote), false
	}
	switch r.Event {
	case phone.CallUp:
		c.Up, c.Began = true, at
	case phone.CallEnded, phone.CallRefused:
		c.Ended, c.Up, c.Hears = true, false, 0
		c.Code, c.Server, c.Why = r.Code, r.Server, r.Why
	case phone.Leaves:
		c.hungUp = true
	case phone.Held:
		if c.Held = r.Code < 300; c.Held {
			c.Hears = 0 // it does not listen
		}
	case phone.Resumed:
		c.Held = c.Held && r.Code >= 300
	case phone.IsHeld:
		c.Held = r.Text == "by the far end"
	case phone.VoiceBegan:
		c.Hears = r.Hz
	case phone.VoiceLost:
		if p.speaks(c.Hears) {
			c.Lost = at
		}
		c.Hears = 0
	case phone.Digit:
		c.Digits += r.Text
	}
}

// speaks says whether a phone with that tone is in a call still. If it has hung
// up, though no BYE came through, silence is no loss. An unknown tone is taken for
// one that should go on.
func (p *Picture) speaks(hz int) bool {
	known := false
	for _, v := range p.Phones {
		if hz == 0 || !tone.Same(float64(hz), phone.ToneOf(phone.Spec{Number: v.Number})) {
			continue
		}
		known = true
		if slices.ContainsFunc(v.Calls, func(c *CallView) bool { return c.Up && !c.hungUp }) {
			return true
		}
	}
	return !known
}

// pathOf says whose address a voice goes to.
func (p *Picture) pathOf(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	for role, ip := range p.addresses {
		if ip == at.Addr() {
			return role
		}
	}
	return "direct"
}

// callsBroken notes a fault for every call that is up: a system is gone, or the
// line if the role is empty.
func (p *Picture) callsBroken(gone Role) {
	for _, v := range p.Phones {
		for _, c := range v.Calls {
			switch {
			case !c.Up:
			case gone == "":
				c.Cut = true
			case c.Path == gone && c.Broke < 0:
				c.Broke = p.Now
			case c.Path != gone:
				c.Bereft = true
			}
		}
	}
}

// hearsPhone says whether the call's phone hears another phone's tone.
func (c *CallView) hearsPhone(p *Picture, number string) bool {
	return !c.Ended && c.Hears > 0 && tone.Same(float64(c.Hears), phone.ToneOf(phone.Spec{Number: number}))
}

// rule names the rule that says what becomes of the call's voice, and whether the
// voice has to be kept; none without a fault.
func (c *CallView) rule() (rule string, keeps bool) {
	switch {
	case c.Broke >= 0:
		return "VP2", false
	case c.Bereft:
		return "VP3", true
	case c.Cut:
		return "VP5", true
	}
	return "", true
}

// byRule says whether the voice is as the call's rule has it; is says how it is.
func (c *CallView) byRule() (ok bool, is string) {
	rule, keeps := c.rule()
	lost := c.Lost >= 0
	is = "kept"
	if lost {
		is = "lost at " + brief(c.Lost)
	}
	if rule != "" {
		is += " [" + rule + "]"
	}
	if c.Broke >= 0 {
		// A loss must not come before its cause; half a second of wall-clock time is
		// what it takes a phone to call it one.
		return lost && c.Lost >= c.Broke, is
	}
	return lost != keeps, is
}

// CallResult is what became of one call's voice at one phone.
type CallResult struct {
	Phone string `json:"phone"`
	With  string `json:"with"`
	// Voice is kept or lost; LostAt is rule time since the scenario began.
	Voice  string  `json:"voice"`
	LostAt float64 `json:"lost_at_s,omitempty"`
	// Rule that says what it has to be, none without a fault, and whether it is so.
	Rule   string `json:"rule,omitempty"`
	ByRule bool   `json:"by_rule"`
	// Path is home, backup or direct; Secure the SRTP suite.
	Path   string `json:"path"`
	Secure string `json:"secure,omitempty"`
	// HeardMS is how much voice was heard, LongestMS the longest gap, GapMS the sum of
	// those of 60 ms and more: wall-clock milliseconds.
	HeardMS   int `json:"heard_real_ms"`
	LongestMS int `json:"longest_gap_real_ms"`
	GapMS     int `json:"gaps_real_ms"`
	Missing   int `json:"packets_missing"`
}

// callResults are the outcomes of all calls that were up at any time.
func (p *Picture) callResults() []CallResult {
	results := []CallResult{}
	for _, v := range p.Phones {
		for _, c := range v.Calls {
			if c.Began < 0 {
				continue
			}
			rule, _ := c.rule()
			r := CallResult{Phone: c.Phone, With: c.With, Voice: "kept", Rule: rule, Path: c.Path, Secure: c.Secure}
			r.ByRule, _ = c.byRule()
			if c.Lost >= 0 {
				r.Voice, r.LostAt = "lost", seconds(c.Lost)
			}
			if c.Voice != nil {
				r.HeardMS, r.LongestMS, r.GapMS, r.Missing = c.Voice.VoiceMS, c.Voice.LongestMS, c.Voice.GapMS, c.Voice.Missing
			}
			results = append(results, r)
		}
	}
	return results
}

// callsInWords sums the calls' outcomes up, by rule.
func callsInWords(results []CallResult) string {
	counts := map[string]int{}
	longest := -1
	for _, r := range results {
		key := r.Voice
		if r.Rule != "" {
			key += " by " + r.Rule
		}
		if !r.ByRule {
			key += ", against the rule"
		}
		counts[key]++
		if r.Voice == "kept" {
			longest = max(longest, r.LongestMS)
		}
	}
	if longest < 0 {
		return tally(counts)
	}
	return fmt.Sprintf("%s; longest gap of those kept %d ms", tally(counts), longest)
}

// callsNow counts the phones in a call, and those of them that hear a voice.
func (p *Picture) callsNow() (up, hear int) {
	for _, v := range p.Phones {
		calls := v.current()
		if slices.ContainsFunc(calls, func(c *CallView) bool { return c.Up }) {
			up++
		}
		if slices.ContainsFunc(calls, func(c *CallView) bool { return c.Up && c.Hears > 0 }) {
			hear++
		}
	}
	return up, hear
}
