package node

import (
	"cmp"
	"slices"

	"roost/cmd/roost/config"
	"roost/registrar"
	"roost/signaling/call"
)

// Outside lines: which trunks a number goes to, and where an emergency call goes.

// outside is a number for the trunks whose patterns have it: those that say more of it
// first, then those that are there, then in their order.
func (r router) outside(to string) call.Route {
	route := call.Route{Kind: call.ToTrunks, Number: registrar.Number(to)}
	type candidate struct {
		t     *config.Trunk
		exact int
		down  int
	}
	var fitting []candidate
	trunks := r.config().Trunks
	for i := range trunks {
		if exact := trunks[i].Exactness(to); exact >= 0 {
			fitting = append(fitting, candidate{&trunks[i], exact, r.trunkDown(trunks[i].Name)})
		}
	}
	slices.SortStableFunc(fitting, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.exact, a.exact), cmp.Compare(a.down, b.down))
	})
	for _, one := range fitting {
		dialled, _ := one.t.Translate(config.Outward, to)
		route.Targets = append(route.Targets, r.trunkTargets(one.t, dialled, "")...)
	}
	if len(route.Targets) == 0 {
		return call.Route{}
	}
	return route
}

// trunkDown is 1 for a trunk that is known not to answer, 0 for others.
func (r router) trunkDown(name string) int {
	if _, up := r.trunks.set.Ways(name); up {
		return 0
	}
	return 1
}

// trunkTargets are the tries that a trunk is worth: one for each of its servers, of which
// each try takes the best that did not fail.
func (r router) trunkTargets(t *config.Trunk, dialled, callerID string) []call.Target {
	servers, _ := r.trunks.set.Ways(t.Name)
	if callerID == "" {
		callerID = t.CallerID
	}
	one := call.Target{Kind: call.Trunk, Name: t.Name, Number: registrar.Number(dialled), From: call.Party{Number: registrar.Number(callerID)}}
	return slices.Repeat([]call.Target{one}, servers)
}

// emergency is where an emergency call goes by the caller's location at its home, which
// a guest keeps (GU6): the routes that fit, in their order, and then every other trunk,
// since any answer is better than none. What is known to be down is tried last.
func (r router) emergency(q call.Query) call.Route {
	c := r.config()
	system, location := r.locationOf(q.From)
	route := call.Route{Kind: call.ToEmergency, Number: registrar.Number(q.To)}
	var last []call.Target
	used := map[string]bool{}
	add := func(t *config.Trunk, callerID string) {
		if t == nil || used[t.Name] {
			return
		}
		used[t.Name] = true
		targets := r.trunkTargets(t, q.To, callerID)
		if r.trunkDown(t.Name) == 1 {
			last = append(last, targets...)
			return
		}
		route.Targets = append(route.Targets, targets...)
	}
	for i := range c.Emergency.Routes {
		e := &c.Emergency.Routes[i]
		switch {
		case e.System != "" && e.System != system, e.Location != "" && e.Location != location:
		case e.Trunk != "":
			add(trunkNamed(c, e.Trunk), e.CallerID)
		case !r.isEmergency(e.To):
			to := r.Route(call.Query{To: e.To, From: q.From, Peer: q.Peer, PeerName: q.PeerName})
			route.Targets = append(route.Targets, to.Targets...)
		}
	}
	for i := range c.Trunks {
		add(&c.Trunks[i], "")
	}
	route.Targets = append(route.Targets, last...)
	return route
}
