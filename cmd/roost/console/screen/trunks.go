package screen

import (
	"fmt"
	"strings"

	"roost/cmd/roost/console/api"
)

// trunks draws the outside lines, where there are any.
func (d *drawing) trunks(trunks []api.Trunk) {
	if len(trunks) == 0 {
		return
	}
	d.title("Outside lines")
	for _, t := range trunks {
		state := d.paint(yellow, pad("not heard", 10))
		switch t.State {
		case "up":
			state = d.paint(green, pad("up", 10))
		case "down":
			state = d.paint(red, pad("DOWN", 10))
		}
		d.row("  %s %s %s", pad(t.Name, 14), state, strings.Join(d.trunkFacts(t), " · "))
		if t.Why != "" {
			d.paragraph("    ", 4, "", t.Why)
		}
	}
}

// trunkFacts says in a few words where the trunk is and how its registration stands.
func (d *drawing) trunkFacts(t api.Trunk) []string {
	facts := []string{t.Peer + " by " + t.Transport}
	if t.Server != "" && t.Server != t.Peer {
		facts = append(facts, "at "+t.Server)
	}
	avoided := 0
	for _, s := range t.Servers {
		if s.Avoided {
			avoided++
		}
	}
	if len(t.Servers) > 1 {
		facts = append(facts, count(len(t.Servers), "server"))
	}
	if avoided > 0 {
		facts = append(facts, fmt.Sprintf("%d failed lately", avoided))
	}
	switch {
	case t.Registration == "":
	case t.RegisteredUntil != nil:
		facts = append(facts, "registered for "+ago(*t.RegisteredUntil, d.now))
	case t.NextTry != nil:
		facts = append(facts, t.Registration+", tried again in "+ago(*t.NextTry, d.now))
	default:
		facts = append(facts, t.Registration)
	}
	return facts
}
