package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"roost/cmd/roost/config"
)

// checkCmd is roost check.
type checkCmd struct {
	Files []string `arg:"" help:"Configurations of the systems of a network; all of them, to have both ends of each line checked." type:"path"`
	JSON  bool     `help:"Print the findings as a JSON array."`
	Quiet bool     `help:"Leave the notes out." short:"q"`
}

// Run loads all files and checks them together. It fails if there is an error.
func (c *checkCmd) Run(w *world) error {
	var loaded []*config.Config
	findings := []config.Finding{}
	for _, path := range c.Files {
		cfg, err := config.Load(path, w.getenv)
		var errs config.Errors
		switch {
		case err == nil:
			loaded = append(loaded, cfg)
		case errors.As(err, &errs):
			findings = append(findings, errs.Findings()...)
		default:
			return fmt.Errorf("reading %s: %w", path, err)
		}
	}
	for _, found := range config.Check(loaded, w.now()) {
		if !c.Quiet || found.Severity != config.SeverityNote {
			findings = append(findings, found)
		}
	}
	if err := c.print(w, findings); err != nil {
		return err
	}
	if config.Worst(findings) == config.SeverityError {
		return exitStatus(1)
	}
	return nil
}

func (c *checkCmd) print(w *world, findings []config.Finding) error {
	if c.JSON {
		encoder := json.NewEncoder(w.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(findings); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		return nil
	}
	count := make(map[config.Severity]int)
	for _, found := range findings {
		count[found.Severity]++
		if _, err := fmt.Fprintln(w.out, found); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	if _, err := fmt.Fprintf(w.out, "%d files: %d errors, %d warnings, %d notes\n", len(c.Files),
		count[config.SeverityError], count[config.SeverityWarning], count[config.SeverityNote]); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
