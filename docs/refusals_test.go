package docs

import (
	"go/ast"
	"io/fs"
	"path/filepath"
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

// TestCalls_EachReasonToAnchorHasItsRow: what a call's why_anchored may say (VP1).
func TestCalls_EachReasonToAnchorHasItsRow(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "docs/calls.md"), "\n## Direct or anchored\n")
	table, _, _ = strings.Cut(table, "\n### ")
	reasons := 0
	for _, file := range parsed(t, "media") {
		for _, declared := range file.Decls {
			f, is := declared.(*ast.FuncDecl)
			if !is || f.Name.Name != "anchor" && f.Name.Name != "anchorStream" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if gives, is := n.(*ast.ReturnStmt); is {
					if why := literal(gives.Results[0]); why != "" {
						reasons++
						if !strings.Contains(table, strings.Replace(why, "side b", "side a", 1)) {
							t.Errorf("docs/calls.md does not tell that a call is anchored because of %q", why)
						}
					}
				}
				return true
			})
		}
	}
	if reasons < 10 {
		t.Errorf("only %d reasons to anchor are found in media: is it still read right?", reasons)
	}
}

// TestOperating_LogLinesAreWritten: what the page quotes of the log stands in the code.
func TestOperating_LogLinesAreWritten(t *testing.T) {
	code := goSources(t)
	for _, quoted := range rows(t, "docs/operating.md", "## The log") {
		for part := range strings.SplitSeq(quoted, "…") {
			part = strings.TrimSuffix(strings.TrimSpace(part), ":")
			if part != "" && !strings.Contains(part, "=") && !strings.Contains(code, part) {
				t.Errorf("docs/operating.md quotes %q of the log, which nothing writes", quoted)
			}
		}
	}
}

// goSources are all programs of the tree, without tests, in one text; where a text is
// put together its parts stand one after the other.
func goSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			all.WriteString(source(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("`", "", `\"`, `"`).Replace(all.String())
}
