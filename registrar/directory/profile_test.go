package directory

import (
	"slices"
	"strings"
	"testing"
)

// How each family is refused in the normal state: the table of notes/phones.md.
func TestFO1_RefusalByFamily(t *testing.T) {
	for agent, want := range map[string]struct {
		name    string
		refusal Refusal
		phrase  string
	}{
		"Avaya J179 IP Phone 4.1.6.0.6": {"avaya-j100", RefuseSilent, ""},
		"Avaya one-X Deskphone 7.1":     {"avaya-j100", RefuseSilent, ""},
		"Avaya IP Phone 1140E":          {"avaya-1100", RefuseSilent, ""},
		"PolycomVVX-VVX_410-UA/5.9":     {"poly", Refuse503, ""},
		"Yealink SIP-T46S 66.85.0.5":    {"yealink", Refuse503, ""},
		"yealink sip-t46s":              {"yealink", Refuse503, ""},
		"Grandstream GXP2170 1.0.9":     {"grandstream", Refuse503, ""},
		"Aastra 6757i/3.3":              {"mitel-6xxx", Refuse503, ""},
		"snomD785/10.1.42":              {"snom", RefusePhrase, "Please failover"},
		"Cisco-CP8865/12.8":             {"cisco", Refuse503, ""},
		"Cisco-CP-8851-3PCC/11.3":       {"cisco-mpp", Refuse503, ""},
		"Cisco/SPA504G-7.6":             {"cisco-mpp", Refuse503, ""},
		"OBIHAI/OBi200":                 {"obihai", Refuse503, ""},
		"baresip v4.10":                 {"baresip", Refuse503, ""},
		"baresip v1.0.0 (x86_64/linux)": {"baresip-1", Refuse503, ""},
		"SIPp":                          {"sipp", Refuse503, ""},
		"sipsak 0.9.8.1":                {"sipsak", Refuse503, ""},
		"Linphone-Desktop/5.1":          {"linphone", Refuse503, ""},
		"":                              {GenericProfile, Refuse503, ""},
		"not a Yealink":                 {GenericProfile, Refuse503, ""},
	} {
		p := Profiles{}.ByAgent(agent)
		if p.Name != want.name || p.Refusal != want.refusal || p.Phrase != want.phrase {
			t.Errorf("%q: %s %s %q, want %+v", agent, p.Name, p.Refusal, p.Phrase, want)
		}
	}
}

func TestFO1_NoFamilyIsLockedOut(t *testing.T) {
	all, err := NewProfiles()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(all.Names(), Profiles{}.Names()) {
		t.Error("the zero value does not know the built-in profiles")
	}
	for _, name := range all.Names() {
		p, ok := all.ByName(name)
		if !ok || p.Refusal == 0 || len(p.Triggers) == 0 {
			t.Errorf("%s is incomplete: %+v", name, p)
		}
		if err := p.check(); err != nil {
			t.Error(err)
		}
		if p.Refusal == RefusePhrase && p.Status != 503 {
			t.Errorf("%s: %d", name, p.Status)
		}
		if slices.Contains(p.Triggers, TriggerRedirect) != p.FollowsRedirect {
			t.Errorf("%s: a redirect is for phones known to follow it (FB4)", name)
		}
		for _, a := range p.Agents {
			if got := all.ByAgent(a + " 1.0"); got.Name != name {
				t.Errorf("agent %q of %s is taken for %s", a, name, got.Name)
			}
		}
	}
}

func TestProfilesAreOverridden(t *testing.T) {
	all, err := NewProfiles(
		Profile{Name: "yealink", Refusal: RefuseSilent},
		Profile{Name: "acme", Agents: []string{"Yealink W"}, Refusal: RefusePhrase, Phrase: "Go home"})
	if err != nil {
		t.Fatal(err)
	}
	builtin, _ := Profiles{}.ByName("yealink")
	if p := all.ByAgent("Yealink T46"); p.Name != "yealink" || p.Refusal != RefuseSilent || !slices.Equal(p.Triggers, builtin.Triggers) {
		t.Errorf("%+v", p)
	}
	if p := all.ByAgent("yealink w60"); p.Name != "acme" || p.Status != 503 || len(p.Triggers) == 0 {
		t.Errorf("%+v", p)
	}
	if p := all.ByAgent("?"); p.Name != GenericProfile {
		t.Errorf("%+v", p)
	}
	for want, p := range map[string]Profile{
		"no name":           {},
		"locks phones out":  {Name: "x", Refusal: RefusePhrase, Status: 403, Phrase: "p"},
		"does not refuse":   {Name: "x", Refusal: RefusePhrase, Status: 200, Phrase: "p"},
		"needs a phrase":    {Name: "x", Refusal: RefusePhrase},
		"control":           {Name: "x", Refusal: RefusePhrase, Phrase: "a\r\nb: c"},
		"match every phone": {Name: "x", Agents: []string{""}},
		"trigger":           {Name: "x", Triggers: []Trigger{9}},
		"not known":         {Name: "x", Refusal: 9},
		"twice":             {Name: "acme"},
	} {
		if _, err := NewProfiles(Profile{Name: "acme"}, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestNamesOfTheConfiguration(t *testing.T) {
	for _, r := range []Refusal{Refuse503, RefuseSilent, RefusePhrase} {
		if got, err := ParseRefusal(r.String()); err != nil || got != r {
			t.Errorf("%s: %v %v", r, got, err)
		}
	}
	for tr := TriggerNotify; tr <= TriggerRedirect; tr++ {
		if got, err := ParseTrigger(tr.String()); err != nil || got != tr {
			t.Errorf("%s: %v %v", tr, got, err)
		}
	}
	if _, err := ParseRefusal("unset"); err == nil {
		t.Error("unset is not a refusal")
	}
	if _, err := ParseTrigger("unset"); err == nil {
		t.Error("unset is not a trigger")
	}
}
