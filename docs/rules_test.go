package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const rulesPage = "docs/rules.md"

var (
	isID  = regexp.MustCompile(`^(SH|FO|GU|FB|VP|US|SE|NE)[0-9]{1,2}$`)
	words = regexp.MustCompile(`[A-Za-z0-9]+`)
)

// idsIn are the rule ids that stand as words in a text, or in a test's name.
func idsIn(text string) []string {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "Test"), "Fuzz")
	return slices.DeleteFunc(words.FindAllString(text, -1), func(word string) bool { return !isID.MatchString(word) })
}

// name is the last part of "registrar.TestX/part".
func name(test string) string { return test[strings.LastIndex(test, ".")+1:] }

// tree is what there is to prove rules with.
type tree struct {
	tests     map[string]string // "registrar.TestX" to the source of its file
	stories   []string
	plans     []string            // of media/testdata/plan
	scenarios map[string][]string // name to the rules that it proves
	walk, sim string              // sources with the invariants
}

func readTree(t *testing.T) *tree {
	t.Helper()
	found := &tree{tests: map[string]string{}, scenarios: map[string][]string{}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != root:
			return fs.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			return found.goTests(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	plans, err := filepath.Glob(filepath.Join(root, "media/testdata/plan/*"))
	if err != nil || len(plans) == 0 {
		t.Fatalf("media/testdata/plan: nothing found, %v", err)
	}
	for _, plan := range plans {
		found.plans = append(found.plans, filepath.Base(plan))
	}
	for _, pattern := range []string{"resilience/testdata/*.txt", "signaling/call/testdata/*/*.txt", "testdata/scenarios/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: nothing found, %v", pattern, err)
		}
		for _, file := range files {
			base := filepath.Base(file)
			if strings.HasSuffix(base, ".txt") {
				found.stories = append(found.stories, base)
				continue
			}
			for _, proves := range regexp.MustCompile(`proves: \[([^\]]*)\]`).FindAllStringSubmatch(source(t, file), -1) {
				scenario := strings.TrimSuffix(base, ".yaml")
				found.scenarios[scenario] = append(found.scenarios[scenario], idsIn(proves[1])...)
			}
		}
	}
	found.walk = sources(t, "resilience/*_test.go")
	found.sim = sources(t, "resilience/mirror/sim/*.go")
	return found
}

func source(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sources(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		all.WriteString(source(t, file))
	}
	return all.String()
}

func (found *tree) goTests(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir, err := filepath.Rel(root, filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, declared := range file.Decls {
		f, is := declared.(*ast.FuncDecl)
		if is && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
			found.tests[filepath.ToSlash(dir)+"."+f.Name.Name] = string(text)
		}
	}
	return nil
}

// holds says what is wrong with one proof of a rule, and whether the rule's id
// stands in the proof itself.
func (found *tree) holds(id, proof string) (named bool, err error) {
	kind, what, _ := strings.Cut(proof, " ")
	quoted := `"` + what + `: `
	switch {
	case strings.HasSuffix(proof, ".txt"):
		if !slices.Contains(found.stories, proof) {
			return false, fmt.Errorf("there is no story %s", proof)
		}
		return slices.Contains(idsIn(proof), id), nil
	case kind == "plan":
		if !slices.Contains(found.plans, what) {
			return false, fmt.Errorf("there is no media/testdata/plan/%s", what)
		}
		return slices.Contains(idsIn(strings.ToUpper(strings.ReplaceAll(what, "_", " "))), id), nil
	case kind == "lab":
		rules, there := found.scenarios[what]
		if !there {
			return false, fmt.Errorf("there is no scenario %s that proves anything", what)
		}
		if !slices.Contains(rules, id) {
			return false, fmt.Errorf("the scenario %s does not prove %s, but %v", what, id, rules)
		}
		return true, nil
	case kind == "walk" && !strings.Contains(found.walk, quoted), kind == "sim" && !strings.Contains(found.sim, quoted):
		return false, fmt.Errorf("the %s has no invariant of %s", kind, what)
	case kind == "walk", kind == "sim":
		return what == id, nil
	}
	test, part, isPart := strings.Cut(name(proof), "/")
	test = strings.TrimSuffix(proof, name(proof)) + test
	text, there := found.tests[test]
	switch {
	case !there:
		return false, fmt.Errorf("there is no test %s", test)
	case isPart && !strings.Contains(text, `{"`+part+" "):
		return false, fmt.Errorf("%s has no case that begins with %q", test, part)
	}
	return slices.Contains(idsIn(name(proof)), id), nil
}

