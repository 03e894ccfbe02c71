package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"roost/cmd/roost/lab"
)

// root is the top of the tree.
const root = ".."

// pages are all of this folder and the README, by their path from root.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil || len(found) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	names := []string{"README.md"}
	for _, name := range found {
		names = append(names, "docs/"+name)
	}
	return names
}

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is a fenced block of a page.
type block struct {
	page     string
	line     int // of its fence
	language string
	text     string
}

func blocks(t *testing.T, page string) []block {
	t.Helper()
	var found []block
	inside := false
	number := 0
	for line := range strings.Lines(read(t, page)) {
		number++
		fence, is := strings.CutPrefix(line, "```")
		switch {
		case is && !inside:
			found, inside = append(found, block{page: page, line: number, language: strings.TrimSpace(fence)}), true
		case is:
			inside = false
		case inside:
			found[len(found)-1].text += line
		}
	}
	if inside {
		t.Errorf("%s: the block at line %d has no end", page, found[len(found)-1].line)
	}
	return found
}

// rows gives the first cells of a page's tables, under the heading if one is given:
// of each cell what stands in backquotes.
func rows(t *testing.T, page, heading string) []string {
	t.Helper()
	text := read(t, page)
	if heading != "" {
		_, after, found := strings.Cut(text, "\n"+heading+"\n")
		if !found {
			t.Errorf("%s has no heading %q", page, heading)
			return nil
		}
		level, _, _ := strings.Cut(heading, " ")
		text, _, _ = strings.Cut(after, "\n"+level+" ")
	}
	var cells []string
	for line := range strings.Lines(text) {
		rest, is := strings.CutPrefix(line, "| ")
		if !is {
			continue
		}
		cell, _, _ := strings.Cut(rest, " | ")
		for _, quoted := range regexp.MustCompile("`[^`]+`").FindAllString(cell, -1) {
			cells = append(cells, strings.Trim(quoted, "`"))
		}
	}
	return cells
}

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for _, page := range pages(t) {
		for _, found := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), found[1])); err != nil {
				t.Errorf("%s links to %s, which there is not", page, found[1])
			}
		}
	}
}

// Each scenario has its row in lab.md, and the example there is one that is read.
func TestLabPage(t *testing.T) {
	documented := map[string]bool{}
	for _, name := range rows(t, "docs/lab.md", "## The scenarios") {
		documented[name] = true
		if _, err := os.Stat(filepath.Join(root, "testdata/scenarios", name+".yaml")); err != nil {
			t.Errorf("docs/lab.md has a scenario %s, which there is not", name)
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "testdata/scenarios/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".yaml"); !documented[name] {
			t.Errorf("the scenario %s is not in docs/lab.md", name)
		}
	}
	examples := 0
	for _, b := range blocks(t, "docs/lab.md") {
		if b.language != "yaml" {
			continue
		}
		examples++
		if _, err := lab.ReadScenario("docs/lab.md", strings.NewReader(b.text)); err != nil {
			t.Errorf("line %d: %v", b.line, err)
		}
	}
	if examples == 0 {
		t.Error("docs/lab.md has no example of a scenario")
	}
}
