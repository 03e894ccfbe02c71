package resilience

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// play plays what happens outside, in words; false if it cannot read them.
func (s *story) play(w []string) bool {
	text := strings.Join(w, " ")
	switch {
	case text == "status":
		s.status()
		return true
	case text == "guests":
		s.guests()
		return true
	case text == "triggers learned":
		s.families()
		return true
	}
	s.say("%s", text)
	switch w[0] {
	case "mirror":
		return s.playMirror(w[2:])
	case "operator":
		return s.playOperator(w[1:])
	case "line":
		s.step(LineState{System: System(w[2]), OneSided: w[3] == "one-sided:", Detail: strings.Join(w[4:], " ")})
		return true
	case "registrar:":
		// registrar: guest 201 at geneva 10s ago, here 40s ago
		e := GuestAt{Phone: Phone(w[2]), System: System(w[4]), At: s.now.Add(-s.duration(w[5]))}
		if len(w) > 7 {
			e.OursAt = s.now.Add(-s.duration(w[8]))
		}
		s.step(e)
		return true
	}
	if System(w[0]) == s.cfg.Self {
		return s.playSelf(w[1:])
	}
	if w[0][0] >= '0' && w[0][0] <= '9' {
		return s.playPhones(w)
	}
	return s.playSystem(System(w[0]), w[1:])
}

// mirror of london complete | incomplete | behind 40
func (s *story) playMirror(w []string) bool {
	e := MirrorState{Home: System(w[0]), Complete: w[1] != "incomplete"}
	if w[1] == "behind" {
		e.Behind, _ = strconv.Atoi(w[2])
	}
	s.step(e)
	return true
}

func (s *story) playOperator(w []string) bool {
	switch {
	case w[0] == "takes": // takes over london
		s.step(TakeOver{Home: System(w[2])})
	case w[1] == "all": // releases all of london
		s.step(Release{Home: System(w[3])})
	case w[1] == "location":
		s.step(Release{Location: w[2]})
	default:
		s.step(Release{Phone: Phone(w[1])})
	}
	return true
}

// playSelf is what happens to the backup itself.
func (s *story) playSelf(w []string) bool {
	switch w[0] {
	case "restarts":
		s.restart()
	case "restarting,": // restarting, back within 5m
		s.step(Restarting{BackWithin: s.duration(w[3])})
	case "reconfigured:": // reconfigured: backs up london berlin
		s.cfg.Homes = nil
		for _, name := range w[3:] {
			s.cfg.Homes = append(s.cfg.Homes, Home{System: System(name)})
		}
		s.step(Reconfigure{Config: s.cfg})
	default:
		return false
	}
	return true
}

// playSystem is what another system does.
func (s *story) playSystem(name System, w []string) bool {
	sys := s.systems[name]
	if sys == nil {
		sys = &storySystem{name: name, epoch: 1, start: s.now.Add(-time.Hour)}
		s.systems[name] = sys
	}
	switch w[0] {
	case "beats": // its heartbeats are heard every 5 s from now on
		sys.beats, sys.ready = true, true
		s.beat(sys)
	case "silent": // dead, or not heard
		sys.beats = false
	case "hangs": // its heartbeats say "not ready"
		sys.ready = false
	case "restarted": // a new epoch; its heartbeats are heard
		sys.beats, sys.ready, sys.start = true, true, s.now
		sys.epoch++
		s.beat(sys)
	case "heard": // heard once [5s ago via geneva]
		e := HeartbeatHeard{System: name, Epoch: sys.epoch, Ready: true, UpFor: s.now.Sub(sys.start)}
		if len(w) > 2 {
			e.Age, e.Via = s.duration(w[1]), System(w[4])
		}
		s.step(e)
	case "announces": // announces a restart, back within 10m
		s.step(Leaving{System: name, BackWithin: s.duration(w[5])})
	case "lost": // lost 201
		s.step(HomeLacks{Phone: Phone(w[1]), Home: name})
	case "heard-of": // heard-of 201 5m ago; heard-of 201 never, up 1h
		e := Evidence{Phone: Phone(w[1]), Home: name, Heard: w[2] != "never,"}
		if e.Heard {
			e.Age = s.duration(w[2])
		} else {
			e.Age = s.duration(w[4])
		}
		s.step(e)
	default:
		return false
	}
	return true
}

