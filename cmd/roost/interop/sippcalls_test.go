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
		{name: "the callee asks", caller: "asked-caller", callee: "asked-callee"},
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
	london.until(10*time.Second, "no call stands", noCalls)
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
			t.Logf("%s:\n%s", p.name, s.complaint(p))
		}
	}
}

// sippAt is a phone that sipp plays: a number at a port.
type sippAt struct {
	number string
	port   int
}

// register registers the number, or so many numbers that follow each other, from the port.
func (a sippAt) register(t *testing.T, s *site, with *system, numbers ...string) {
	t.Helper()
	if len(numbers) == 0 {
		numbers = []string{a.number}
	}
	users := "SEQUENTIAL\n"
	for _, n := range numbers {
		users += fmt.Sprintf("%[1]s;[authentication username=%[1]s password=secret%[1]s]\n", n)
	}
	s.file(a.number+".csv", users)
	p := a.start(t, s, "register", with.address+":5060", "-m", strconv.Itoa(len(numbers)), "-r", "100", "-auth_uri", "example.test")
	if err := p.wait(60 * time.Second); err != nil {
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
		"-nd", "-nostdin", "-trace_err", "-error_file", name + ".log", "-timeout", "100s", "-timeout_error"}, flags...)...)
	p.name = name
	return p
}

// Many calls: so many for each of the callees, so many a second.
const (
	manyCallees = 4
	manyCalls   = 50
	manyRate    = 5
)

// TestInterop_SippManyCalls lets sipp make 200 calls, 20 a second, each of a number of its
// own and of 2 s: none fails, and no message comes that is not expected.
func TestInterop_SippManyCalls(t *testing.T) {
	t.Parallel()
	needTool(t, "sipp")
	s := newSite(t)
	var numbers []string
	callers := make([][]string, manyCallees)
	for i := range manyCallees {
		numbers = append(numbers, strconv.Itoa(2000+i))
		for j := range manyCalls {
			callers[i] = append(callers[i], strconv.Itoa(3000+100*i+j))
		}
		numbers = append(numbers, callers[i]...)
	}
	s.write("london", fmt.Sprintf("calls: {per_phone: %d, records: calls.jsonl}", manyCalls), numbers)
	london := s.serve("london")
	lo := s.capture()
	calls := strconv.Itoa(manyCalls)
	var ends, calling []*program
	for i := range manyCallees {
		callee := sippAt{number: strconv.Itoa(2000 + i), port: 6000 + 2*i}
		caller := sippAt{number: callers[i][0], port: 6001 + 2*i}
		callee.register(t, s, london)
		caller.register(t, s, london, callers[i]...)
		ends = append(ends, callee.start(t, s, "basic-callee", "-m", calls))
		calling = append(calling, caller.start(t, s, "basic-caller", london.address+":5060", "-m", calls, "-l", calls,
			"-r", strconv.Itoa(manyRate), "-d", "2000", "-auth_uri", callee.number+"@example.test", "-key", "callee", callee.number,
			"-trace_stat", "-stf", caller.number+"-statistics.csv", "-fd", "1"))
	}
	for _, p := range append(calling, ends...) {
		if err := p.wait(120 * time.Second); err != nil {
			t.Errorf("%s: %v\n%s", p.name, err, s.complaint(p))
		}
	}
	for i := range manyCallees {
		sippCounted(t, filepath.Join(s.dir, callers[i][0]+"-statistics.csv"), map[string]int{"SuccessfulCall(C)": manyCalls,
			"FailedCall(C)": 0, "OutOfCallMsgs(C)": 0, "FailedUnexpectedMessage(C)": 0, "FatalErrors(C)": 0})
	}
	london.until(10*time.Second, "no call stands", func(status api.Status) bool {
		return noCalls(status) && status.Counters["calls_records_written"] == manyCallees*manyCalls
	})
	lo.judge(t, manyCallees*manyCalls*8, london.address) // 401, 100, 180, 200, 200 to a caller, INVITE, ACK, BYE to a callee
}

// complaint is what a sipp wrote into its error log; there is one only if it had something
// to say.
func (s *site) complaint(p *program) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, p.name+".log"))
	return string(text[:min(len(text), 3000)])
}
