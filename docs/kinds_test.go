package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// parsed are the files of a package, without its tests.
func parsed(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		t.Fatalf("no files in %s", dir)
	}
	return files
}

// constants are the values of a package's string constants of a type.
func constants(t *testing.T, dir, kind string) []string {
	t.Helper()
	var values []string
	for _, file := range parsed(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is {
				return true
			}
			if named, is := spec.Type.(*ast.Ident); is && named.Name == kind {
				for _, value := range spec.Values {
					values = append(values, literal(value))
				}
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("%s has no constants of the type %s any more", dir, kind)
	}
	return values
}

// literal is a string literal's value; of "a-" + b it is "a-", of anything else "".
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if value, err := strconv.Unquote(e.Value); err == nil {
			return value
		}
	case *ast.BinaryExpr:
		return literal(e.X)
	}
	return ""
}

// firstArguments are the literals that a package calls a method of its journal with.
func firstArguments(t *testing.T, dir, method string) []string {
	t.Helper()
	var values []string
	for _, file := range parsed(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is || len(call.Args) == 0 {
				return true
			}
			if called, is := call.Fun.(*ast.SelectorExpr); is && called.Sel.Name == method {
				if value := literal(call.Args[0]); value != "" {
					values = append(values, value)
				}
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("%s calls no %s with a literal any more", dir, method)
	}
	return values
}

// TestOperating_EachAlarmHasItsRow: the kinds of alarm that the code can raise are
// those of the page.
func TestOperating_EachAlarmHasItsRow(t *testing.T) {
	kinds := slices.Concat(constants(t, "resilience", "AlarmKind"), constants(t, "resilience/mirror", "AlarmKind"))
	for _, kind := range firstArguments(t, "cmd/roost/node", "raise") {
		if kind != "certificate-" {
			kinds = append(kinds, kind)
			continue
		}
		for _, found := range constants(t, "certs", "Kind") {
			kinds = append(kinds, kind+found)
		}
	}
	compare(t, "docs/operating.md, alarms", rows(t, "docs/operating.md", "## Alarms"), kinds)
}

// TestOperating_EachEventHasItsRow: the same of events.
func TestOperating_EachEventHasItsRow(t *testing.T) {
	kinds := append(constants(t, "resilience", "HistoryKind"), firstArguments(t, "cmd/roost/node", "happened")...)
	for _, file := range parsed(t, "cmd/roost/node") {
		ast.Inspect(file, func(n ast.Node) bool { // the journal's own: alarm, cleared
			made, is := n.(*ast.CompositeLit)
			if !is {
				return true
			}
			if of, is := made.Type.(*ast.SelectorExpr); !is || of.Sel.Name != "Event" {
				return true
			}
			for _, element := range made.Elts {
				if pair, is := element.(*ast.KeyValueExpr); is && pair.Key.(*ast.Ident).Name == "Kind" && literal(pair.Value) != "" {
					kinds = append(kinds, literal(pair.Value))
				}
			}
			return true
		})
	}
	compare(t, "docs/operating.md, events", rows(t, "docs/operating.md", "## Events"), kinds)
}
