package node

import (
	"cmp"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/directory"
	"roost/registrar/record"
	"roost/resilience"
	"roost/signaling/sip"
	"roost/signaling/sip/flow"
)

// office answers the SIP front-end (sip.Office). A phone of our own never waits
// for the machine: only phones of other systems do, and those are few until a
// home is gone.
type office struct{ *Node }

// Ask implements sip.Office.
func (o office) Ask(q *sip.Question) sip.Decision {
	d := o.decide(q)
	d.OneChallenge = d.Verdict == sip.Proceed && !q.Authorized && o.profile(q.Number, q.Agent).OneChallenge
	return d
}

func (o office) decide(q *sip.Question) sip.Decision {
	if _, own := o.directory().Extension(q.Number); own {
		return o.askOwn(q)
	}
	if q.Kind == sip.KindRequest {
		return o.askRequest(q)
	}
	return o.askMachine(q)
}

// askMachine has the machine decide on a phone that is not ours.
func (o office) askMachine(q *sip.Question) sip.Decision {
	home, _ := o.known.homeOf(q.Number)
	mirrored, isMirrored := o.known.extension(q.Number)
	if isMirrored {
		home = mirrored.home
	}
	if home == "" && !o.blind() {
		return sip.Decision{} // nobody has this number: challenged like any other
	}
	decision := o.keeper.ask(resilience.PhoneAsks{
		Phone: resilience.Phone(q.Number), Home: resilience.System(home), Known: isMirrored,
		Kind: askKind(q.Kind), Protocol: resilience.SIP,
	})
	switch d := decision.(type) {
	case resilience.Challenge:
		return sip.Decision{Floor: o.known.floor(home, q.Number)}
	case resilience.Refuse:
		return o.refusal(d, o.profile(q.Number, q.Agent), q.Peer.Transport)
	default:
		return sip.Decision{}
	}
}

// askOwn lets our own phones through, unless a lab made this home refuse them.
func (o office) askOwn(q *sip.Question) sip.Decision {
	if o.refusing.Load() && q.Kind != sip.KindKeepAlive {
		return sip.Decision{Verdict: sip.Refuse}
	}
	return sip.Decision{}
}

// askRequest lets a guest do what a registered phone does. A phone that is homed
// elsewhere and is not a guest is sent home as with a REGISTER (FO1), but for a call
// that may make it a guest (FO8): that is decided as its REGISTER would be.
func (o office) askRequest(q *sip.Question) sip.Decision {
	if home, elsewhere := o.known.homeOf(q.Number); elsewhere && len(o.registrar.Lookup(q.Number, q.Now)) == 0 {
		if _, mirrored := o.known.extension(q.Number); mirrored && q.Method == "INVITE" {
			if q.Emergency {
				return sip.Decision{Floor: o.known.floor(home, q.Number)} // whatever stands in the way of a guest
			}
			return o.askMachine(q)
		}
		return o.refusal(resilience.Refuse{Home: resilience.System(home)}, o.profile(q.Number, q.Agent), q.Peer.Transport)
	}
	return sip.Decision{}
}

// blind says that some home's numbers cannot be told from unknown ones, since no
// mirror of it was ever complete (GU3).
func (o office) blind() bool { return o.cold.Load() }

func askKind(k sip.Kind) resilience.AskKind {
	switch k {
	case sip.KindUnregister:
		return resilience.AskUnregister
	case sip.KindKeepAlive, sip.KindQuery:
		return resilience.AskPoll
	default:
		return resilience.AskRegister
	}
}

// refusal says a refusal the way the phone's family understands it (FO1). The
// trigger of a guest's way home (FB4) must be heard, so silence is no choice there,
// and on a stream the flow is closed after it: some phones move only then.
func (o office) refusal(r resilience.Refuse, p directory.Profile, over registrar.Transport) sip.Decision {
	if r.Cause == resilience.UnknownPhone {
		return sip.Decision{}
	}
	goHome := r.Cause == resilience.GoHome
	if goHome && r.Trigger == resilience.TriggerRedirect {
		if uri, ok := o.homeURI(r.Home, registrar.Number(r.Phone)); ok {
			return sip.Decision{Verdict: sip.Redirect, Home: uri}
		}
	}
	d := sip.Decision{Verdict: sip.Refuse, CloseFlow: goHome && over.Stream()}
	switch {
	case p.Refusal == directory.RefuseSilent && !goHome:
		d.Verdict = sip.Silent
	case p.Refusal == directory.RefusePhrase:
		d.Status, d.Phrase = p.Status, p.Phrase
	}
	return d
}

