package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Severity is how bad a Finding is.
type Severity string

// The severities, worst first.
const (
	SeverityError   Severity = "error"   // something will not work
	SeverityWarning Severity = "warning" // something will raise an alarm, or work badly
	SeverityNote    Severity = "note"    // worth knowing
)

// Finding is one thing that Check has to say.
type Finding struct {
	Severity Severity `json:"severity"`
	// Rule is the id in RULES.md that it follows from.
	Rule string `json:"rule"`
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
	// Remedy is what would be right, "" where there is nothing to do.
	Remedy string `json:"remedy,omitempty"`
}

// String is one line: file:line: severity [rule]: text; remedy.
func (f Finding) String() string {
	line := fmt.Sprintf("%s:%d: %s [%s]: %s", f.File, f.Line, f.Severity, f.Rule, f.Text)
	if f.Remedy != "" {
		line += "; " + f.Remedy
	}
	return line
}

// Worst is the worst severity among findings, "" if there are none.
func Worst(findings []Finding) Severity {
	worst := Severity("")
	for _, f := range findings {
		if worst == "" || f.Severity.rank() < worst.rank() {
			worst = f.Severity
		}
	}
	return worst
}

func (s Severity) rank() int {
	return slices.Index([]Severity{SeverityError, SeverityWarning, SeverityNote}, s)
}

// Check says what will go wrong between systems whose files were loaded, and in
// each by itself beyond what Load refuses. It reads the certificate files; now is
// the time by which they are judged. No socket is opened and no name resolved.
func Check(configs []*Config, now time.Time) []Finding {
	c := &checker{configs: configs, byName: make(map[string]*Config, len(configs)), now: now}
	c.names()
	for _, cfg := range configs {
		c.lines(cfg)
		c.failback(cfg)
		c.delay(cfg)
		c.backups(cfg)
		c.licences(cfg)
		c.unserved(cfg)
	}
	c.pairs(c.comparePair)
	c.capacity()
	c.duplicateNumbers()
	c.members()
	c.ports()
	c.certificates()
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		if d := c.order(a.File) - c.order(b.File); d != 0 {
			return d
		}
		return a.Line - b.Line
	})
	return c.findings
}

type checker struct {
	configs  []*Config
	byName   map[string]*Config // the first of each name
	now      time.Time
	findings []Finding
}

// add notes a finding about a key of a file.
func (c *checker) add(severity Severity, rule string, cfg *Config, key, text, remedy string) {
	c.addLine(severity, rule, cfg, cfg.Line(key), text, remedy)
}

func (c *checker) addLine(severity Severity, rule string, cfg *Config, line int, text, remedy string) {
	c.findings = append(c.findings, Finding{
		Severity: severity, Rule: rule, File: cfg.Path, Line: line, Text: text, Remedy: remedy,
	})
}

func (c *checker) order(file string) int {
	return slices.IndexFunc(c.configs, func(cfg *Config) bool { return cfg.Path == file })
}

// pairs calls do once for each two systems that a line joins, from either side.
func (c *checker) pairs(do func(a, b *Config)) {
	for i, a := range c.configs {
		for _, b := range c.configs[i+1:] {
			if a.lineTo(b.System) >= 0 || b.lineTo(a.System) >= 0 {
				do(a, b)
			}
		}
	}
}

// names wants each system and each address once.
func (c *checker) names() {
	byAddress := make(map[string]*Config, len(c.configs))
	for _, cfg := range c.configs {
		if other, twice := c.byName[cfg.System]; twice {
			c.add(SeverityError, "NE1", cfg, "system", fmt.Sprintf("%s is also the name of the system in %s", cfg.System, other.Path),
				"give each system a name of its own")
		} else {
			c.byName[cfg.System] = cfg
		}
		address := strings.ToLower(cfg.Address)
		if other, twice := byAddress[address]; twice {
			c.add(SeverityError, "SH5", cfg, "address", fmt.Sprintf("%s is also the address of %s in %s", cfg.Address, other.System, other.Path),
				"give each system an address of its own: phones must be able to tell home and backup apart")
		}
		byAddress[address] = cfg
	}
}

// systems is how many systems the files know of, whether given or only named by a line.
func (c *checker) systems() int {
	all := make(map[string]bool)
	for _, cfg := range c.configs {
		all[cfg.System] = true
		for _, line := range cfg.Network.Lines {
			all[line.System] = true
		}
	}
	return len(all)
}

// lineTo is the index of the line to a system, -1 if there is none.
func (c *Config) lineTo(system string) int {
	return slices.IndexFunc(c.Network.Lines, func(l Line) bool { return l.System == system })
}
