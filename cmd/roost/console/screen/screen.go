package screen

import (
	"fmt"
	"strings"
	"time"

	"roost/cmd/roost/console/api"
)

// Options says how a status is drawn.
type Options struct {
	Width  int  // columns, at least 60; 0 means 100
	Colour bool // ANSI colours
	Guests int  // guests listed at most; 0 means 10
	Events int  // events listed at most; 0 means 8
}

// Render draws the whole status, ending with a newline.
func Render(s api.Status, o Options) string {
	d := drawing{Options: o.withDefaults(), now: s.Now}
	d.header(s)
	d.alarms(s.Alarms)
	d.lines(s.Lines)
	d.turnedAway(s.TurnedAway)
	d.trunks(s.Trunks)
	d.homes(s.Homes)
	d.guests("Guests here", s.Guests)
	d.guests("Our phones that are guests elsewhere", s.Away)
	d.events(s.Events)
	return d.out.String()
}

func (o Options) withDefaults() Options {
	if o.Width == 0 {
		o.Width = 100
	}
	o.Width = max(o.Width, 60)
	if o.Guests == 0 {
		o.Guests = 10
	}
	if o.Events == 0 {
		o.Events = 8
	}
	return o
}

type drawing struct {
	Options
	now time.Time
	out strings.Builder
}

func (d *drawing) header(s api.Status) {
	ready := d.paint(green, "service ready")
	if !s.Ready {
		ready = d.paint(red, "NOT READY: "+s.WhyNotReady)
	}
	lab := ""
	if s.Lab {
		lab = d.paint(yellow, " · lab")
		if s.LabSpeed > 1 {
			lab = d.paint(yellow, fmt.Sprintf(" · lab, rule timers ÷ %g", s.LabSpeed))
		}
	}
	d.row("%s  %s · up %s · %s%s", d.paint(bold, s.System), s.Address, span(s.UpFor), ready, lab)
	licences := fmt.Sprintf("%d of %d", s.Licences.Used, s.Licences.Total)
	if s.Licences.Total == 0 {
		licences = "without limit"
	}
	d.row("phones %d of %d registered · guests %d · capacity %d of %d · licences %s",
		s.Phones.Registered, s.Phones.Extensions, s.Phones.Guests,
		s.Phones.Registered+s.Phones.Guests, s.Phones.Capacity, licences)
	d.row("calls %d (%d anchored, %d direct) · media ports %d of %d in use",
		s.Calls.Standing, s.Calls.Anchored, s.Calls.Direct, 2*s.Calls.PortsUsed, 2*s.Calls.PortsTotal)
	d.paragraph("", 2, "", "listening on "+strings.Join(s.Listeners, ", "))
}

func (d *drawing) alarms(alarms []api.Alarm) {
	if len(alarms) == 0 {
		d.title("Alarms")
		d.row("  none")
		return
	}
	d.title(fmt.Sprintf("Alarms (%d)", len(alarms)))
	for _, a := range alarms {
		colour := yellow
		if a.Severity != "minor" {
			colour = red
		}
		lead := fmt.Sprintf("  %s %s  ", d.paint(colour, pad(strings.ToUpper(a.Severity), 8)), pad(ago(d.now, a.Since), 8))
		d.paragraph(lead, 21, "", a.Text)
	}
}

func (d *drawing) lines(lines []api.Line) {
	d.title("Lines")
	if len(lines) == 0 {
		d.row("  none configured")
	}
	for _, l := range lines {
		state := d.paint(green, pad("up", 8))
		if !l.Up {
			state = d.paint(red, pad("DOWN", 8))
		}
		d.row("  %s %s %s", pad(l.System, 14), state, strings.Join(lineFacts(l), " · "))
		if !l.Up && l.Why != "" {
			d.paragraph("    ", 4, "", l.Why)
		}
		if l.Agreement != "" {
			d.paragraph("    ", 4, yellow, l.Agreement)
		}
	}
}

