package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role names a system in a scenario.
type Role = string

// The systems of a scenario.
const (
	Home   Role = "home"
	Backup Role = "backup"
)

// Verb is what an action does.
type Verb string

// The verbs. Where one has a system as its object, it is home or backup.
const (
	Start    Verb = "start"     // start home|backup|phones
	Kill     Verb = "kill"      // kill home|backup                  SIGKILL
	Stop     Verb = "stop"      // stop home|backup                  SIGSTOP: hung
	Cont     Verb = "cont"      // cont home|backup                  SIGCONT
	End      Verb = "end"       // end home|backup                   SIGTERM: in order
	Restart  Verb = "restart"   // restart home|backup               SIGKILL and start
	Cut      Verb = "cut"       // cut line
	Hang     Verb = "hang"      // hang line
	Heal     Verb = "heal"      // heal line
	Block    Verb = "block"     // block phone N towards home|backup
	Unblock  Verb = "unblock"   // unblock phone N towards home|backup
	Make     Verb = "make"      // make phone N busy|idle|deaf|hear
	Reboot   Verb = "reboot"    // reboot phone N
	Refuse   Verb = "refuse"    // refuse at home|backup              every REGISTER gets 503
	Accept   Verb = "accept"    // accept at home|backup
	TakeOver Verb = "take-over" // take over home
	Release  Verb = "release"   // release home [phone N]
	Announce Verb = "announce"  // announce home back within D
)

// Action is one thing that the lab does.
type Action struct {
	Verb   Verb
	System Role   // home, backup or phones
	Phone  string // a number; empty means all
	To     string // whom to call or transfer to, or digits
	How    string // busy, idle, deaf, hear
	Within time.Duration
	Text   string // as written
}

// parseAction reads one of the forms above.
func (s *Scenario) parseAction(text string) (*Action, error) {
	w := &words{text: text, left: strings.Fields(text), scenario: s}
	action := &Action{Text: strings.Join(w.left, " ")}
	action.Verb = Verb(w.next())
	if w.parseCall(action) {
		return action, w.end()
	}
	switch action.Verb {
	case Start:
		action.System = w.oneOf(Home, Backup, "phones")
	case Kill, Stop, Cont, End, Restart:
		action.System = w.system()
	case Cut, Hang, Heal:
		w.the("line")
	case Block, Unblock:
		action.Phone = w.phone()
		w.the("towards")
		action.System = w.system()
	case Make:
		action.Phone = w.phone()
		action.How = w.oneOf("busy", "idle", "deaf", "hear")
	case Reboot:
		action.Phone = w.phone()
	case Refuse, Accept:
		w.the("at")
		action.System = w.system()
	case "take":
		action.Verb = TakeOver
		w.the("over")
		w.the(Home)
	case Release:
		w.the(Home)
		if len(w.left) > 0 {
			action.Phone = w.phone()
		}
	case Announce:
		w.the(Home)
		w.the("back")
		w.the("within")
		action.Within = w.duration()
	default:
		return nil, fmt.Errorf("%q: no action begins with %q", text, action.Verb)
	}
	return action, w.end()
}

// words reads a text word by word and keeps the first error.
type words struct {
	text     string
	left     []string
	scenario *Scenario
	err      error
}

func (w *words) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%q: %s", w.text, fmt.Sprintf(format, args...))
	}
}

func (w *words) next() string {
	if len(w.left) == 0 {
		w.fail("something is missing at its end")
		return ""
	}
	word := w.left[0]
	w.left = w.left[1:]
	return word
}

// accept takes the word if it is next.
func (w *words) accept(word string) bool {
	if len(w.left) > 0 && w.left[0] == word {
		w.left = w.left[1:]
		return true
	}
	return false
}

func (w *words) the(word string) {
	if got := w.next(); got != word {
		w.fail("%q where %q should be", got, word)
	}
}

func (w *words) oneOf(choices ...string) string {
	word := w.next()
	if !slices.Contains(choices, word) {
		w.fail("%q where one of %s should be", word, strings.Join(choices, ", "))
	}
	return word
}

func (w *words) system() Role { return w.oneOf(Home, Backup) }

// phone reads "phone 203", which must exist.
func (w *words) phone() string {
	w.the("phone")
	number := w.next()
	for i := range w.scenario.PhoneCount() {
		if w.scenario.Number(i) == number {
			return number
		}
	}
	last := w.scenario.Number(w.scenario.PhoneCount() - 1)
	w.fail("no phone %s: they are %s to %s", number, w.scenario.Number(0), last)
	return number
}

func (w *words) duration() time.Duration {
	d, err := duration("time", w.next())
	if err != nil {
		w.fail("%v", err)
	}
	return d
}

func (w *words) number() int {
	word := w.next()
	n := 0
	if _, err := fmt.Sscanf(word, "%d", &n); err != nil || n < 0 || fmt.Sprint(n) != word {
		w.fail("%q where a number should be", word)
	}
	return n
}

func (w *words) end() error {
	if len(w.left) > 0 {
		w.fail("%q is too much", strings.Join(w.left, " "))
	}
	return w.err
}
