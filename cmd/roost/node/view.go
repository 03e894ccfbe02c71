package node

import (
	"cmp"
	"slices"
	"time"

	"roost/cmd/roost/console/api"
	"roost/registrar"
	"roost/resilience"
	"roost/resilience/mirror/service"
	"roost/signaling/sip/flow"
)

// source is what the console sees (console.Source).
type source struct{ *Node }

// shownEvents is how many of the last events a status carries.
const shownEvents = 500

// Status implements console.Source.
func (s source) Status() api.Status {
	now := time.Now()
	c := s.config()
	view, guests := s.keeper.view()
	raised, lost := s.journal.count()
	status := api.Status{
		System: s.name, Address: c.Address, Now: now, UpFor: now.Sub(s.started).Seconds(), Version: s.version,
		Lab: c.Lab, Ready: s.ready.Load(), Backups: s.directory().Backups(), Phones: s.phones(), Licences: s.licences(), Calls: s.callCounts(),
		Lines: s.lines(view, now), Trunks: s.trunkStates(), Homes: s.homeStates(view), Guests: s.guestStates(guests, now), Away: s.awayStates(),
		Alarms: s.journal.standing(), Events: s.journal.last(shownEvents), Counters: s.counters(), Triggers: triggers(view),
	}
	if c.Lab {
		status.LabSpeed = float64(max(1, c.LabSpeed))
	}
	if !status.Ready {
		status.WhyNotReady = "starting or ending"
	}
	for _, r := range s.carrier.Refusals() {
		status.TurnedAway = append(status.TurnedAway, api.TurnedAway{
			Remote: r.Remote, System: r.System, Reason: r.Reason, Count: r.Count, Last: r.Last})
	}
	for _, l := range s.endpoint.Locals() {
		listener := l.Transport.String() + " " + l.Addr.String()
		if l.Transport == flow.TLS && s.forSystems(l.Addr) {
			listener += " for systems"
		}
		status.Listeners = append(status.Listeners, listener)
	}
	if front := s.h323.front.Load(); front != nil {
		for _, at := range front.Addresses() {
			status.Listeners = append(status.Listeners, "h323 "+at.String())
		}
	}
	status.Counters["alarms_raised"] = float64(raised)
	status.Counters["alarms_without_room"] = float64(lost)
	return status
}

func (s source) phones() api.Phones {
	count := s.registrar.Count()
	return api.Phones{
		Extensions: len(s.directory().Extensions()), Registered: count.Home(), Guests: count.Guests(), Capacity: count.Capacity}
}

func (s source) licences() api.Licences {
	count := s.registrar.Count()
	return api.Licences{Total: count.Licences, Used: count.LicencesUsed()}
}

