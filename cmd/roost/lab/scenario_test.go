package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// head is a valid beginning; steps are added to it, from line 5 on.
const head = "scenario: story\nsays: what happens\nphones: [{profile: yealink, transport: udp, count: 3}, {profile: snom, transport: tls}]\nsteps:\n"

func readText(t *testing.T, text string) *Scenario {
	t.Helper()
	scenario, err := ReadScenario("story.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return scenario
}

func TestOwnScenariosAreRead(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/scenarios/*.yaml")
	if err != nil || len(files) < 14 {
		t.Fatalf("%d scenario files, %v", len(files), err)
	}
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		scenario, err := ReadScenario(path, file)
		file.Close()
		if err != nil {
			t.Error(err)
			continue
		}
		if want := strings.TrimSuffix(filepath.Base(path), ".yaml"); scenario.Name != want {
			t.Errorf("%s calls itself %s", path, scenario.Name)
		}
		if !proves(scenario.Steps) && scenario.Name != "line-cut" {
			t.Errorf("%s proves no rule", path)
		}
	}
}

func proves(steps []Step) bool {
	for _, step := range steps {
		if len(step.Proves) > 0 || proves(step.Steps) {
			return true
		}
	}
	return false
}

func TestReadsEveryKindOfStep(t *testing.T) {
	scenario := readText(t, head+`
  - announce home back within 5m
  - wait: 90s
  - {until: every phone at home, within: 3m, proves: [FO1]}
  - {never: any phone at backup, for: 2m45s}
  - never: any phone at backup
    during:
      - repeat: 3
        steps: [kill home, start home]
  - {expect: backup has no guests}
`)
	if scenario.PhoneCount() != 4 || scenario.Number(3) != "204" {
		t.Fatalf("%d phones, the last is %s", scenario.PhoneCount(), scenario.Number(3))
	}
	steps := scenario.Steps
	if len(steps) != 6 || steps[0].Do.Within != 5*time.Minute || steps[1].Wait != 90*time.Second ||
		steps[2].Within != 3*time.Minute || steps[3].For != 165*time.Second || steps[4].Steps[0].Repeat != 3 ||
		len(steps[4].Steps[0].Steps) != 2 || steps[5].Expect == nil {
		t.Fatalf("%+v", steps)
	}
}

func TestRefusesBadScenarios(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":           {"scenary: a\n", "scenary"},
		"no name":               {"says: a\n", "a name of small letters"},
		"no words":              {"scenario: a\n", "says"},
		"no phone":              {"scenario: a\nsays: b\nsteps: [kill home]\n", "0 in all"},
		"bad profile":           {"scenario: a\nsays: b\nphones: [{profile: nokia, transport: udp}]\n", "no phone profile"},
		"bad transport":         {"scenario: a\nsays: b\nphones: [{profile: snom, transport: sctp}]\n", "sctp"},
		"no step":               {head, "0 steps"},
		"unknown step key":      {head + "  - {untill: every phone at home, within: 1m}\n", `story.yaml:5: unknown key "untill"`},
		"unknown verb":          {head + "  - kill home\n  - dance home\n", "story.yaml:6: "},
		"half an action":        {head + "  - kill\n", "missing"},
		"too much":              {head + "  - kill home now\n", "too much"},
		"unknown phone":         {head + "  - reboot phone 205\n", "201 to 204"},
		"until without within":  {head + "  - {until: every phone at home}\n", "needs within"},
		"never without end":     {head + "  - {never: any phone at home}\n", "either for"},
		"within with never":     {head + "  - {never: any phone at home, for: 1m, within: 1m}\n", "within goes with until"},
		"two at once":           {head + "  - {wait: 1m, until: every phone at home, within: 1m}\n", "exactly one"},
		"bad time":              {head + "  - {wait: 3}\n", "a time such as"},
		"no rule":               {head + "  - {expect: every phone at home, proves: [XX1]}\n", "no rule id"},
		"proves nothing":        {head + "  - {wait: 1m, proves: [FO1]}\n", "proves goes with"},
		"unknown state":         {head + "  - {expect: backup sees home in LOVE}\n", "LOVE"},
		"nobody has it":         {head + "  - {expect: every poly phone at home}\n", "poly"},
		"inside a repetition":   {head + "  - repeat: 2\n    steps:\n      - kill home\n      - kill everybody\n", "story.yaml:8: "},
		"half a call":           {head + "  - call phone 201\n", "missing"},
		"a call from nobody":    {head + "  - call phone 201 from phone 299\n", "201 to 204"},
		"bad habits":            {"scenario: a\nsays: b\nphones: [{profile: snom, transport: udp, calls: {srtp: maybe}}]\n", "none, optional, capneg"},
		"a tone of its own":     {"scenario: a\nsays: b\nphones: [{profile: snom, transport: udp, calls: {tone: 440}}]\n", "the tone of their number"},
		"hears nobody":          {head + "  - {expect: phone 201 hears phone 299}\n", "201 to 204"},
		"endless":               {head + "  - repeat: 400\n    steps: [kill home, start home]\n", "from 1 to 500"},
		"a step that is a list": {head + "  - [kill home]\n", "a text or a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadScenario("story.yaml", strings.NewReader(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%v, want something with %q", err, test.want)
			}
		})
	}
}

func TestActions(t *testing.T) {
	scenario := readText(t, head+"  - kill home\n")
	for text, want := range map[string]Action{
		"start phones":                    {Verb: Start, System: "phones"},
		"stop backup":                     {Verb: Stop, System: Backup},
		"cut line":                        {Verb: Cut},
		"block phone 201 towards home":    {Verb: Block, Phone: "201", System: Home},
		"make phone 202 busy":             {Verb: Make, Phone: "202", How: "busy"},
		"refuse at home":                  {Verb: Refuse, System: Home},
		"take over home":                  {Verb: TakeOver},
		"release home":                    {Verb: Release},
		"release home phone 203":          {Verb: Release, Phone: "203"},
		"announce  home back within 90s ": {Verb: Announce, Within: 90 * time.Second},
		"call phone 202 from phone 201":   {Verb: Call, Phone: "201", To: "202"},
		"call 0301234 from phone 201":     {Verb: Call, Phone: "201", To: "0301234"},
		"call in pairs":                   {Verb: Call},
		"hang up at phone 201":            {Verb: HangUp, Phone: "201"},
		"hang up everywhere":              {Verb: HangUp},
		"answer at phone 202":             {Verb: Answer, Phone: "202"},
		"reject at phone 202":             {Verb: Reject, Phone: "202"},
		"hold at phone 201":               {Verb: Hold, Phone: "201"},
		"resume at phone 201":             {Verb: Resume, Phone: "201"},
		"transfer phone 203 at phone 201": {Verb: Transfer, Phone: "201", To: "203"},
		"join at phone 201":               {Verb: Join, Phone: "201"},
		"dial 12# at phone 201":           {Verb: Dial, Phone: "201", To: "12#"},
	} {
		got, err := scenario.parseAction(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want.Text = strings.Join(strings.Fields(text), " ")
		if *got != want {
			t.Errorf("%s: %+v, want %+v", text, *got, want)
		}
	}
}

func FuzzReadScenario(f *testing.F) {
	f.Add(head + "  - kill home\n  - {never: any phone at backup, for: 1m, proves: [FO2]}\n")
	f.Add(head + "  - call in pairs\n  - {until: every call by its rule and phone 201 was answered 200 by backup and any phone rings, within: 1m}\n")
	f.Add(head + "  - repeat: 9\n    steps: [{until: backup sees home in SYNCED or COLD and no alarm x at home, within: 1h}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		scenario, err := ReadScenario("fuzz", strings.NewReader(text))
		if err != nil {
			return
		}
		if countSteps(scenario.Steps) > maxSteps || scenario.PhoneCount() > maxPhones {
			t.Fatal("out of bounds")
		}
		evaluateAll(scenario.Steps, newPicture(scenario, systemNames()))
	})
}

// evaluateAll evaluates every condition, which must not panic whatever is unknown.
func evaluateAll(steps []Step, p *Picture) {
	for _, step := range steps {
		for _, condition := range []*Condition{step.Until, step.Never, step.Expect} {
			if condition != nil {
				condition.Holds(p, 0)
			}
		}
		evaluateAll(step.Steps, p)
	}
}
