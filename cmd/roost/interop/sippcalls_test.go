package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// sipped is a call between sipps, each with a scenario of testdata/sipp. A callee or a
// third that has none is not there: it is registered and silent.
type sipped struct {
	name                  string
	caller, callee, third string
	calls                 int      // 0: one
	flags                 []string // of the caller
}

func sippedCalls() []sipped {
	return []sipped{
		{name: "basic", caller: "basic-caller", callee: "basic-callee", flags: []string{"-d", "1000"}},
		{name: "held and resumed", caller: "hold-caller", callee: "hold-callee"},
		{name: "cancelled", caller: "cancel-caller", callee: "cancelled-callee"},
		{name: "busy", caller: "busy-caller", callee: "busy-callee"},
		{name: "not answered", caller: "unanswered-caller", callee: "cancelled-callee"},
		{name: "delayed offer", caller: "delayed-caller", callee: "delayed-callee"},
		{name: "reliable provisional", caller: "prack-caller", callee: "prack-callee"},
		{name: "blind transfer", caller: "transfer-caller", callee: "transfer-callee", third: "transfer-third"},
	}
}

// TestInterop_SippCalls lets sipp call sipp through roost: both ends register with
// digest, and follow their scenario to its end, without one message that it does not
// expect.
func TestInterop_SippCalls(t *testing.T) {
	t.Parallel()
	needTool(t, "sipp")
	s := newSite(t)
	cases := sippedCalls()
	var numbers []string
	for i := range cases {
		for end := range 3 {
			numbers = append(numbers, sippNumber(i, end))
		}
	}
	s.write("london", `calls: {ring_timeout: 4s, records: calls.jsonl}`, numbers)
	london := s.serve("london")
	lo := s.capture()
	t.Run("calls", func(t *testing.T) {
		for i, one := range cases {
			t.Run(one.name, func(t *testing.T) {
				t.Parallel()
				one.run(t, s, i, london)
			})
		}
	})
	london.until(10*time.Second, "no call stands", func(status api.Status) bool {
		return status.Calls.Standing == 0 && status.Calls.PortsUsed == 0
	})
	lo.judge(t, 100, london.address)
}

func sippNumber(i, end int) string { return strconv.Itoa(2001 + 10*i + end) }

// run registers the ends from the ports that they then call and are called at.
func (c sipped) run(t *testing.T, s *site, i int, london *system) {
	ends := []string{"", c.callee, c.third}
	var programs []*program
	for end := len(ends) - 1; end >= 0; end-- {
		scenario := ends[end]
		if end > 0 && scenario == "" {
			continue
		}
		at := sippAt{number: sippNumber(i, end), port: 6000 + 10*i + end}
		at.register(t, s, london)
		if end == 0 {
			continue
		}
		programs = append(programs, at.start(t, s, scenario, "-m", "1"))
	}
	caller := sippAt{number: sippNumber(i, 0), port: 6000 + 10*i}
	flags := append([]string{"-m", "1", london.address + ":5060", "-auth_uri", sippNumber(i, 1) + "@example.test"}, c.flags...)
	programs = append(programs, caller.start(t, s, c.caller, append(flags, "-key", "callee", sippNumber(i, 1), "-key", "third", sippNumber(i, 2))...))
	for _, p := range programs {
		if err := p.wait(60 * time.Second); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
	if t.Failed() {
		for _, p := range programs {
			complaint, _ := os.ReadFile(filepath.Join(s.dir, p.name+".log")) // there only if it had something to say
			t.Logf("%s:\n%s", p.name, complaint[:min(len(complaint), 3000)])
		}
	}
}

// sippAt is a phone that sipp plays: a number at a port.
type sippAt struct {
	number string
	port   int
}

func (a sippAt) register(t *testing.T, s *site, with *system) {
	t.Helper()
	s.file(a.number+".csv", fmt.Sprintf("SEQUENTIAL\n%[1]s;[authentication username=%[1]s password=secret%[1]s]\n", a.number))
	p := a.start(t, s, "register", with.address+":5060", "-m", "1", "-auth_uri", "example.test")
	if err := p.wait(30 * time.Second); err != nil {
		t.Fatalf("sipp %s did not register: %v", a.number, err)
	}
}

func (a sippAt) start(t *testing.T, s *site, scenario string, flags ...string) *program {
	t.Helper()
	path, err := filepath.Abs("testdata/sipp/" + scenario + ".xml")
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("sipp-%s-%s", a.number, scenario)
	p := start(t, s.dir, "sipp", append([]string{"-sf", path, "-inf", a.number + ".csv", "-i", s.net + "50", "-bind_local",
		"-p", strconv.Itoa(a.port), "-mp", strconv.Itoa(10_000 + 20*(a.port-6000)), "-mi", s.net + "50",
		"-nd", "-nostdin", "-trace_err", "-error_file", name + ".log", "-timeout", "50s", "-timeout_error"}, flags...)...)
	p.name = name
	return p
}
