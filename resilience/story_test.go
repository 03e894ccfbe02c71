package resilience

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestStories plays the transcripts in testdata. Each is a log that can be checked by hand:
// lines that begin with a time are what happens outside, the answer is what the system
// does. Between two lines heartbeats, refreshes and timers run by themselves.
// `go test -run TestStories -rewrite` regenerates them; read the diff.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &story{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.d = t, d
			return s.command()
		})
	})
}

var storyStart = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)

// story is a backup's surroundings: the systems that beat, its registrar, the phones.
type story struct {
	t       *testing.T
	d       *datadriven.TestData
	cfg     Config
	m       *Machine
	now     time.Time
	systems map[System]*storySystem
	phones  map[Phone]*storyPhone
	out     strings.Builder
}

type storySystem struct {
	name          System
	beats, ready  bool
	epoch         uint64
	start, nextHB time.Time
}

type storyPhone struct {
	PhoneRegistered
	known      bool
	stays      bool // refreshes before its registration expires
	returns    bool // refused, it tries its home in vain and is back here after 30 s
	registered bool
	expires    time.Time
	refreshAt  time.Time
}

// command is one datadriven directive: "system" makes the backup, "run" plays lines.
func (s *story) command() string {
	s.out.Reset()
	switch s.d.Cmd {
	case "system":
		s.newSystem()
	case "run":
		for line := range strings.Lines(s.d.Input) {
			s.line(strings.TrimSpace(line))
		}
	default:
		s.d.Fatalf(s.t, "unknown directive %s", s.d.Cmd)
	}
	if s.out.Len() == 0 {
		return "(nothing)\n"
	}
	return s.out.String()
}

// system NAME backs-up=(a,b) manual=(a) systems=N evidence guests=N retry=60s…
func (s *story) newSystem() {
	s.cfg = Config{Self: System(s.d.CmdArgs[0].Key), Seed: 1, Limits: Limits{PaceJitter: -1}}
	s.now = storyStart
	s.systems, s.phones = map[System]*storySystem{}, map[Phone]*storyPhone{}
	for _, arg := range s.d.CmdArgs[1:] {
		switch arg.Key {
		case "backs-up":
			for _, v := range arg.Vals {
				s.cfg.Homes = append(s.cfg.Homes, Home{System: System(v)})
			}
		case "manual":
			for i := range s.cfg.Homes {
				if slices.Contains(arg.Vals, string(s.cfg.Homes[i].System)) {
					s.cfg.Homes[i].Failback = Manual
				}
			}
		case "systems":
			arg.Scan(s.t, 0, &s.cfg.Systems)
		case "room":
			arg.Scan(s.t, 0, &s.cfg.Limits.MaxGuests)
		case "evidence":
			s.cfg.PhoneEvidence = true
		case "pace":
			s.cfg.Timers.PaceInterval = s.duration(arg.Vals[0])
		case "jitter":
			arg.Scan(s.t, 0, &s.cfg.Limits.PaceJitter)
		case "failover-delay":
			s.cfg.Timers.FailoverDelay = s.duration(arg.Vals[0])
		default:
			s.d.Fatalf(s.t, "unknown argument %s", arg.Key)
		}
	}
	s.restart()
	s.say("%s starts, failover delay %s", s.cfg.Self, words(s.cfg.Delay()))
}

func (s *story) restart() {
	m, err := New(s.cfg, s.now)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	s.m = m
	for _, p := range s.phones {
		p.registered = false
	}
}

func (s *story) duration(v string) time.Duration {
	d, err := time.ParseDuration(v)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	return d
}

func (s *story) say(format string, args ...any) {
	fmt.Fprintf(&s.out, "%-10s %s\n", stamp(s.now.Sub(storyStart)), fmt.Sprintf(format, args...))
}

func stamp(d time.Duration) string {
	text := fmt.Sprintf("%02d", int(d.Seconds())%60)
	if ms := d.Milliseconds() % 1000; ms != 0 {
		text += fmt.Sprintf(".%03d", ms)
	}
	switch {
	case d < time.Minute:
		return "+" + strings.TrimPrefix(text, "0") + "s"
	case d < time.Hour:
		return fmt.Sprintf("+%dm%ss", int(d.Minutes()), text)
	default:
		return fmt.Sprintf("+%dh%02dm%ss", int(d.Hours()), int(d.Minutes())%60, text)
	}
}

