package switchboard

import (
	"cmp"
	"slices"
	"time"

	"roost/media"
	"roost/signaling/call"
)

// Shown is a call as status shows it.
type Shown struct {
	call.View
	Path media.Path
}

// told is what the Observer knows of a call.
type told struct {
	ever   bool
	direct bool
	talk   [2]call.LegID
}

// result is the media of a call for its record.
type result struct {
	path  string
	stats []media.MediaStats
	// swapped: side A is not the caller's.
	swapped  bool
	security [2]string
}

// tellStanding keeps the call's view and tells the Observer of a connected call, where
// something changed.
func (e *entry) tellStanding(now time.Time) {
	if !e.altered && e.shown.Load() != nil || e.over.Load() {
		return
	}
	e.altered = false
	view := e.call.View()
	shown := &Shown{View: view}
	p := e.pairOf(view.Talk[0], view.Talk[1])
	if p != nil {
		shown.Path = p.session.Path()
	}
	e.shown.Store(shown)
	if view.Answer.IsZero() || p == nil || view.State == call.Done {
		return
	}
	is := told{ever: true, direct: shown.Path.Kind == media.Direct && stable(view), talk: view.Talk}
	if is == e.told {
		return
	}
	s := Standing{View: view, Direct: is.direct}
	for i, id := range view.Talk {
		leg := e.leg(id)
		dialog, ok := e.b.o.Legs.Dialog(id)
		if leg == nil || !ok {
			return
		}
		s.Legs[i], s.Dialogs[i] = *leg, dialog
	}
	e.told = is
	e.b.o.Observer.Standing(s)
}

// stable: connected, not held, and both ends phones as far as can be seen (VP3): behind
// another system is one too, or that system's relay, which our end does not touch.
func stable(v call.View) bool {
	trunk := call.Trunk.String()
	return v.State == call.Talking && v.From.Kind != trunk && v.To.Kind != trunk
}

// outlives tells that nothing is to be sent that ends the call when the system stops:
// phones talk to each other (VP3).
func (e *entry) outlives() bool {
	shown := e.shown.Load()
	return shown != nil && !shown.Answer.IsZero() && shown.Path.Kind == media.Direct && shown.State != call.Done
}

// leave lets a call be, with a record of what is known of it.
func (b *Board) leave(e *entry, why string) {
	e.over.Store(true)
	for _, id := range e.legIDs() {
		e.legOver(id)
	}
	b.forget(e)
	b.count.left.Add(1)
	shown, now := e.shown.Load(), time.Now()
	b.o.Observer.Finished(call.Record{
		ID: e.id, System: b.o.System, Start: call.Stamp{Time: shown.Start}, Answer: call.Stamp{Time: shown.Answer}, End: call.Stamp{Time: now},
		Seconds: now.Sub(shown.Answer).Seconds(), From: shown.From, To: shown.To, Dialled: shown.Dialled, Emergency: shown.Emergency,
		EndedBy: "system", Why: why, Path: pathName(media.Direct),
		FromSecurity: securityName(shown.Path.Security[0]), ToSecurity: securityName(shown.Path.Security[1]),
	})
}

// keepResult remembers the media of a pair that was answered; the last one counts.
func (e *entry) keepResult(p *pair, stats func() []media.MediaStats) {
	path := p.session.Path()
	_, open := p.session.Open()
	all := stats()
	if path.Kind == media.NoMedia || open && len(e.result.path) > 0 {
		return
	}
	e.result = result{path: pathName(path.Kind), stats: all, swapped: p.b == e.first, security: path.Security}
}

// complete fills in what the call does not know of its media.
func (e *entry) complete(r call.Record) call.Record {
	for _, p := range e.pairs {
		e.keepResult(p, p.session.Stats)
	}
	is := e.result
	if is.path == "" || r.Answer.IsZero() {
		return r
	}
	from, to := media.A, media.B
	if is.swapped {
		from, to = to, from
	}
	r.Path = is.path
	r.FromSecurity, r.ToSecurity = securityName(is.security[from]), securityName(is.security[to])
	if i := slices.IndexFunc(is.stats, func(s media.MediaStats) bool { return s.Media == "audio" }); i >= 0 {
		r.FromQuality, r.ToQuality = quality(&is.stats[i].Sides[from]), quality(&is.stats[i].Sides[to])
	}
	return r
}

func quality(s *media.SideStats) *call.Quality {
	return &call.Quality{Packets: s.Packets, Lost: s.Lost, Jitter: s.Jitter, MOS: s.MOS}
}

func securityName(s string) string { return cmp.Or(s, "none") }

// pathName is the word of rule VP1.
func pathName(k media.PathKind) string {
	switch k {
	case media.Direct:
		return "direct"
	case media.Relayed:
		return "anchored"
	default:
		return ""
	}
}

// PathName is how media goes, in the words of rule VP1; empty before it is agreed.
func (s *Shown) PathName() string { return pathName(s.Path.Kind) }

// Security is what protects the media of a side, "none" for nothing.
func (s *Shown) Security(side media.Side) string { return securityName(s.Path.Security[side]) }

// List are up to limit calls, the oldest first.
func (b *Board) List(limit int) []Shown {
	all := b.all()
	slices.SortFunc(all, func(x, y *entry) int { return cmp.Compare(x.number, y.number) })
	list := make([]Shown, 0, min(limit, len(all)))
	for _, e := range all {
		if shown := e.shown.Load(); shown != nil && len(list) < limit {
			list = append(list, *shown)
		}
	}
	return list
}