// homeURI is where a phone is redirected to: its number at its home's address.
func (o office) homeURI(home resilience.System, n registrar.Number) (string, bool) {
	for _, line := range o.config().Network.Lines {
		if line.System == string(home) && line.Address.Host != "" {
			return "sip:" + string(n) + "@" + line.Address.Host, true
		}
	}
	return "", false
}

// profile is the phone's family: as configured for the extension, else by its
// user agent.
func (o office) profile(n registrar.Number, agent string) directory.Profile {
	name := ""
	if e, own := o.directory().Extension(n); own {
		name = e.Profile
	} else if e, ok := o.known.extension(n); ok {
		name = e.Profile
	}
	profiles := o.profiles.Load()
	if p, ok := profiles.ByName(name); ok && name != "" {
		return p
	}
	return profiles.ByAgent(agent)
}

// Secret implements sip.Office: a phone proves itself with its base user's secret,
// a mirrored one with the mirrored secret (FO5).
func (o office) Secret(user string) (credentials.Secret, bool) {
	n := registrar.Number(user)
	d := o.directory()
	if e, own := d.Extension(n); own {
		u, ok := d.User(e.BaseUser)
		return u.Secret, ok
	}
	return o.known.secret(n)
}

// Register implements sip.Office.
func (o office) Register(r *sip.Registering, a *sip.Answer) {
	if _, own := o.directory().Extension(r.Number); own {
		r.Home = o.name
		o.record(r, a)
		return
	}
	o.registerGuest(r, a)
}

// record puts a REGISTER to the registrar and tells who must know.
func (o office) record(r *sip.Registering, a *sip.Answer) {
	if r.Repeat {
		result, repeats := o.registrar.Repeats(&r.Update, r.Now)
		a.Result, a.NotRepeated = result, !repeats
		return
	}
	a.Err = o.registrar.RegisterInto(&r.Update, r.Now, &a.Result)
	o.registered(a.Result.Changes, r.Now)
}

func (o office) registerGuest(r *sip.Registering, a *sip.Answer) {
	mirrored, ok := o.known.extension(r.Number)
	if !ok {
		a.Decision = sip.Decision{Verdict: sip.Refuse}
		return
	}
	decision := o.keeper.ask(resilience.PhoneAsks{
		Phone: resilience.Phone(r.Number), Home: resilience.System(mirrored.home), Known: true, Proven: true,
		Kind: askKind(r.Kind), Protocol: resilience.SIP,
	})
	switch d := decision.(type) {
	case resilience.Refuse:
		a.Decision = o.refusal(d, o.profile(r.Number, r.UserAgent), r.Transport)
		return
	case resilience.Admit:
		r.MinExpires, r.MaxExpires = leaseSeconds(d.MinExpires), leaseSeconds(d.MaxExpires)
	}
	r.Guest, r.Home = true, mirrored.home
	o.record(r, a)
	if a.Err == nil && !a.NotRepeated && len(a.Result.Bound) > 0 && r.Kind == sip.KindRegister {
		o.guestRegistered(r, mirrored.home, &a.Result.Bound[0])
	}
}

// guestRegistered tells the machine, and the home, of a guest's registration.
func (o office) guestRegistered(r *sip.Registering, home string, bound *registrar.Registration) {
	p := o.profile(r.Number, r.UserAgent)
	o.keeper.registered(resilience.PhoneRegistered{
		Phone: resilience.Phone(r.Number), Home: resilience.System(home), At: r.Now, Protocol: resilience.SIP,
		Agent: cmp.Or(p.Name, r.UserAgent), Location: o.known.location(home, r.Source.Addr()), Subscribed: o.endpoint.Subscribed(r.Number),
		Stream: r.Transport.Stream(), FollowsRedirect: p.FollowsRedirect,
	})
	o.share.guest(o.guestRecord(bound), bound.Expires, r.Now)
}

// guestRecord is what the home is told of its phone here.
func (n *Node) guestRecord(r *registrar.Registration) *record.Guest {
	return &record.Guest{Phone: r.Number, Home: r.Home, Where: n.name, Busy: n.busy.has(r.Number), Since: r.Since, Granted: r.Granted}
}

func leaseSeconds(d time.Duration) uint32 {
	return uint32(max(1, (d+time.Second-1)/time.Second))
}

// Lookup implements sip.Office.
func (o office) Lookup(n registrar.Number, now time.Time) []registrar.Registration {
	return o.registrar.Lookup(n, now)
}

// FlowClosed implements sip.Office: bindings die with their stream. While this
// system ends, they do not: the phones' registrations are the backups' to know.
func (o office) FlowClosed(id registrar.FlowID, why flow.Reason) {
	if why == flow.Draining {
		return
	}
	now := time.Now()
	o.voice.neighbours.closed(id)
	o.trunks.set.FlowClosed(id)
	o.changed(o.registrar.FlowClosed(id, now), now)
}