// line plays one line: "+3m00s 201 registers".
func (s *story) line(line string) {
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	w := strings.Fields(line)
	if w[0] == "phone" || w[0] == "phones" {
		s.describe(w[0] == "phones", w[1:])
		return
	}
	to := storyStart.Add(s.duration(strings.TrimPrefix(w[0], "+")))
	if to.Before(s.now) {
		s.d.Fatalf(s.t, "%q is before %s", line, stamp(s.now.Sub(storyStart)))
	}
	s.runUntil(to)
	if len(w) > 1 && !s.play(w[1:]) {
		s.d.Fatalf(s.t, "cannot read %q", line)
	}
}

// phone 201 of london sip tcp subscribed agent=Avaya_J179/4.0 location=ground-floor
// phones 201..220 of london
func (s *story) describe(many bool, w []string) {
	first, last := w[0], w[0]
	if many {
		first, last, _ = strings.Cut(w[0], "..")
	}
	var a, b int
	_, _ = fmt.Sscan(first, &a)
	_, _ = fmt.Sscan(last, &b)
	for n := a; n <= b; n++ {
		p := &storyPhone{known: true}
		p.Phone, p.Home = Phone(fmt.Sprint(n)), System(w[2])
		for _, word := range w[3:] {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "h323":
				p.Protocol = H323
			case "tcp":
				p.Stream = true
			case "subscribed":
				p.Subscribed = true
			case "redirect":
				p.FollowsRedirect = true
			case "agent":
				p.Agent = strings.ReplaceAll(value, "_", " ")
			case "location":
				p.Location = value
			case "unknown":
				p.known = false
			case "stays":
				p.stays = true
			case "returns":
				p.stays, p.returns, p.refreshAt = true, true, s.now.Add(1000*time.Hour)
			default:
				s.d.Fatalf(s.t, "unknown word %q", word)
			}
		}
		s.phones[p.Phone] = p
	}
}

// runUntil lets heartbeats, refreshes, expiries and timers happen.
func (s *story) runUntil(to time.Time) {
	for {
		at, do := to, func() {}
		earliest := func(t time.Time, f func()) {
			if !t.After(to) && (t.Before(at) || at.Equal(to) && t.Equal(to)) {
				at, do = t, f
			}
		}
		for _, p := range s.sortedPhones() {
			if p.stays && (p.registered || p.returns) {
				earliest(p.refreshAt, func() { s.register(p, AskRefresh, true) })
			}
			if p.registered {
				earliest(p.expires, func() { s.end(p, Expired) })
			}
		}
		if next, ok := s.m.Next(); ok {
			earliest(next, func() { s.step(Tick{}); s.mustProgress() })
		}
		for _, name := range slices.Sorted(maps.Keys(s.systems)) {
			if sys := s.systems[name]; sys.beats {
				earliest(sys.nextHB, func() { s.beat(sys) })
			}
		}
		s.now = at
		before := at.Equal(to)
		do()
		if before && !s.dueNow(to) {
			return
		}
	}
}

func (s *story) dueNow(to time.Time) bool {
	for _, p := range s.phones {
		if p.registered && (!p.expires.After(to) || p.stays && !p.refreshAt.After(to)) || p.stays && p.returns && !p.refreshAt.After(to) {
			return true
		}
	}
	for _, sys := range s.systems {
		if sys.beats && !sys.nextHB.After(to) {
			return true
		}
	}
	next, ok := s.m.Next()
	return ok && !next.After(to)
}

// mustProgress: after a Tick that was due, the next one is later.
func (s *story) mustProgress() {
	if next, ok := s.m.Next(); ok && !next.After(s.now) {
		s.d.Fatalf(s.t, "Next is %s after a Tick at %s", next, s.now)
	}
}

func (s *story) sortedPhones() []*storyPhone {
	return slices.SortedFunc(maps.Values(s.phones), func(a, b *storyPhone) int { return cmp.Compare(a.Phone, b.Phone) })
}

