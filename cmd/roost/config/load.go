package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFileSize bounds a configuration file: 100,000 phones need some 20 MB.
const maxFileSize = 256 << 20

// maxSecretFile bounds a file that a password refers to.
const maxSecretFile = 4096

// Load reads a system's file. env resolves ${NAME} in passwords (os.Getenv); nil
// resolves none. Relative paths in it are relative to the file. The error is
// Errors, with everything that is wrong.
func Load(path string, env func(string) string) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, Errors{{File: path, What: "cannot be read: " + osReason(err), Right: "name a readable YAML file"}}
	}
	if info.Size() > maxFileSize {
		return nil, Errors{{File: path, What: fmt.Sprintf("has %d bytes", info.Size()), Right: fmt.Sprintf("%d are allowed", maxFileSize)}}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Errors{{File: path, What: "cannot be read: " + osReason(err), Right: "name a readable YAML file"}}
	}
	return Parse(path, data, env)
}

// Parse is Load from bytes; path is used for messages and relative paths.
func Parse(path string, data []byte, env func(string) string) (*Config, error) {
	root, err := document(path, data)
	if err != nil {
		return nil, Errors{err}
	}
	if env == nil {
		env = func(string) string { return "" }
	}
	cfg := Default()
	cfg.Path = path
	cfg.lines = make(map[string]int)
	d := &decoder{file: path, lines: cfg.lines, env: env, failed: make(map[string]bool)}
	d.decode(root, cfg)
	cfg.quicken()
	v := &validator{cfg: cfg, errs: d.errs, failed: d.failed}
	v.run()
	if len(v.errs) > 0 {
		v.errs.sort()
		return nil, v.errs
	}
	return cfg, nil
}

// Line is the line of a key in the file, such as "network.lines[0].system"; that
// of the nearest key above it where it is not written there; 0 where the
// configuration came from no file.
func (c *Config) Line(key string) int {
	for key != "" {
		if line, ok := c.lines[key]; ok {
			return line
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	if c.lines == nil {
		return 0
	}
	return 1
}

// document parses the YAML and wants exactly one mapping in it.
func document(path string, data []byte) (*yaml.Node, *Error) {
	right := "write the keys of docs/configuration.md, beginning with system: NAME"
	reader := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	switch err := reader.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &Error{File: path, Line: 1, What: "the file is empty", Right: right}
	case err != nil:
		return nil, syntaxError(path, err)
	}
	if err := reader.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, syntaxError(path, err)
		}
		return nil, &Error{File: path, Line: more.Line, What: "a second YAML document begins here", Right: "one file is one system: remove the line ---"}
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, &Error{File: path, Line: 1, What: "the file is no mapping of keys", Right: right}
	}
	return doc.Content[0], nil
}

// syntaxError takes the line out of yaml's message.
func syntaxError(path string, err error) *Error {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if found := yamlLine.FindStringSubmatch(what); found != nil {
		line, _ = strconv.Atoi(found[1]) // digits by the expression
		what = found[2]
	}
	return &Error{File: path, Line: line, What: "not YAML: " + what, Right: "mind the indentation, blanks only, and quote texts with : or #"}
}

var yamlLine = regexp.MustCompile(`^line (\d+): (.*)$`)

// osReason is the cause alone, without the operation and the path.
func osReason(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// relativeTo makes a path in a configuration file relative to that file.
func relativeTo(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}
