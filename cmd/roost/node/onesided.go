package node

import (
	"fmt"
	"slices"
	"time"
)

// oneSided are the systems with a line to us to which we have none (NE1): they were
// turned away where lines come in, with a certificate of our root that names them.
type oneSided struct {
	// standing are the alarms raised here. The mirror raises the same kind about
	// systems that it hears, which are others.
	standing map[string]bool
}

// knocksWithin is how long after its last try such a system still counts; lines are
// tried each 5 s at least.
const knocksWithin = time.Minute

func (o *oneSided) review(n *Node, now time.Time) {
	c := n.config()
	peers, within := peersOf(c), shorter(knocksWithin, c.LabSpeed)
	knocking := map[string]bool{}
	for _, r := range n.carrier.Refusals() {
		if r.System != "" && r.System != n.name && now.Sub(r.Last) < within && !slices.Contains(peers, r.System) {
			knocking[r.System] = true
		}
	}
	for system := range knocking {
		if o.standing == nil {
			o.standing = map[string]bool{}
		}
		o.standing[system] = true
		n.journal.raise("line-one-sided", system, "major", fmt.Sprintf(
			"%s has a line to us, but ours to it is not configured; add it to network.lines here, or remove it there", system), now)
	}
	for system := range o.standing {
		if !knocking[system] {
			delete(o.standing, system)
			n.journal.clear("line-one-sided", system, fmt.Sprintf("%s does not try to have a line to us any more", system), now)
		}
	}
}
