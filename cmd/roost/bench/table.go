package main

import (
	"fmt"
	"os"
	"strings"
)

// table is a Markdown table.
type table struct{ lines []string }

func newTable(columns ...string) *table {
	t := &table{}
	t.row(columns...)
	t.lines = append(t.lines, strings.Repeat("|---", len(columns))+"|")
	return t
}

func (t *table) row(cells ...string) {
	t.lines = append(t.lines, "| "+strings.Join(cells, " | ")+" |")
}

func (t *table) String() string { return strings.Join(t.lines, "\n") + "\n" }

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

func figure(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", v)
}

// publish prints a part's table and writes it between the part's markers.
func (b *bench) publish(part, table, note string) error {
	b.say("\n%s\n%s\n", table, note)
	if b.write == "" {
		return nil
	}
	content, err := os.ReadFile(b.write)
	if err != nil {
		return err
	}
	made, err := between(string(content), part, table+"\n"+note+"\n")
	if err != nil {
		return fmt.Errorf("%s: %w", b.write, err)
	}
	return os.WriteFile(b.write, []byte(made), 0o644)
}

// between puts text between the markers of a part.
func between(content, part, text string) (string, error) {
	begin, end := "<!-- bench "+part+" -->\n", "<!-- end "+part+" -->"
	head, rest, ok := strings.Cut(content, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("no lines %q and %q to write between", strings.TrimSpace(begin), end)
	}
	return head + begin + "\n" + text + "\n" + end + tail, nil
}
