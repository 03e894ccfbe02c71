package node

import (
	"roost/cmd/roost/console/api"
	"roost/signaling/sip/trunk"
)

func (s source) trunkStates() []api.Trunk {
	out := []api.Trunk{}
	for _, v := range s.trunks.set.View() {
		shown := api.Trunk{
			Name: v.Name, Peer: v.Peer, Transport: v.Transport.String(), State: v.State.String(), Why: v.Why, Since: v.Since,
			Servers: []api.TrunkServer{},
		}
		if v.Server.IsValid() {
			shown.Server = v.Server.String()
		}
		for _, one := range v.Servers {
			shown.Servers = append(shown.Servers, api.TrunkServer{
				Host: one.Host, Address: one.Addr.String(), Priority: int(one.Priority), Weight: int(one.Weight), Avoided: one.Avoided})
		}
		if v.Registers {
			r := v.Registration
			shown.Registration, shown.Failures = r.Standing.String(), r.Failures
			if r.Standing == trunk.Registered {
				shown.RegisteredUntil = &r.Until
			}
			if r.Failures > 0 {
				shown.NextTry = &r.Next
			}
		}
		out = append(out, shown)
	}
	return out
}

// trunkCounters adds what trunks count.
func (n *Node) trunkCounters(out, standing map[string]float64) {
	standing["trunks"], standing["trunks_up"] = 0, 0
	for _, v := range n.trunks.set.View() {
		standing["trunks"]++
		if v.State == trunk.Up {
			standing["trunks_up"]++
		}
	}
	addCounts(out, standing, "trunk_", n.trunks.set.Counters())
	out["trunk_calls_refused"] = float64(n.trunks.refused.Load())
}
