package lab

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"

	"roost/cmd/roost/lab/phone"
)

// Bounds of a scenario.
const (
	maxScenario = 1 << 20 // bytes of a file
	maxSteps    = 500     // in all, repetitions counted
	maxPhones   = 5000
	maxWait     = 24 * time.Hour // of one step, rule time
)

// Scenario is what is started, what is done to it and what must hold.
type Scenario struct {
	Name string
	Says string // one or two sentences for people
	// MaxSpeed bounds the lab's speed, 0 for no bound.
	MaxSpeed int
	// OtherRoot gives the backup an identity from another root CA.
	OtherRoot bool
	Phones    []PhoneGroup
	// Resilience and Media go into both systems' configuration as they are.
	Resilience, Media map[string]any
	Steps             []Step
}

// PhoneGroup is some phones alike.
type PhoneGroup struct {
	Profile    string    `yaml:"profile"`
	Transport  string    `yaml:"transport"`
	Count      int       `yaml:"count"`
	Returns    phone.How `yaml:"returns"`
	Subscribes *bool     `yaml:"subscribes"`
	Expires    int       `yaml:"expires"`
	// Calls is how they deal with calls; without answers they answer by themselves
	// after 2 s.
	Calls phone.Habits `yaml:"calls"`
}

// habits are the group's, with the lab's own way to answer.
func (g *PhoneGroup) habits() phone.Habits {
	habits := g.Calls
	if habits.Answers == "" {
		habits.Answers, habits.After = phone.ByItself, cmp.Or(habits.After, 2*time.Second)
	}
	return habits
}

// Step is one thing to do or to expect; exactly one of Do, Wait, Until, Never,
// Expect and Repeat is set.
type Step struct {
	Line   int // in the file
	Do     *Action
	Wait   time.Duration
	Until  *Condition // must become true Within
	Never  *Condition // must not become true For a while, or During steps
	Expect *Condition // must be true now
	Within time.Duration
	For    time.Duration
	Repeat int
	Steps  []Step // of Repeat, or during which Never holds
	Proves []string
}

// fileScenario and fileStep are as written.
type (
	fileScenario struct {
		Scenario   string         `yaml:"scenario"`
		Says       string         `yaml:"says"`
		MaxSpeed   int            `yaml:"max_speed"`
		OtherRoot  bool           `yaml:"other_root"`
		Phones     []PhoneGroup   `yaml:"phones"`
		Resilience map[string]any `yaml:"resilience"`
		Media      map[string]any `yaml:"media"`
		Steps      []yaml.Node    `yaml:"steps"`
	}
	fileStep struct {
		Wait   string      `yaml:"wait"`
		Until  string      `yaml:"until"`
		Never  string      `yaml:"never"`
		Expect string      `yaml:"expect"`
		Within string      `yaml:"within"`
		For    string      `yaml:"for"`
		Repeat int         `yaml:"repeat"`
		During []yaml.Node `yaml:"during"`
		Steps  []yaml.Node `yaml:"steps"`
		Proves []string    `yaml:"proves"`
	}
)

// ReadScenario reads one file strictly; name is for errors.
func ReadScenario(name string, from io.Reader) (*Scenario, error) {
	var file fileScenario
	decoder := yaml.NewDecoder(io.LimitReader(from, maxScenario))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	scenario := &Scenario{
		Name: file.Scenario, Says: file.Says, MaxSpeed: file.MaxSpeed, OtherRoot: file.OtherRoot,
		Phones: file.Phones, Resilience: file.Resilience, Media: file.Media,
	}
	if err := scenario.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var err error
	if scenario.Steps, err = scenario.steps(file.Steps); err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	if n := countSteps(scenario.Steps); n > maxSteps || n == 0 {
		return nil, fmt.Errorf("%s: %d steps with repetitions: from 1 to %d", name, n, maxSteps)
	}
	return scenario, nil
}