// built are the rules of the page with their proofs.
func built(t *testing.T) map[string][]string {
	t.Helper()
	rules := map[string][]string{}
	body, _, found := strings.Cut(read(t, rulesPage), "\n## Not built yet\n")
	if !found {
		t.Fatal("rules.md does not say what is not built")
	}
	for _, paragraph := range strings.Split(body, "\n\n") {
		id, rest, is := strings.Cut(strings.TrimPrefix(paragraph, "**"), "**")
		if !is || !strings.HasPrefix(paragraph, "**") {
			continue
		}
		if !isID.MatchString(id) {
			t.Errorf("%q is no rule", id)
		}
		if _, twice := rules[id]; twice {
			t.Errorf("%s stands there twice", id)
		}
		says, proofs, is := strings.Cut(rest, "\nProved by ")
		if !is || strings.TrimSpace(says) == "" {
			t.Errorf("%s: want a line of what it says and one that begins with \"Proved by\"", id)
		}
		rules[id] = []string{}
		for _, quoted := range regexp.MustCompile("`[^`]+`").FindAllString(proofs, -1) {
			rules[id] = append(rules[id], strings.Trim(quoted, "`"))
		}
	}
	return rules
}

// TestRules_EachIsProved: every proof exists, and at least one bears the rule's id.
func TestRules_EachIsProved(t *testing.T) {
	found, rules := readTree(t), built(t)
	if len(rules) < 30 {
		t.Fatalf("only %d rules: is the page still read right?", len(rules))
	}
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		named := false
		for _, proof := range rules[id] {
			itself, err := found.holds(id, proof)
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
			named = named || itself
		}
		if !named {
			t.Errorf("%s is called built, but nothing that proves it bears its id", id)
		}
	}
}

// TestRules_NoneIsMissing: an id in the name of a test, story or scenario's
// expectation stands on the page, and so does every rule that there is.
func TestRules_NoneIsMissing(t *testing.T) {
	found, rules := readTree(t), built(t)
	_, notBuilt, _ := strings.Cut(read(t, rulesPage), "\n## Not built yet\n")
	waiting := idsIn(notBuilt)
	missing := func(id string) bool { return rules[id] == nil && !slices.Contains(waiting, id) }
	for test := range found.tests {
		for _, id := range idsIn(name(test)) {
			if missing(id) {
				t.Errorf("%s speaks of %s, which is not in rules.md", test, id)
			}
		}
	}
	for _, story := range found.stories {
		for _, id := range idsIn(story) {
			if !slices.Contains(rules[id], story) {
				t.Errorf("the story %s is not among the proofs of %s", story, id)
			}
		}
	}
	for _, plan := range found.plans {
		for _, id := range idsIn(strings.ToUpper(strings.ReplaceAll(plan, "_", " "))) {
			if !slices.Contains(rules[id], "plan "+plan) {
				t.Errorf("media/testdata/plan/%s is not among the proofs of %s", plan, id)
			}
		}
	}
	for scenario, ids := range found.scenarios {
		for _, id := range ids {
			if missing(id) {
				t.Errorf("the scenario %s speaks of %s, which is not in rules.md", scenario, id)
			}
		}
	}
	for family, last := range map[string]int{"SH": 5, "FO": 9, "GU": 6, "FB": 10, "VP": 6, "US": 5, "SE": 4, "NE": 5} {
		for n := 1; n <= last; n++ {
			if id := fmt.Sprint(family, n); missing(id) {
				t.Errorf("%s is neither called built nor not built", id)
			}
		}
	}
}