// turnedAway shows who knocked lately where lines come in and was refused.
func (d *drawing) turnedAway(refused []api.TurnedAway) {
	for _, r := range refused {
		if d.now.Sub(r.Last) > 10*time.Minute {
			continue
		}
		who := r.Remote
		if r.System != "" {
			who = r.System + " from " + r.Remote
		}
		d.paragraph("  ", 4, yellow, fmt.Sprintf("turned away %s, %d times, last %s ago: %s", who, r.Count, ago(d.now, r.Last), r.Reason))
	}
}

// lineFacts says in a few words what the line carries and how fresh it is.
func lineFacts(l api.Line) []string {
	var facts []string
	switch {
	case l.LastHeard < 0:
		facts = append(facts, "never heard")
	case l.Via != "":
		facts = append(facts, fmt.Sprintf("heard %s ago through %s", span(l.LastHeard), l.Via))
	default:
		facts = append(facts, fmt.Sprintf("heard %s ago", span(l.LastHeard)))
	}
	switch {
	case !l.Complete:
		facts = append(facts, "mirror not complete")
	case l.InSync:
		facts = append(facts, "in sync, "+count(l.Records, "record"))
	default:
		facts = append(facts, fmt.Sprintf("behind by %d of %d records", l.Behind, l.Records))
	}
	if l.BacksUpMy {
		facts = append(facts, "backs us up")
	}
	if l.WeBackUp {
		facts = append(facts, "we back it up")
	}
	return facts
}

func (d *drawing) homes(homes []api.Home) {
	if len(homes) == 0 {
		return
	}
	d.title("Homes we back up")
	for _, h := range homes {
		d.row("  %s %s %s", pad(h.System, 14), d.paint(stateColour(h.State), pad(h.State, 10)), d.countdown(h))
		facts := []string{count(h.Phones, "phone"), count(h.Guests, "guest")}
		if h.GoingHome > 0 {
			facts = append(facts, fmt.Sprintf("%d going home", h.GoingHome))
		}
		facts = append(facts, "failover delay "+span(h.Delay))
		if h.Ready {
			facts = append(facts, "ready to serve it")
		} else {
			d.paragraph("    ", 4, red, "not ready to serve it: "+h.WhyNot)
		}
		if h.Unserved > 0 {
			d.paragraph("    ", 4, red, count(h.Unserved, "phone")+" knocked without service")
		}
		d.row("    %s", strings.Join(facts, " · "))
	}
}

func (d *drawing) countdown(h api.Home) string {
	if h.TimeLeft < 0 || h.Next == "" {
		return "for " + ago(d.now, h.Since)
	}
	return fmt.Sprintf("for %s, %s in %s", ago(d.now, h.Since), h.Next, span(h.TimeLeft))
}

func (d *drawing) guests(title string, guests []api.Guest) {
	if len(guests) == 0 {
		return
	}
	d.title(fmt.Sprintf("%s (%d)", title, len(guests)))
	for i, g := range guests {
		if i == d.Guests {
			d.row("  … and %d more (roost status --json lists all)", len(guests)-i)
			return
		}
		state := g.State
		if g.Trigger != "" {
			state += " by " + g.Trigger
		}
		if g.TimeLeft > 0 {
			state += ", " + span(g.TimeLeft) + " left"
		}
		if g.Busy {
			state += ", busy"
		}
		d.row("  %s of %s at %s for %s  %s  %s", pad(g.Number, 8), pad(g.Home, 10), pad(g.At, 10),
			pad(ago(d.now, g.Since), 8), state, g.Agent)
	}
}

func (d *drawing) events(events []api.Event) {
	if len(events) == 0 {
		return
	}
	d.title("Last events")
	for _, e := range events[max(0, len(events)-d.Events):] {
		d.paragraph("  "+e.At.Format("15:04:05")+"  ", 12, "", e.Text)
	}
}
