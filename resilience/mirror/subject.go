package mirror

import (
	"fmt"
	"strings"
)

// Class is the kind of traffic that a message belongs to. A carrier may give
// each class its own connection and limits; heartbeats must have one of their
// own, so that they never wait behind bulk data.
type Class uint8

const (
	// Heartbeats go from Origin to every system.
	Heartbeats Class = iota + 1
	// Deltas go from Origin to the audience of Set.
	Deltas
	// Pulls go from Peer to Origin: what did I miss of Set?
	Pulls
	// Answers go from Origin to Peer: windows of Set that it pulled.
	Answers
	// Calls go from Peer to Origin and have one reply: request of Verb.
	Calls
)

// String is the class as it stands in logs and metrics.
func (c Class) String() string {
	switch c {
	case Heartbeats:
		return "heartbeat"
	case Deltas:
		return "delta"
	case Pulls:
		return "pull"
	case Answers:
		return "answer"
	case Calls:
		return "call"
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Any, in a field of a [Subject] that is subscribed to, stands for every value.
const Any = "*"

// Subject says what a message is, whose it is and who it is for. It is the
// address on the carrier, and since permissions are given by subject also the
// proof of the sender: only Origin may publish Heartbeats, Deltas and Answers
// that name it, only Peer may publish Pulls and Calls that name it.
//
// As text, the subjects of NATS, with the slash of a set's name as a dot:
//
//	Heartbeats  hb.<origin>
//	Deltas      repl.<origin>.delta.<set>
//	Pulls       repl.<origin>.since.<peer>.<set>
//	Answers     repl.<origin>.answer.<peer>.<set>
//	Calls       rpc.<origin>.<peer>.<verb>
//
// So a backup B of A may publish hb.B, repl.B.>, repl.A.since.B.>, rpc.A.B.>,
// and hear hb.*, repl.*.delta.dir, repl.*.delta.*.B, repl.*.answer.B.>,
// repl.B.since.>, rpc.B.>.
type Subject struct {
	Class  Class
	Origin string // the system whose records these are, or that is called
	Peer   string // the other one, in Pulls, Answers and Calls
	Set    string // in Deltas, Pulls and Answers: "dir", "bind/paris"; Any matches all sets, "*/paris" those of an audience
	Verb   string // in Calls
}

// String is the subject as text, see [Subject].
func (s Subject) String() string {
	set := strings.ReplaceAll(s.Set, "/", ".")
	if s.Set == Any {
		set = ">"
	}
	switch s.Class {
	case Heartbeats:
		return "hb." + s.Origin
	case Deltas:
		return "repl." + s.Origin + ".delta." + set
	case Pulls:
		return "repl." + s.Origin + ".since." + s.Peer + "." + set
	case Answers:
		return "repl." + s.Origin + ".answer." + s.Peer + "." + set
	case Calls:
		return "rpc." + s.Origin + "." + s.Peer + "." + s.Verb
	}
	return ""
}

// ParseSubject reads a subject's text. Every name in it is checked, so that what
// it returns can be used as a key. Wildcards are not accepted.
func ParseSubject(text string) (Subject, error) {
	if len(text) > maxSubject {
		return Subject{}, fmt.Errorf("subject of %d bytes: %w", len(text), ErrTooBig)
	}
	s, ok := splitSubject(strings.Split(text, "."))
	if !ok || s.valid() != nil {
		return Subject{}, fmt.Errorf("subject %q: %w", text, ErrName)
	}
	return s, nil
}

const maxSubject = 4*MaxName + 32

func splitSubject(t []string) (Subject, bool) {
	switch {
	case len(t) == 2 && t[0] == "hb":
		return Subject{Class: Heartbeats, Origin: t[1]}, true
	case len(t) == 4 && t[0] == "rpc":
		return Subject{Class: Calls, Origin: t[1], Peer: t[2], Verb: t[3]}, true
	case len(t) < 4 || t[0] != "repl":
		return Subject{}, false
	case t[2] == "delta":
		set, ok := joinSet(t[3:])
		return Subject{Class: Deltas, Origin: t[1], Set: set}, ok
	case t[2] == "since":
		set, ok := joinSet(t[4:])
		return Subject{Class: Pulls, Origin: t[1], Peer: t[3], Set: set}, ok
	case t[2] == "answer":
		set, ok := joinSet(t[4:])
		return Subject{Class: Answers, Origin: t[1], Peer: t[3], Set: set}, ok
	}
	return Subject{}, false
}

func joinSet(t []string) (string, bool) {
	switch len(t) {
	case 1:
		return t[0], true
	case 2:
		return t[0] + "/" + t[1], true
	}
	return "", false
}

func (s Subject) valid() error {
	if err := CheckName(s.Origin); err != nil {
		return err
	}
	switch s.Class {
	case Deltas, Pulls, Answers:
		if err := CheckSet(s.Set); err != nil {
			return err
		}
	case Calls:
		if err := CheckName(s.Verb); err != nil {
			return err
		}
	}
	switch s.Class {
	case Pulls, Answers, Calls:
		return CheckName(s.Peer)
	}
	return nil
}

// Matches reports whether a message with subject m is one of those that s, with
// or without [Any], subscribes to.
func (s Subject) Matches(m Subject) bool {
	return s.Class == m.Class && matches(s.Origin, m.Origin) && matches(s.Peer, m.Peer) &&
		matches(s.Verb, m.Verb) && matchesSet(s.Set, m.Set)
}

func matches(pattern, name string) bool { return pattern == Any || pattern == name }

func matchesSet(pattern, set string) bool {
	if matches(pattern, set) {
		return true
	}
	audience, ok := strings.CutPrefix(pattern, Any+"/")
	if !ok {
		return false
	}
	_, a, ok := strings.Cut(set, "/")
	return ok && matches(audience, a)
}

// MaxName is the longest name of a system, a verb or a kind of set, in bytes.
const MaxName = 63

// Dir is the set that every system may read.
const Dir = "dir"

// CheckName refuses a name of a system or a verb that cannot stand in a subject:
// 1 to 63 letters, digits, '-' or '_' of ASCII.
func CheckName(name string) error {
	if len(name) == 0 || len(name) > MaxName {
		return fmt.Errorf("a name has 1 to %d characters, %q has %d: %w", MaxName, clip(name), len(name), ErrName)
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' {
			return fmt.Errorf("a name has letters, digits, - and _ only, %q has %q: %w", name, c, ErrName)
		}
	}
	return nil
}

// CheckSet refuses what is not the name of a set: [Dir], or a kind and an
// audience with a slash between.
func CheckSet(set string) error {
	if set == Dir {
		return nil
	}
	kind, audience, ok := strings.Cut(set, "/")
	if !ok {
		return fmt.Errorf("set %q: want %q or kind/system: %w", clip(set), Dir, ErrName)
	}
	if err := CheckName(kind); err != nil {
		return err
	}
	return CheckName(audience)
}

// Readable reports whether system may read the set: everyone reads [Dir], a set
// with an audience only that system.
func Readable(set, system string) bool {
	_, audience, ok := strings.Cut(set, "/")
	if !ok {
		return set == Dir
	}
	return audience == system
}

func clip(s string) string {
	if len(s) > MaxName {
		return s[:MaxName] + "…"
	}
	return s
}
