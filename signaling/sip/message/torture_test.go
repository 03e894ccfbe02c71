package message

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// verdict is what RFC 4475 says of a message, as far as it is decided before the
// dispatch knows phones, bodies and dialogs.
type verdict struct {
	section string
	// status 200 stands for "goes on to the dispatch", 0 for "dropped without answer".
	status int
	// phrase must stand in the answer's reason.
	phrase string
}

// torture holds all 49 messages: 13 valid (3.1.1), 36 others, and mpart01 … in the
// order of the RFC. Where the RFC leaves a choice, the comment says which was taken.
var torture = map[string]verdict{
	"wsinv":      {"3.1.1.1", 200, ""},
	"intmeth":    {"3.1.1.2", 200, ""},
	"esc01":      {"3.1.1.3", 200, ""},
	"escnull":    {"3.1.1.4", 200, ""},
	"esc02":      {"3.1.1.5", 200, ""},
	"lwsdisp":    {"3.1.1.6", 200, ""},
	"longreq":    {"3.1.1.7", 200, ""},
	"dblreq":     {"3.1.1.8", 200, ""},
	"semiuri":    {"3.1.1.9", 200, ""},
	"transports": {"3.1.1.10", 200, ""},
	"mpart01":    {"3.1.1.11", 200, ""},
	"unreason":   {"3.1.1.12", 200, ""},
	"noreason":   {"3.1.1.13", 200, ""},

	"badinv01":   {"3.1.2.1", 400, "Via"},
	"clerr":      {"3.1.2.2", 400, "Content-Length"},
	"ncl":        {"3.1.2.3", 400, "Content-Length"},
	"scalar02":   {"3.1.2.4", 400, "CSeq"},
	"scalarlg":   {"3.1.2.5", 0, "CSeq"},
	"quotbal":    {"3.1.2.6", 400, "To"},
	"ltgtruri":   {"3.1.2.7", 400, "Request-URI"},
	"lwsruri":    {"3.1.2.8", 400, "Request-URI"},
	"lwsstart":   {"3.1.2.9", 400, "Request-URI"}, // may be repaired; refused here
	"trws":       {"3.1.2.10", 400, "Request-Line"},
	"escruri":    {"3.1.2.11", 400, "Request-URI"},
	"baddate":    {"3.1.2.12", 200, ""}, // may be refused; no one here reads Date
	"regbadct":   {"3.1.2.13", 400, "Contact"},
	"badaspec":   {"3.1.2.14", 400, "To"}, // may be repaired; refused here
	"baddn":      {"3.1.2.15", 400, "From"},
	"badvers":    {"3.1.2.16", 505, "Version"},
	"mismatch01": {"3.1.2.17", 400, "CSeq"},
	"mismatch02": {"3.1.2.18", 400, "CSeq"}, // 501 is as good
	"bigcode":    {"3.1.2.19", 0, "Status-Line"},

	"badbranch": {"3.2.1", 400, "Branch"},
	"insuf":     {"3.3.1", 400, "Missing"},
	"unkscm":    {"3.3.2", 416, "Scheme"},
	"novelsc":   {"3.3.3", 416, "Scheme"},
	// A To that is no SIP URI is no syntax error; the registrar finds no such number.
	"unksm2":   {"3.3.4", 200, ""},
	"bext01":   {"3.3.5", 420, "Extension"},
	"invut":    {"3.3.6", 200, ""}, // 415 is the dispatch's word
	"regaut01": {"3.3.7", 200, ""}, // 401 is the dispatch's word
	"multi01":  {"3.3.8", 400, "Twice"},
	"mcl01":    {"3.3.9", 400, "Content-Length"},
	"bcast":    {"3.3.10", 0, "Via"},
	"zeromf":   {"3.3.11", 200, ""}, // OPTIONS ends here, so it is served
	"cparam01": {"3.3.12", 200, ""},
	"cparam02": {"3.3.13", 200, ""},
	"regescrt": {"3.3.14", 200, ""},
	"sdp01":    {"3.3.15", 200, ""}, // 406 is the dispatch's word
	"inv2543":  {"3.4.1", 200, ""},
}

func readTorture(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "torture", name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// judge is the order in which the dispatch uses this package.
func judge(m *Message, raw []byte, stream bool) *Fault {
	if f := m.Parse(raw, DefaultLimits(), stream); f != nil {
		return f
	}
	return m.Check(Rules{})
}

func TestRFC4475_EveryMessageIsJudged(t *testing.T) {
	files, err := filepath.Glob("testdata/torture/*.dat")
	if err != nil || len(files) != len(torture) {
		t.Fatalf("%d files for %d verdicts (%v)", len(files), len(torture), err)
	}
	right := 0
	for name, want := range torture {
		ok := t.Run(want.section+"_"+name, func(t *testing.T) {
			var m Message
			got := judge(&m, readTorture(t, name), false)
			switch {
			case want.status == 200 && got != nil:
				t.Fatalf("refused with %v, is to be taken", got)
			case want.status != 200 && got == nil:
				t.Fatalf("taken, is to be refused with %d", want.status)
			case got != nil && (got.Status != want.status || !strings.Contains(got.Reason, want.phrase)):
				t.Fatalf("%d %q, want %d with %q", got.Status, got.Reason, want.status, want.phrase)
			}
		})
		if ok {
			right++
		}
	}
	t.Logf("%d of %d messages of RFC 4475 judged right", right, len(torture))
}

// What is taken reaches sipgo undamaged, and what is refused can be answered.
func TestRFC4475_TakenMessagesReachSipgoAndRefusedOnesAreAnswered(t *testing.T) {
	for name, want := range torture {
		t.Run(name, func(t *testing.T) {
			var m Message
			f := judge(&m, readTorture(t, name), false)
			if f == nil {
				if _, err := m.SIP(); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want.status == 0 {
				return
			}
			answer := AppendResponse(nil, &m, f.Reply("t1", testSource))
			var back Message
			if f := back.Parse(answer, DefaultLimits(), true); f != nil && name != "insuf" && !echoes(name) {
				t.Fatalf("answer is malformed: %v\n%s", f, answer)
			}
			if back.Status != want.status {
				t.Fatalf("answer is\n%s", answer)
			}
		})
	}
}

// echoes names the messages whose fault stands in a header that the answer repeats.
func echoes(name string) bool {
	switch name {
	case "scalar02", "quotbal", "badaspec", "baddn", "badbranch", "multi01", "badvers", "badinv01":
		return true
	}
	return false
}