func (s source) lines(view resilience.View, now time.Time) []api.Line {
	asked := wants(s.config(), s.directory())
	weBackUp := s.homes.all()
	lines := []api.Line{}
	for _, l := range s.mirror.Status() {
		if _, configured := asked[l.Peer]; !configured {
			continue
		}
		line := api.Line{
			System: l.Peer, Address: s.lineAddress(l.Peer), Up: l.Up, Why: l.Why, LastHeard: -1,
			InSync: l.InSync, Complete: l.Complete, Behind: int(min(l.Behind, 1<<30)), Records: l.Records,
			ClockOffset: l.ClockOffset.Seconds(), BacksUpMy: asked[l.Peer] != "", WeBackUp: slices.Contains(weBackUp, l.Peer),
			Agreement: s.disagreement(l),
		}
		if !l.LastHeard.IsZero() {
			line.LastHeard = now.Sub(l.LastHeard).Seconds()
			line.Visible = now.Sub(l.LastHeard) < s.config().Timers().VisibleWithin
		}
		for _, h := range view.Homes {
			if string(h.System) == l.Peer {
				line.Visible, line.Via = h.Visible, string(h.Via)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func (s source) lineAddress(peer string) string {
	for _, l := range s.config().Network.Lines {
		if l.System == peer && !l.Address.IsZero() {
			return l.Address.String()
		}
	}
	return ""
}

// disagreement is what the two ends of a line see differently (NE1, SE1, SE3).
func (s source) disagreement(l service.LineStatus) string {
	for _, a := range s.journal.standing() {
		if (a.Kind == "line-one-sided" || a.Kind == "settings-differ") && aboutPeer(a.Subject, l.Peer) {
			return a.Text
		}
	}
	return ""
}

// aboutPeer: subjects of the mirror's alarms are a system, or a system and more.
func aboutPeer(subject, peer string) bool {
	return subject == peer || len(subject) > len(peer) && subject[:len(peer)] == peer && subject[len(peer)] == ' '
}

func (s source) homeStates(view resilience.View) []api.Home {
	homes := []api.Home{}
	for _, h := range view.Homes {
		home := api.Home{
			System: string(h.System), State: h.Phase.String(), Since: s.homes.stateSince(string(h.System), s.started), TimeLeft: -1, Delay: h.FailoverDelay.Seconds(),
			Visible: h.Visible, Ready: h.Ready, WhyNot: h.NotReady, Phones: s.known.phonesOf(string(h.System)),
			Guests: h.Guests, GoingHome: h.Chosen + h.Going, Unserved: h.LeftWithoutService,
		}
		switch {
		case h.ServeIn > 0 && h.Phase != resilience.Cold: // without a mirror the delay leads nowhere
			home.TimeLeft, home.Next = h.ServeIn.Seconds(), resilience.Serving.String()
		case h.RehomeIn > 0:
			home.TimeLeft, home.Next = h.RehomeIn.Seconds(), resilience.Rehoming.String()
		}
		homes = append(homes, home)
	}
	return homes
}

func (s source) guestStates(guests []resilience.GuestView, now time.Time) []api.Guest {
	out := []api.Guest{}
	for _, g := range guests {
		if !g.Registered {
			continue
		}
		guest := api.Guest{
			Number: string(g.Phone), Home: string(g.Home), At: s.name, State: g.State.String(), TimeLeft: g.GraceLeft.Seconds(),
			Busy: g.Calls > 0, Since: g.Since, Agent: g.Family, Location: g.Location,
		}
		if g.Told != resilience.NoTrigger && g.State != resilience.StateGuest {
			guest.Trigger = g.Told.String()
		}
		if bindings := s.registrar.Lookup(registrar.Number(g.Phone), now); len(bindings) > 0 {
			guest.Contact = bindings[0].Contact
			guest.Agent = cmp.Or(bindings[0].UserAgent, g.Family)
		}
		out = append(out, guest)
	}
	return out
}

func (s source) awayStates() []api.Guest {
	out := []api.Guest{}
	for _, g := range s.away.all() {
		out = append(out, api.Guest{Number: string(g.Phone), Home: s.name, At: g.Where, State: "guest", Busy: g.Busy, Since: g.Since})
	}
	return out
}

func triggers(view resilience.View) map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, f := range view.Families {
		worked := map[string]int{}
		for trigger, times := range f.Worked {
			worked[trigger.String()] = int(min(times, 1<<30))
		}
		out[f.Family] = worked
	}
	return out
}

// Registrations implements console.Source. The order of numbers costs a pass over
// the whole table, so this is for people, not for polling.
func (s source) Registrations(after string, limit int) api.Registrations {
	now := time.Now()
	var all []registrar.Registration
	total := 0
	for r := range s.registrar.All(now) {
		total++
		if string(r.Number) > after {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b registrar.Registration) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), b.Registered.Compare(a.Registered))
	})
	page := api.Registrations{Total: total, Registrations: []api.Registration{}}
	for i := range all {
		// A page ends between phones, so that `after` never cuts one in two.
		if len(page.Registrations) >= limit && all[i].Number != all[i-1].Number {
			page.Next = string(all[i-1].Number)
			break
		}
		r := &all[i]
		page.Registrations = append(page.Registrations, api.Registration{
			Number: string(r.Number), Home: r.Home, Guest: r.Guest, Contact: r.Contact, Transport: r.Transport.String(),
			Source: r.Source.String(), Agent: r.UserAgent, Expires: r.Expires})
	}
	return page
}
