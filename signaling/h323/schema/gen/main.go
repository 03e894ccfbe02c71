// Gen writes the typed structs of H.225.0, H.235 and H.245 with their PER code from
// the table in signaling/h323/schema. `go generate ./signaling/h323/...` runs it;
// TestGeneratedCodeIsUpToDate proves that it was run.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// outputs are the modules of the table, each with its package and file.
var outputs = []struct{ name, pkg, file string }{
	{"h245", "h245", "h245/h245_gen.go"},
	{"h235", "h225", "h225/h235_gen.go"},
	{"h225", "h225", "h225/h225_gen.go"},
}

func main() {
	root := flag.String("root", "..", "the folder signaling/h323")
	flag.Parse()
	files, err := generate(*root)
	if err == nil {
		for name, code := range files {
			if err = os.WriteFile(filepath.Join(*root, name), code, 0o644); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate reads the table below root and returns the code by file name.
func generate(root string) (map[string][]byte, error) {
	w := &world{modules: map[string]*module{}}
	for _, output := range outputs {
		name := output.name + ".schema"
		text, err := os.ReadFile(filepath.Join(root, "schema", name))
		if err != nil {
			return nil, fmt.Errorf("the table: %w", err)
		}
		m, err := parseModule(output.name, name, string(text))
		if err != nil {
			return nil, err
		}
		m.pkg = output.pkg
		w.modules[output.name] = m
	}
	for _, m := range w.modules {
		if err := w.define(m); err != nil {
			return nil, err
		}
	}
	for _, m := range w.modules {
		if err := w.markRecursive(m); err != nil {
			return nil, err
		}
	}
	files := map[string][]byte{}
	for _, output := range outputs {
		code, err := emit(w, w.modules[output.name], output.name+".schema")
		if err != nil {
			return nil, err
		}
		files[output.file] = code
	}
	return files, nil
}