// playPhones is what one phone does, or several: "201..220 register".
func (s *story) playPhones(w []string) bool {
	first, last, many := strings.Cut(w[0], "..")
	if !many {
		last = first
	}
	a, _ := strconv.Atoi(first)
	b, _ := strconv.Atoi(last)
	for n := a; n <= b; n++ {
		p := s.phones[Phone(strconv.Itoa(n))]
		if p == nil {
			s.d.Fatalf(s.t, "phone %d was not described", n)
		}
		if !s.playPhone(p, w[1:]) {
			return false
		}
	}
	return true
}

func (s *story) playPhone(p *storyPhone, w []string) bool {
	text := strings.Join(w, " ")
	ask := PhoneAsks{ID: 1, Phone: p.Phone, Home: p.Home, Known: p.known, Protocol: p.Protocol}
	switch {
	case strings.HasPrefix(text, "registers at ") || strings.HasPrefix(text, "register at "):
		at := s.now
		if len(w) > 3 { // 201 registers at london 30s before
			at = at.Add(-s.duration(w[3]))
		}
		s.step(HomeHas{Phone: p.Phone, Home: System(w[2]), At: at})
	case text == "registers" || text == "register":
		s.register(p, AskRegister, false)
	case text == "refreshes" || text == "refresh":
		s.register(p, AskRefresh, false)
	case text == "discovers": // GRQ
		ask.Kind, ask.Proven = AskDiscover, true
		s.step(ask)
	case text == "asks without credentials":
		s.step(ask)
	case text == "polls":
		ask.Kind = AskPoll
		s.step(ask)
	case text == "un-registers":
		ask.Kind, ask.Proven = AskUnregister, true
		s.step(ask)
		s.end(p, Unregistered)
	case text == "logs out":
		s.end(p, LoggedOut)
	case text == "loses its flow":
		s.end(p, FlowClosed)
	case text == "falls silent" || text == "fall silent":
		p.stays = false
	case text == "begins a call":
		s.step(CallBegan{Phone: p.Phone})
	case text == "ends a call":
		s.step(CallEnded{Phone: p.Phone})
	case text == "does not answer the NOTIFY":
		s.step(TriggerResult{Phone: p.Phone, Trigger: TriggerNotify})
	case strings.HasPrefix(text, "moves to "): // the directory gives it another home
		p.Home = System(strings.TrimPrefix(w[2], "nobody"))
	default:
		return false
	}
	return true
}

func (s *story) status() {
	v := s.m.View(s.now)
	for _, h := range v.Homes {
		s.say("| %s %s, unseen %s, delay %s, serve in %s, rehome in %s, mirror complete=%t behind=%d ready=%t",
			h.System, h.Phase, words(h.UnseenFor), words(h.FailoverDelay), words(h.ServeIn), words(h.RehomeIn),
			h.MirrorComplete, h.Behind, h.Ready)
		s.say("|   guests %d (busy %d, chosen %d, going home %d), settling %d, absent %d, homeless %d, left without service %d",
			h.Guests, h.Busy, h.Chosen, h.Going, h.Settling, h.Absent, h.Homeless, h.LeftWithoutService)
	}
	for _, a := range v.Alarms {
		s.say("|   %s %s (%s) since %s", a.Severity, a.Kind, a.Subject, stamp(a.Since.Sub(storyStart)))
	}
	for _, cause := range slices.Sorted(maps.Keys(v.Refused)) {
		s.say("|   refused %d: %s", v.Refused[cause], cause)
	}
}

func (s *story) guests() {
	for _, g := range s.m.Guests(s.now) {
		s.say("| %s of %s: %s, registered here=%t, failed tries %d, next try in %s, grace left %s, told by %s",
			g.Phone, g.Home, g.State, g.Registered, g.Tries, words(g.NextTryIn), words(g.GraceLeft), g.Told)
	}
}

func (s *story) families() {
	for _, f := range s.m.View(s.now).Families {
		s.say("| %s: first %s, worked %v, failed %v", f.Family, f.First, f.Worked, f.Failed)
	}
}