var scenarioName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,49}$`)

func (s *Scenario) check() error {
	if !scenarioName.MatchString(s.Name) {
		return fmt.Errorf("scenario: %q: a name of small letters, digits and dashes", s.Name)
	}
	if s.Says == "" {
		return errors.New("says: is missing; one sentence that tells people what happens")
	}
	if s.MaxSpeed < 0 {
		return fmt.Errorf("max_speed: %d: a whole number above 0", s.MaxSpeed)
	}
	for i := range s.Phones {
		group := &s.Phones[i]
		if group.Count == 0 {
			group.Count = 1
		}
		if _, err := phone.ProfileByName(group.Profile); err != nil {
			return err
		}
		switch group.Transport {
		case "udp", "tcp", "tls":
		default:
			return fmt.Errorf("phones: transport %q: udp, tcp or tls", group.Transport)
		}
		switch group.Returns {
		case "", phone.ByServer, phone.AtRefresh, phone.Probe, phone.Poll:
		default:
			return fmt.Errorf("phones: returns %q: by-server, at-refresh, probe or poll", group.Returns)
		}
		if err := group.Calls.Check(); err != nil {
			return fmt.Errorf("phones: calls: %w", err)
		}
		if group.Calls.Tone != 0 {
			return errors.New("phones: calls: tone: the lab knows phones by the tone of their number")
		}
		if group.Count < 0 || group.Expires < 0 {
			return errors.New("phones: count and expires are whole numbers above 0")
		}
	}
	if n := s.PhoneCount(); n < 1 || n > maxPhones {
		return fmt.Errorf("phones: %d in all: from 1 to %d", n, maxPhones)
	}
	return nil
}

// PhoneCount is how many phones there are.
func (s *Scenario) PhoneCount() int {
	n := 0
	for _, group := range s.Phones {
		n += min(group.Count, maxPhones+1)
	}
	return n
}

// Number is the number of the i-th phone, from 0.
func (s *Scenario) Number(i int) string {
	first := 201
	if s.PhoneCount() > 99 {
		first = 2001
	}
	return fmt.Sprint(first + i)
}

func (s *Scenario) steps(nodes []yaml.Node) ([]Step, error) {
	var steps []Step
	for i := range nodes {
		step, err := s.step(&nodes[i])
		if err != nil {
			var deeper *stepError
			if errors.As(err, &deeper) {
				return nil, err
			}
			return nil, &stepError{nodes[i].Line, err}
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// stepError is an error with its line.
type stepError struct {
	line int
	err  error
}

func (e *stepError) Error() string { return fmt.Sprintf("%d: %v", e.line, e.err) }
func (e *stepError) Unwrap() error { return e.err }

func (s *Scenario) step(node *yaml.Node) (Step, error) {
	step := Step{Line: node.Line}
	var err error
	if node.Kind == yaml.ScalarNode {
		step.Do, err = s.parseAction(node.Value)
		return step, err
	}
	var file fileStep
	if err := strictly(node, &file); err != nil {
		return step, err
	}
	step.Proves, step.Repeat = file.Proves, file.Repeat
	if err := checkRules(file.Proves); err != nil {
		return step, err
	}
	if step.Within, err = duration("within", file.Within); err != nil {
		return step, err
	}
	if step.For, err = duration("for", file.For); err != nil {
		return step, err
	}
	return step, s.fill(&step, &file)
}

// fill sets the one thing that the step is.
func (s *Scenario) fill(step *Step, file *fileStep) (err error) {
	if set := countSet(file.Wait, file.Until, file.Never, file.Expect) + min(1, abs(file.Repeat)); set != 1 {
		return errors.New("a step is an action, or exactly one of wait, until, never, expect, repeat")
	}
	inner := file.Steps
	switch {
	case file.Wait != "":
		step.Wait, err = duration("wait", file.Wait)
	case file.Until != "":
		if step.Until, err = s.parseCondition(file.Until); err == nil && step.Within == 0 {
			err = errors.New("until needs within, such as within: 3m")
		}
	case file.Expect != "":
		step.Expect, err = s.parseCondition(file.Expect)
	case file.Never != "":
		step.Never, err = s.parseCondition(file.Never)
		inner = file.During
		if err == nil && (step.For == 0) == (len(inner) == 0) {
			err = errors.New("never needs either for: 3m or during: [steps]")
		}
	default:
		if file.Repeat < 1 || file.Repeat > maxSteps || len(inner) == 0 {
			err = fmt.Errorf("repeat: a number from 1 to %d, with steps", maxSteps)
		}
	}
	if err != nil {
		return err
	}
	switch {
	case file.Within != "" && step.Until == nil:
		return errors.New("within goes with until only")
	case file.For != "" && step.Never == nil:
		return errors.New("for goes with never only")
	case len(file.During) > 0 && step.Never == nil, len(file.Steps) > 0 && step.Repeat == 0:
		return errors.New("during goes with never, steps with repeat")
	case len(step.Proves) > 0 && step.Until == nil && step.Never == nil && step.Expect == nil:
		return errors.New("proves goes with until, never or expect only")
	}
	step.Steps, err = s.steps(inner)
	return err
}

// strictly decodes a node and refuses unknown keys, which Node.Decode does not.
func strictly(node *yaml.Node, into *fileStep) error {
	if node.Kind != yaml.MappingNode {
		return errors.New("a step is a text or a mapping")
	}
	known := map[string]bool{"wait": true, "until": true, "never": true, "expect": true, "within": true,
		"for": true, "repeat": true, "during": true, "steps": true, "proves": true}
	for i := 0; i < len(node.Content); i += 2 {
		if key := node.Content[i]; !known[key.Value] {
			return &stepError{key.Line, fmt.Errorf("unknown key %q: wait, until, never, expect, within, for, repeat, during, steps, proves", key.Value)}
		}
	}
	return node.Decode(into)
}

var ruleID = regexp.MustCompile(`^(SH|FO|GU|FB|VP|US|SE|NE)[0-9]{1,2}$`)

func checkRules(rules []string) error {
	for _, rule := range rules {
		if !ruleID.MatchString(rule) {
			return fmt.Errorf("proves: %q is no rule id, such as FO2", rule)
		}
	}
	return nil
}

func duration(key, written string) (time.Duration, error) {
	if written == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(written)
	if err != nil || d <= 0 || d > maxWait {
		return 0, fmt.Errorf("%s: %q: a time such as 90s or 9m50s, %v at most", key, written, maxWait)
	}
	return d, nil
}

func countSet(texts ...string) int {
	n := 0
	for _, text := range texts {
		if text != "" {
			n++
		}
	}
	return n
}

func countSteps(steps []Step) int {
	n := 0
	for _, step := range steps {
		n += 1 + max(1, step.Repeat)*countSteps(step.Steps)
		if n > maxSteps {
			return maxSteps + 1
		}
	}
	return n
}

func abs(n int) int { return max(n, -n) }
