package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"roost/cmd/roost/lab"
	"roost/testdata/scenarios"
)

// firstScenario is what `roost lab` runs when no scenario is named.
const firstScenario = "home-killed"

// labCmd is `roost lab`.
type labCmd struct {
	Scenario []string `arg:"" optional:"" help:"Scenarios to run, by name or as a file; home-killed if none is named."`

	All   bool `help:"Run every scenario, one after the other."`
	List  bool `help:"List the scenarios and what each is about."`
	Speed int  `help:"Divide the rule timers by this: at 60 a minute passes in a second. Scenarios may bound it." default:"60"`
	JSON  bool `help:"Write the outcome as one JSON object to standard output; the timeline goes to standard error."`
	Quiet bool `short:"q" help:"No timeline, only the verdicts."`
	Keep  bool `help:"Keep configurations and logs of scenarios that passed, too."`
}

// Help is what `roost lab --help` adds.
func (c *labCmd) Help() string {
	return `Starts a home, a backup and simulated phones as processes of their own on
127.0.x.y, with certificates made on the spot, breaks things as the scenario
says, and reports. The exit status is 0 only if every expectation held.`
}

// Run runs the scenarios until all are done, or Ctrl-C.
func (c *labCmd) Run() error {
	if c.List {
		return c.list()
	}
	if c.Speed < 1 || c.Speed > 1000 {
		return fmt.Errorf("--speed %d: from 1 to 1000", c.Speed)
	}
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	_, _, terminal := terminalSize()
	options := lab.Options{Binary: binary, Speed: c.Speed, Out: os.Stdout, Terminal: terminal, Keep: c.Keep}
	verdicts := os.Stdout
	if c.JSON {
		verdicts, options.Out, options.Terminal = os.Stderr, os.Stderr, false
	}
	if c.Quiet {
		options.Out = nil
	}
	// Without the right to it, stalls are noticed and told all the same.
	_ = lab.Favour()
	var outcome lab.Outcome
	for _, scenario := range chosen {
		result := lab.RunJudged(ctx, scenario, options)
		outcome.Scenarios = append(outcome.Scenarios, result)
		fmt.Fprintln(verdicts, result.Text())
		if ctx.Err() != nil {
			break
		}
	}
	outcome.Judge()
	if len(chosen) > 1 {
		fmt.Fprint(verdicts, outcome.Text())
	}
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(outcome); err != nil {
			return err
		}
	}
	if outcome.Verdict != lab.Pass {
		return exitStatus(1)
	}
	return nil
}

// chosen reads the scenarios to run; every one is read before the first is run.
func (c *labCmd) chosen() ([]*lab.Scenario, error) {
	names := c.Scenario
	if c.All {
		if len(names) > 0 {
			return nil, fmt.Errorf("--all and the scenario %s: one of the two", names[0])
		}
		var err error
		if names, err = ownScenarios(); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		names = []string{firstScenario}
	}
	var chosen []*lab.Scenario
	for _, name := range names {
		scenario, err := readScenario(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, scenario)
	}
	return chosen, nil
}

// readScenario takes a name of the program's own scenarios, or a file.
func readScenario(name string) (*lab.Scenario, error) {
	if strings.ContainsAny(name, "./") {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return lab.ReadScenario(name, file)
	}
	file, err := scenarios.Files.Open(name + ".yaml")
	if err != nil {
		own, _ := ownScenarios()
		return nil, fmt.Errorf("no scenario %q; there are %s, or give a file", name, strings.Join(own, ", "))
	}
	defer func() { _ = file.Close() }() // it was only read
	return lab.ReadScenario("scenarios/"+name+".yaml", file)
}

// ownScenarios are the names of those inside the program, the first one first.
func ownScenarios() ([]string, error) {
	files, err := fs.Glob(scenarios.Files, "*.yaml")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file, ".yaml"))
	}
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a == firstScenario:
			return -1
		case b == firstScenario:
			return 1
		}
		return strings.Compare(a, b)
	})
	return names, nil
}

func (c *labCmd) list() error {
	names, err := ownScenarios()
	if err != nil {
		return err
	}
	for _, name := range names {
		scenario, err := readScenario(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", name)
		for line := range strings.SplitSeq(strings.TrimSpace(scenario.Says), "\n") {
			fmt.Printf("    %s\n", line)
		}
	}
	return nil
}
