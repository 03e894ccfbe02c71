package sim

import (
	"maps"
	"slices"
	"time"

	"roost/resilience"
	"roost/resilience/mirror"
)

// This file does for a system what package node does: it feeds the machine, and
// carries out its effects on the simplest registrar there can be.

func (w *world) phone(name string) *phone {
	for _, p := range w.phones {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (w *world) system(name string) *system {
	for _, s := range w.systems {
		if s.name == name {
			return s
		}
	}
	return nil
}

// tell steps the machine, and returns the effect that decides a request, if any.
func (s *system) tell(e resilience.Event) resilience.Effect {
	var decision resilience.Effect
	for _, effect := range s.machine.Step(e, s.local()) {
		switch e := effect.(type) {
		case resilience.Admit, resilience.Refuse, resilience.Challenge, resilience.Acknowledge:
			decision = e
		case resilience.SendHome:
			s.sendHome(e)
		case resilience.EndGuest:
			if s.w.opts.Glue != GuestOnBoth {
				s.w.note("end guest", s.name+" "+string(e.Phone), 0)
				s.endGuest(string(e.Phone), e.Home)
			}
		case resilience.DropRegistration:
			if s.w.opts.Glue != HomeKeeps {
				s.w.note("drop", s.name+" "+string(e.Phone), 0)
				delete(s.own, string(e.Phone))
				s.remove("bind/"+s.backup().name, string(e.Phone))
			}
		case resilience.Happened:
			s.w.note(string(e.Kind), s.name+" "+string(e.Phone), 0)
			if e.Kind == resilience.GuestHome {
				s.w.result.Home++
			}
		}
	}
	return decision
}

func (s *system) hear(h mirror.Heard) {
	at := s.w.now - h.Age
	if h.Ready && at > s.heard[h.System] {
		s.heard[h.System] = at
	}
	s.tell(resilience.HeartbeatHeard{
		System: resilience.System(h.System), Epoch: h.Epoch, UpFor: h.UpFor, Ready: h.Ready, Age: h.Age, Via: resilience.System(h.Via),
	})
	s.arm()
}

// complete reports whether all that is needed to serve a home's phones is here.
func (s *system) complete(home string) bool {
	for _, set := range []string{"cfg/" + s.name, "bind/" + s.name} {
		if r := s.session.Replica(home, set); r == nil || !r.Complete() {
			return false
		}
	}
	return true
}

func (s *system) mirrorState(home string) {
	if h := s.w.system(home); h.backup() != s {
		return
	}
	s.tell(resilience.MirrorState{Home: resilience.System(home), Complete: s.complete(home) || s.w.opts.Glue == MirrorNotAsked})
}

// phoneRecords tells the machine what the mirror shows of phones.
func (s *system) phoneRecords(c mirror.RecordsChanged) {
	for _, ch := range c.Changes {
		if !isPhone(ch.Key) {
			continue
		}
		number, there := resilience.Phone(ch.Key), ch.Kind == mirror.Added || ch.Kind == mirror.Changed
		at := ch.Expires.Add(-grantedOf(ch.Value))
		switch {
		case c.Set == "bind/"+s.name && there:
			s.tell(resilience.HomeHas{Phone: number, Home: resilience.System(c.Origin), At: at})
		case c.Set == "bind/"+s.name:
			s.tell(resilience.HomeLacks{Phone: number, Home: resilience.System(c.Origin)})
		case c.Set == "guest/"+s.name && there:
			e := resilience.GuestAt{Phone: number, System: resilience.System(c.Origin), At: at}
			if own := s.own[ch.Key]; own != nil {
				e.OursAt = zero.Add(own.at + s.offset)
			}
			s.tell(e)
		}
	}
}

// register is a REGISTER that proves itself: how long it was granted, if it was.
func (s *system) register(p *phone) (time.Duration, bool) {
	if p.home == s {
		s.own[p.name] = &registration{at: s.w.now, expires: s.w.now + ownGranted}
		s.put("bind/"+s.backup().name, p.name, ownGranted)
		p.homeAgain()
		s.arm()
		return ownGranted, true
	}
	home := resilience.System(p.home.name)
	known := s.w.opts.Glue == MirrorNotAsked
	if r := s.session.Replica(p.home.name, "cfg/"+s.name); r != nil && !known {
		_, _, known = r.Get(p.name, s.local())
	}
	d := s.tell(resilience.PhoneAsks{ID: 1, Phone: resilience.Phone(p.name), Home: home, Known: known, Proven: true})
	defer s.arm()
	admit, ok := d.(resilience.Admit)
	if s.w.opts.Glue == RefusedInGrace && p.inGrace(s) {
		admit, ok = resilience.Admit{}, false
		d = resilience.Refuse{Cause: resilience.HomeVisible}
	}
	refuse, _ := d.(resilience.Refuse)
	if s.w.opts.Glue == NeverSentHome && refuse.Cause == resilience.GoHome {
		admit, ok = resilience.Admit{Expires: ownGranted}, true
	}
	if !ok {
		p.refused(s, refuse)
		return 0, false
	}
	s.admitted(p, s.guests[p.name] != nil)
	s.guests[p.name] = &registration{at: s.w.now, expires: s.w.now + admit.Expires}
	s.put("guest/"+p.home.name, p.name, admit.Expires.Truncate(time.Second))
	s.tell(resilience.PhoneRegistered{
		Phone: resilience.Phone(p.name), Home: home, At: s.local(), Agent: "sim", Subscribed: true, Stream: true,
	})
	return admit.Expires, true
}

func (s *system) sendHome(e resilience.SendHome) {
	p := s.w.phone(string(e.Phone))
	if s.w.opts.Glue == NeverSentHome {
		return
	}
	s.w.note("send home", s.name+" "+p.name, uint64(e.Trigger))
	life := s.lives
	switch e.Trigger {
	case resilience.TriggerNotify:
		delivered := p.sendHome(s)
		if delivered {
			p.tell(s)
		}
		s.plan(life, 20*time.Millisecond, func() {
			s.tell(resilience.TriggerResult{Phone: e.Phone, Trigger: e.Trigger, Delivered: delivered})
			s.arm()
		})
	case resilience.TriggerClose:
		p.tell(s)
		s.plan(life, time.Millisecond, func() {
			s.tell(resilience.TriggerResult{Phone: e.Phone, Trigger: e.Trigger, Delivered: true})
			if s.guests[p.name] != nil {
				s.endGuest(p.name, e.Home)
				s.tell(resilience.PhoneGone{Phone: e.Phone, Cause: resilience.FlowClosed})
				if p.at == s {
					p.flowClosed()
				}
			}
			s.arm()
		})
	}
}

func (s *system) endGuest(phone string, home resilience.System) {
	delete(s.guests, phone)
	s.leftAt[phone] = s.w.now
	s.remove("guest/"+string(home), phone)
}

// expire ends what was not refreshed, once a second, as the registrar's sweep does.
func (s *system) expire() {
	now := s.w.now
	for _, name := range slices.Sorted(maps.Keys(s.own)) {
		if s.own[name].expires <= now {
			delete(s.own, name)
			s.remove("bind/"+s.backup().name, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.guests)) {
		if s.guests[name].expires <= now {
			s.endGuest(name, resilience.System(s.w.phone(name).home.name))
			s.tell(resilience.PhoneGone{Phone: resilience.Phone(name), Cause: resilience.Expired})
		}
	}
	s.arm()
	s.plan(s.lives, time.Second, s.expire)
}

// call gives the phone a call where it is a guest, which the machine counts.
func (p *phone) call(long time.Duration) {
	s := p.at
	if s == nil || s == p.home || !s.up {
		return
	}
	p.w.note("call", p.name, 0)
	p.calls++
	s.tell(resilience.CallBegan{Phone: resilience.Phone(p.name)})
	s.arm()
	life := s.lives
	p.w.after(long, func() {
		p.calls--
		if s.up && s.lives == life {
			s.tell(resilience.CallEnded{Phone: resilience.Phone(p.name)})
			s.arm()
		}
	})
}
