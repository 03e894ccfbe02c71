package config

import (
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong in a configuration file.
type Error struct {
	File string
	// Line counts from 1; 0 where the whole file is meant.
	Line int
	// What is wrong and what would be Right.
	What, Right string
}

// Error is the one line "file:line: what is wrong; what would be right".
func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Right == "" {
		return where + ": " + e.What
	}
	return where + ": " + e.What + "; " + e.Right
}

// Errors are all things that are wrong in a file, by line. It is never empty
// where Load returns it.
type Errors []*Error

// Error has a line for each.
func (list Errors) Error() string {
	lines := make([]string, len(list))
	for i, err := range list {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

func (list Errors) sort() {
	slices.SortStableFunc(list, func(a, b *Error) int { return a.Line - b.Line })
}

// Findings are the errors as Check would tell them.
func (list Errors) Findings() []Finding {
	findings := make([]Finding, len(list))
	for i, err := range list {
		findings[i] = Finding{Severity: SeverityError, Rule: "file", File: err.File, Line: err.Line, Text: err.What, Remedy: err.Right}
	}
	return findings
}
