package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"roost/cmd/roost/lab/phone"
)

// maxReport bounds one line of the phones' output, in bytes.
const maxReport = 64 << 10

func (e *engine) startPhones() error {
	if e.fleet != nil {
		return errors.New("the phones are started already")
	}
	content, err := yaml.Marshal(e.bench.fleet())
	if err != nil {
		return err
	}
	file := e.bench.path("phones.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return err
	}
	process, err := launch(e.binary, "phones", e.bench.path("phones.log"), true, "phone", "--fleet", file)
	if err != nil {
		return err
	}
	e.fleet = &child{process: process}
	go e.watchExit(e.fleet)
	go e.readReports(process.stdout)
	return nil
}

// readReports hands over what the phones say, until they end.
func (e *engine) readReports(from io.Reader) {
	if closer, ok := from.(io.Closer); ok {
		defer closer.Close()
	}
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 4096), maxReport)
	for lines.Scan() {
		var line struct {
			phone.Report
			Error string `json:"error"`
		}
		err := json.Unmarshal(lines.Bytes(), &line)
		if err == nil && line.Error != "" {
			err = errors.New(line.Error)
		}
		if err != nil {
			e.put(input{broken: fmt.Errorf("the phones: %w", err)})
			return
		}
		if !e.put(input{report: &line.Report}) {
			return
		}
	}
	if err := lines.Err(); err != nil {
		e.put(input{broken: fmt.Errorf("the phones: %w", err)})
	}
}

// endAll ends every child, by its pid.
func (e *engine) endAll() error {
	var problems []error
	children := []*child{e.fleet, e.systems[Home], e.systems[Backup]}
	for _, c := range children {
		if c == nil {
			continue
		}
		c.expected = true
		if c.stopPolls != nil {
			c.stopPolls()
		}
		if c.stdin != nil {
			c.stdin.Close()
		}
		problems = append(problems, c.kill())
	}
	return errors.Join(problems...)
}