func (s *story) beat(sys *storySystem) {
	sys.nextHB = s.now.Add(5 * time.Second)
	s.step(HeartbeatHeard{System: sys.name, Epoch: sys.epoch, UpFor: s.now.Sub(sys.start), Ready: sys.ready})
}

// step hands an event to the machine and carries out what it answers.
func (s *story) step(e Event) {
	for _, effect := range s.m.Step(e, s.now) {
		s.carryOut(effect, false)
	}
}

func (s *story) carryOut(e Effect, quiet bool) {
	switch e := e.(type) {
	case Admit:
		if e.As == AsOwn {
			s.say("  %s admitted as own phone", e.Phone)
			s.admitted(s.phones[e.Phone], 24*time.Hour, false)
			return
		}
		if e.Expires < e.MinExpires || e.Expires > e.MaxExpires {
			s.d.Fatalf(s.t, "GU1: granted %s", e.Expires)
		}
		if !quiet {
			s.say("  %s admitted as guest, no licence, for %s", e.Phone, words(e.Expires))
		}
		s.admitted(s.phones[e.Phone], e.Expires, quiet)
	case Challenge:
		s.say("  %s challenged for its credentials", e.Phone)
	case Acknowledge:
		s.say("  %s acknowledged, no binding made", e.Phone)
	case Refuse:
		how := ""
		if e.Trigger != NoTrigger {
			how = " (" + e.Trigger.String() + ")"
		}
		s.say("  %s refused: %s %s%s", e.Phone, e.Cause, e.Home, how)
	case SendHome:
		s.say("  send %s home to %s: %s", e.Phone, e.Home, e.Trigger)
		if e.Trigger == TriggerClose {
			s.end(s.phones[e.Phone], FlowClosed)
		}
	case EndGuest:
		s.say("  end the registration of %s here: %s", e.Phone, e.Why)
		s.phones[e.Phone].registered = false
	case DropRegistration:
		s.say("  drop our registration of %s: %s", e.Phone, e.Why)
	case AskEvidence:
		s.say("  ask %s when it last heard of %s", e.Home, e.Phone)
	case Announce:
		s.say("  announce to the backups: back within %s", words(e.BackWithin))
	case RaiseAlarm:
		s.say("  ALARM %s %s (%s): %s", e.Severity, e.Kind, e.Subject, e.Text)
	case ClearAlarm:
		s.say("  alarm %s (%s) cleared: %s", e.Kind, e.Subject, e.Text)
	case Happened:
		s.say("  %s", e.Text)
	default:
		s.d.Fatalf(s.t, "unknown effect %T", e)
	}
}

func (s *story) admitted(p *storyPhone, expires time.Duration, quiet bool) {
	p.registered, p.expires = true, s.now.Add(expires)
	p.refreshAt = s.now.Add(expires * 9 / 10)
	p.At = s.now
	for _, effect := range s.m.Registered(p.PhoneRegistered, s.now) {
		s.carryOut(effect, quiet)
	}
}

// register is a phone's request here; a refused refresh is not repeated by itself.
func (s *story) register(p *storyPhone, kind AskKind, quiet bool) {
	quiet = quiet && p.registered
	if admit, fast := s.m.Refresh(1, p.Phone, s.now); fast && kind == AskRefresh {
		s.carryOut(admit, quiet)
		return
	}
	p.refreshAt = s.now.Add(24 * time.Hour)
	if p.returns {
		p.refreshAt = s.now.Add(30 * time.Second)
	}
	e := PhoneAsks{ID: 1, Phone: p.Phone, Home: p.Home, Known: p.known, Proven: true, Kind: kind, Protocol: p.Protocol}
	for _, effect := range s.m.Step(e, s.now) {
		s.carryOut(effect, quiet)
	}
}

func (s *story) end(p *storyPhone, cause GoneCause) {
	if !p.registered {
		return
	}
	p.registered = false
	s.say("%s: registration here ended, %s", p.Phone, cause)
	s.step(PhoneGone{Phone: p.Phone, Cause: cause})
}
