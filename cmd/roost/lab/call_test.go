package lab

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone"
)

// callScene is five phones: 201 and 202 in an anchored call that was lost when
// the home was killed, 203 and 204 in a direct one that goes on, and 205 whose call
// was refused.
func callScene(t *testing.T) (*Scenario, *Picture) {
	t.Helper()
	s := readText(t, "scenario: a\nsays: b\nphones: [{profile: yealink, transport: udp, count: 5}]\nsteps: [kill home]\n")
	p := newPicture(s, systemNames())
	p.addresses = map[Role]netip.Addr{Home: netip.MustParseAddr("127.0.9.11"), Backup: netip.MustParseAddr("127.0.9.12")}
	up := func(number, with, remote, suite string) {
		p.Report(phone.Report{Phone: number, Event: phone.Rings, Call: 1, With: with}, time.Minute)
		p.Report(phone.Report{Phone: number, Event: phone.CallUp, Call: 1, With: with, Voice: &phone.VoiceReport{Remote: remote, Secure: suite}}, time.Minute)
		p.Report(phone.Report{Phone: number, Event: phone.VoiceBegan, Call: 1, With: with, Hz: phone.ToneOf(phone.Spec{Number: with}) + 2}, time.Minute)
	}
	up("201", "202", "127.0.9.11:20000", "AES_CM_128_HMAC_SHA1_80")
	up("202", "201", "127.0.9.11:20002", "")
	up("203", "204", "127.0.9.34:4000", "")
	up("204", "203", "127.0.9.33:4000", "")
	p.Now = 2 * time.Minute
	p.callsBroken(Home)
	for _, number := range []string{"201", "202"} {
		p.Report(phone.Report{Phone: number, Event: phone.VoiceLost, Call: 1}, 3*time.Minute)
	}
	p.Report(phone.Report{Phone: "202", Event: phone.CallEnded, Call: 1, Code: 481, Server: Backup, Voice: &phone.VoiceReport{Remote: "127.0.9.11:20002", LongestMS: 40}}, 4*time.Minute)
	p.Report(phone.Report{Phone: "203", Event: phone.IsHeld, Call: 1, Text: "by the far end"}, 4*time.Minute)
	p.Report(phone.Report{Phone: "204", Event: phone.Digit, Call: 1, Text: "4"}, 4*time.Minute)
	p.Report(phone.Report{Phone: "205", Event: phone.Rings, Call: 1, With: "201"}, time.Minute)
	p.Report(phone.Report{Phone: "205", Event: phone.CallRefused, Call: 2, Code: 486, Server: Home}, time.Minute)
	return s, p
}

func TestCallConditions(t *testing.T) {
	s, p := callScene(t)
	for text, want := range map[string]bool{
		"phone 201 in a call": true, "phone 202 in a call": false, "any phone rings": true, "phone 201 rings": false,
		"phone 201 in a call through home": true, "phone 203 in a call through nobody": true, "phone 203 in a call through backup": false,
		"phone 203 hears phone 204": true, "phone 203 hears phone 205": false, "phone 204 hears its far end": true,
		"phone 201 hears its far end": false, "phone 201 hears nothing": true, "phone 203 hears nothing": false, "phone 205 hears nothing": true,
		"phone 201 lost its voice": true, "phone 203 lost its voice": false, "phone 203 keeps its voice": true, "phone 201 keeps its voice": false,
		"phone 203 is-held": true, "phone 204 is-held": false, "phone 201 speaks securely": true, "phone 203 speaks openly": true, "phone 203 speaks securely": false,
		"phone 204 heard digits 4": true, "phone 204 heard digits 44": false,
		"phone 202 was answered 481 by backup": true, "phone 202 was answered 200": false, "phone 202 was answered 481 by home": false,
		"phone 205 was refused 486": true, "phone 203 was refused 486": false, "every call by its rule": true,
	} {
		condition, err := s.parseCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, is := condition.Holds(p, 0); got != want || is == "" {
			t.Errorf("%s: %v, want %v (%s)", text, got, want, is)
		}
	}
}

// VP2, VP3, VP5: what each call's voice has to be, and that a call that is
// otherwise does not pass.
func TestCallsByRule_VP2_VP3_VP5(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(*Picture)
		ok       bool
		rule, is string
	}{
		"anchored, lost with its home (VP2)":      {func(*Picture) {}, true, "VP2", "lost"},
		"anchored, and lost before (VP2)":         {func(p *Picture) { p.byNumber["201"].Calls[0].Lost = time.Minute }, false, "VP2", "lost"},
		"anchored, and kept without a home (VP2)": {func(p *Picture) { p.byNumber["201"].Calls[0].Lost = -1 }, false, "VP2", "kept"},
	} {
		_, p := callScene(t)
		test.change(p)
		r := p.callResults()[0]
		if r.ByRule != test.ok || r.Rule != test.rule || r.Voice != test.is {
			t.Errorf("%s: %+v", name, r)
		}
	}
	_, p := callScene(t)
	if r := p.callResults()[2]; !r.ByRule || r.Rule != "VP3" || r.Voice != "kept" || r.Path != "direct" {
		t.Errorf("direct: %+v", r)
	}
	p.byNumber["203"].Calls[0].Lost = 5 * time.Minute
	if r := p.callResults()[2]; r.ByRule {
		t.Errorf("direct and lost: %+v", r)
	}
	_, p = callScene(t)
	for _, v := range p.Phones {
		for _, c := range v.Calls {
			c.Broke, c.Bereft, c.Lost = -1, false, -1
		}
	}
	p.callsBroken("")
	results := p.callResults()
	if len(results) != 4 || results[0].Rule != "VP5" || !results[0].ByRule || results[1].Rule != "" {
		t.Errorf("the line is cut: %+v", results)
	}
	p.byNumber["201"].Calls[0].Lost = 6 * time.Minute
	if text := callsInWords(p.callResults()); !strings.Contains(text, "lost by VP5, against the rule 1") {
		t.Error(text)
	}
	if _, is := callsByRule(&words{left: strings.Fields("by its rule")})(p, 0); !strings.Contains(is, "201 with 202") {
		t.Error(is)
	}
}

// Silence after the far end hung up is no loss, though its BYE never came.
func TestSilenceAfterHangUpIsNoLoss(t *testing.T) {
	_, p := callScene(t)
	p.hangsUp("203")
	p.Report(phone.Report{Phone: "204", Event: phone.VoiceLost, Call: 1}, 5*time.Minute)
	if r := p.callResults()[3]; r.Voice != "kept" {
		t.Errorf("%+v", r)
	}
	_, p = callScene(t)
	p.Report(phone.Report{Phone: "204", Event: phone.VoiceLost, Call: 1}, 5*time.Minute)
	if r := p.callResults()[3]; r.Voice != "lost" || r.ByRule {
		t.Errorf("%+v", r)
	}
}

// Without a call nothing is proved of calls.
func TestNoCallIsNoProof(t *testing.T) {
	s := readText(t, head+"  - kill home\n")
	condition, err := s.parseCondition("every call by its rule")
	if err != nil {
		t.Fatal(err)
	}
	if holds, is := condition.Holds(newPicture(s, systemNames()), 0); holds || is != "there was no call" {
		t.Errorf("%v, %s", holds, is)
	}
}
