package interop

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// users is how many phones sipp plays.
const users = 1000

// TestInterop_Sipp lets sipp register 1,000 users with digest, refresh and un-register
// them: over UDP from one socket, over TCP with a connection each.
func TestInterop_Sipp(t *testing.T) {
	t.Parallel()
	for transport, mode := range map[string]string{"udp": "u1", "tcp": "tn"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			needTool(t, "sipp")
			sippRegisters(t, transport, mode)
		})
	}
}

func sippRegisters(t *testing.T, transport, mode string) {
	scenario, err := filepath.Abs("testdata/register.xml")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	numbers := make([]string, users)
	injection := "SEQUENTIAL\n"
	for i := range numbers {
		numbers[i] = strconv.Itoa(20001 + i)
		injection += fmt.Sprintf("%[1]s;[authentication username=%[1]s password=secret%[1]s]\n", numbers[i])
	}
	s.write("london", "", numbers)
	s.file("users.csv", injection)
	london := s.serve("london")
	lo := s.capture()

	sipp := start(t, s.dir, "sipp", london.address+":5060", "-sf", scenario, "-inf", "users.csv",
		"-i", s.net+"50", "-bind_local", "-t", mode, "-max_socket", "1100", "-auth_uri", "example.test",
		"-m", strconv.Itoa(users), "-r", "300", "-l", strconv.Itoa(users), "-nd", "-nostdin",
		"-trace_stat", "-stf", "statistics.csv", "-fd", "1", "-trace_err", "-error_file", "errors.log",
		"-timeout", "60s", "-timeout_error")
	registers := func(times float64, registered int) func(api.Status) bool {
		return func(status api.Status) bool {
			return status.Phones.Registered == registered && status.Counters["sip_registered"] == times*users
		}
	}
	london.until(15*time.Second, "all are registered", registers(1, users))
	for _, r := range london.registrations() {
		if r.Transport != transport || r.Home != "london" || r.Guest || !strings.HasPrefix(r.Source, s.net+"50:") {
			t.Fatalf("registered as %+v", r)
		}
	}
	london.until(20*time.Second, "all are refreshed", registers(2, users))
	if err := sipp.wait(60 * time.Second); err != nil {
		errors, _ := os.ReadFile(filepath.Join(s.dir, "errors.log")) // there only if it had something to say
		t.Fatalf("sipp: %v\n%s", err, errors[:min(len(errors), 2000)])
	}
	london.until(5*time.Second, "all are un-registered", func(status api.Status) bool {
		return registers(2, 0)(status) && status.Counters["sip_unregistered"] == users
	})
	sippCounted(t, filepath.Join(s.dir, "statistics.csv"), map[string]int{"SuccessfulCall(C)": users, "FailedCall(C)": 0,
		"Retransmissions(C)": 0, "OutOfCallMsgs(C)": 0, "DeadCallMsgs(C)": 0, "FailedUnexpectedMessage(C)": 0, "FatalErrors(C)": 0})
	lo.judge(t, 6*users, london.address) // thrice a challenge and a 200
}

// sippCounted compares the last line of sipp's statistics with what it should have
// counted.
func sippCounted(t *testing.T, path string, expected map[string]int) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = ';', true, -1
	lines, err := reader.ReadAll()
	if err != nil || len(lines) < 2 {
		t.Fatalf("sipp's statistics, %d lines: %v", len(lines), err)
	}
	counted := map[string]string{}
	for i, name := range lines[0] {
		if last := lines[len(lines)-1]; i < len(last) {
			counted[name] = last[i]
		}
	}
	for name, wanted := range expected {
		if counted[name] != strconv.Itoa(wanted) {
			t.Errorf("sipp counted %s = %q, want %d", name, counted[name], wanted)
		}
	}
}
