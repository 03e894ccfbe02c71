package docs

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var isStatus = regexp.MustCompile(`^ [3-6][0-9]{2} $`)

// refusal is a status with its words.
type refusal struct{ status, words string }

// refusalsOf are the causes that a package's code gives calls, as literals with words.
func refusalsOf(t *testing.T, dir string) []refusal {
	t.Helper()
	var found []refusal
	for _, file := range parsed(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			made, is := n.(*ast.CompositeLit)
			if !is {
				return true
			}
			var r refusal
			for _, element := range made.Elts {
				pair, is := element.(*ast.KeyValueExpr)
				if !is {
					return true
				}
				key, is := pair.Key.(*ast.Ident)
				value, number := pair.Value.(*ast.BasicLit)
				switch {
				case is && key.Name == "Status" && number:
					r.status = value.Value
				case is && key.Name == "Phrase":
					r.words = strings.TrimSpace(literal(pair.Value))
				}
			}
			if r.status == "408" {
				r.status = "480" // call.refusal: that is between us and the far end
			}
			if r.status >= "300" && r.words != "" {
				found = append(found, r)
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatalf("%s refuses nothing any more", dir)
	}
	return found
}

// TestCalls_EachRefusalHasItsRow: what a caller may be told, in the words of its Reason,
// stands on the page of calls, and nothing else does.
func TestCalls_EachRefusalHasItsRow(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "docs/calls.md"), "\n## What a refusal means\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var page []refusal
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !isStatus.MatchString(cells[1]) {
			continue
		}
		for words := range strings.SplitSeq(cells[2], ", ") {
			if words = strings.TrimSpace(words); words != "" {
				page = append(page, refusal{strings.TrimSpace(cells[1]), words})
			}
		}
	}
	var code []refusal
	for _, dir := range []string{"signaling/call", "cmd/roost/node", "cmd/roost/node/switchboard"} {
		code = append(code, refusalsOf(t, dir)...)
	}
	for _, r := range code {
		if !slices.ContainsFunc(page, func(p refusal) bool { return p.status == r.status && strings.Contains(r.words, p.words) }) {
			t.Errorf("docs/calls.md does not tell of %s %q", r.status, r.words)
		}
	}
	var all strings.Builder
	for _, dir := range []string{"signaling/call", "signaling/sip", "signaling/sip/dialog", "cmd/roost/node", "cmd/roost/node/switchboard"} {
		for _, file := range parsed(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				if e, is := n.(ast.Expr); is {
					all.WriteString(literal(e) + "\n")
				}
				return true
			})
		}
	}
	for _, p := range page {
		if !strings.Contains(all.String(), p.words) {
			t.Errorf("docs/calls.md has a refusal %s %q, which nothing gives", p.status, p.words)
		}
	}
}
