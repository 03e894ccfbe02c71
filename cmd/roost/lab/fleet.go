package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"

	"roost/cmd/roost/lab/phone"
)

// maxReport bounds one line of the phones' output, in bytes.
const maxReport = 64 << 10

// phoneProcesses is how many processes the phones are spread over at most: up to so
// many phones have one each.
const phoneProcesses = 20

func (e *engine) startPhones() error {
	if len(e.fleets) > 0 {
		return errors.New("the phones are started already")
	}
	e.fleetOf = map[string]*child{}
	for i, setup := range split(e.bench.fleet(), phoneProcesses) {
		if err := e.startFleet(i, setup); err != nil {
			return err
		}
	}
	return nil
}

// split deals the phones of a fleet out to so many fleets at most.
func split(whole phone.Setup, most int) []phone.Setup {
	parts := make([]phone.Setup, min(most, len(whole.Phones)))
	for i := range parts {
		parts[i] = whole
		parts[i].Phones = nil
		parts[i].Seed += uint64(i) << 32
	}
	for i, spec := range whole.Phones {
		part := &parts[i%len(parts)]
		part.Phones = append(part.Phones, spec)
	}
	return parts
}

func (e *engine) startFleet(i int, setup phone.Setup) error {
	content, err := yaml.Marshal(setup)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("phones-%d", i+1)
	file := e.bench.path(name + ".yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return err
	}
	process, err := launch(e.binary, name, e.bench.path(name+".log"), true, "phone", "--fleet", file)
	if err != nil {
		return err
	}
	fleet := &child{process: process}
	e.fleets = append(e.fleets, fleet)
	for _, spec := range setup.Phones {
		e.fleetOf[spec.Number] = fleet
	}
	go e.watchExit(fleet)
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
	children := append(slices.Clone(e.fleets), e.systems[Home], e.systems[Backup])
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
