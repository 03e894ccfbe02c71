//go:build ignore

// Command summary reads what `go test -json` prints and makes it short: a line a
// package, the whole output of what failed, each skipped test with its reason, and
// a closing line that counts. Under CI=true a skipped interoperability test, one
// with "Interop" in its name, is a failure.
//
//	go test -json ./... | go run .ci/summary.go
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of test2json.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type summary struct {
	out     io.Writer
	strict  bool
	output  map[string][]string // by package and test
	passed  int
	failed  []string
	skipped []string
	refused []string // skipped, and may not be
}

func main() {
	s := &summary{out: os.Stdout, strict: os.Getenv("CI") == "true", output: make(map[string][]string)}
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(2)
	}
	if !s.close() {
		os.Exit(1)
	}
}

func (s *summary) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(s.out, lines.Text()) // not of test2json: tell it as it is
			continue
		}
		s.take(e)
	}
	return lines.Err()
}

func (s *summary) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "build-fail":
		s.failed = append(s.failed, "build of "+e.ImportPath)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(e)
		} else {
			s.endTest(e, key)
		}
		delete(s.output, key)
	}
}

func (s *summary) endTest(e event, key string) {
	name := e.Package + "." + e.Test
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed = append(s.failed, name)
		fmt.Fprint(s.out, strings.Join(s.output[key], ""))
	case "skip":
		told := name + ": " + reason(s.output[key])
		s.skipped = append(s.skipped, told)
		if s.strict && strings.Contains(e.Test, "Interop") {
			s.refused = append(s.refused, told)
		}
	}
}

func (s *summary) endPackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.out, "ok  \t%s\t%.1fs\n", e.Package, e.Elapsed)
	case "fail":
		for key, output := range s.output { // a panic or the time limit leaves tests without an end
			if strings.HasPrefix(key, e.Package+" ") {
				fmt.Fprint(s.out, strings.Join(output, ""))
			}
		}
		fmt.Fprintf(s.out, "FAIL\t%s\t%.1fs\n", e.Package, e.Elapsed)
		if !slices.ContainsFunc(s.failed, func(name string) bool { return strings.HasPrefix(name, e.Package+".") }) {
			s.failed = append(s.failed, e.Package)
		}
	}
}

// reason is what the test said before it was skipped.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "--- SKIP") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "it does not say why"
	}
	return strings.Join(said, " ")
}

// close tells the sum, and whether all is well.
func (s *summary) close() bool {
	fmt.Fprintln(s.out)
	list := func(title string, names []string) {
		for i, name := range names {
			if i == 0 {
				fmt.Fprintln(s.out, title)
			}
			fmt.Fprintln(s.out, "  "+name)
		}
	}
	list("skipped:", s.skipped)
	list("failed:", s.failed)
	list("skipped, which CI=true does not allow for an interoperability test:", s.refused)
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, len(s.failed)+len(s.refused), len(s.skipped)-len(s.refused))
	return len(s.failed)+len(s.refused) == 0 && s.passed > 0
}
