package call

import (
	"cmp"
	"slices"
	"time"

	"roost/registrar"
)

// PreservedFor is how long a preserved record lives at most (VP4).
const PreservedFor = 120 * time.Minute

// Mirrored is a call of another system, as the mirror told of it: what a backup
// has to know when its home is gone.
type Mirrored struct {
	Home string
	ID   string
	// Direct: its media went from phone to phone, and it was stable (VP3). An anchored
	// call has no voice path without its home (VP2).
	Direct   bool
	Start    time.Time
	Answer   time.Time
	From, To RecordParty
	// Dialogs are its two dialogs, From's and To's, each as the phone names it in a
	// request within it: ToTag is the home's, FromTag the phone's.
	Dialogs [2]DialogID
	Phones  [2]registrar.Number
}

// Verdict is what a request within a dialog gets that is none of our own.
type Verdict uint8

// The verdicts.
const (
	// NotOurs: 481, nothing known of it.
	NotOurs Verdict = iota
	// ByeOK: 200; the first one ends the record (VP4).
	ByeOK
	// Lost: 481; the call was lost with its home, or is preserved and the request is
	// no BYE.
	Lost
)

// Preserved are the calls of homes that are mirrored here. It is used by one
// goroutine at a time.
type Preserved struct {
	system  string
	limit   int
	calls   map[preservedKey]*preserved
	dialogs map[DialogID]*preserved
	// away are the homes that are gone; fallen the calls whose home went, by when
	// that was.
	away   map[string]bool
	fallen []*preserved
}

type preservedKey struct{ home, id string }

type preserved struct {
	Mirrored
	state   preservedState
	expires time.Time
}

type preservedState uint8

const (
	atHome preservedState = iota // its home has it
	kept                         // preserved
	lost                         // anchored, and lost with its home
	over                         // preserved, and one side hung up: the other one will
)

// NewPreserved makes an empty table; system is our name, for the records. limit
// bounds how many calls it keeps.
func NewPreserved(system string, limit int) *Preserved {
	return &Preserved{system: system, limit: limit, calls: map[preservedKey]*preserved{}, dialogs: map[DialogID]*preserved{}, away: map[string]bool{}}
}

// Len is how many calls are in the table.
func (p *Preserved) Len() int { return len(p.calls) }

// Put takes a mirrored record in, or the new state of one; false if the table is
// full. A preserved call of which a home that returned tells again is the home's as
// before; one whose record was given stays over.
func (p *Preserved) Put(m Mirrored) bool {
	k := preservedKey{m.Home, m.ID}
	if e := p.calls[k]; e != nil {
		if e.state != atHome && (e.state != kept || p.away[m.Home]) {
			return true
		}
		p.forget(e)
	}
	if len(p.calls) >= p.limit {
		return false
	}
	e := &preserved{Mirrored: m}
	p.calls[k] = e
	for _, d := range m.Dialogs {
		if d != (DialogID{}) {
			p.dialogs[d] = e
		}
	}
	return true
}

// Remove: the home says that it has the call no more, and writes its record. A call
// that was preserved or lost stays: a home that restarted forgot it, its phones did
// not.
func (p *Preserved) Remove(home, id string) {
	if e := p.calls[preservedKey{home, id}]; e != nil && e.state == atHome {
		p.drop(e)
	}
}

// forget drops a call wherever it stands.
func (p *Preserved) forget(e *preserved) {
	p.drop(e)
	if e.state != atHome {
		p.fallen = slices.DeleteFunc(p.fallen, func(o *preserved) bool { return o == e })
	}
}

func (p *Preserved) drop(e *preserved) {
	delete(p.calls, preservedKey{e.Home, e.ID})
	for _, d := range e.Dialogs {
		if p.dialogs[d] == e {
			delete(p.dialogs, d)
		}
	}
}

// Failover: home went down, or came back with another epoch. Its anchored calls
// are over, and their records are given, "lost in failover" (VP2); direct ones are
// preserved from now on, for PreservedFor at most (VP3). Nothing is sent for either.
func (p *Preserved) Failover(home string, now time.Time) (records []Record) {
	p.away[home] = true
	var all []*preserved
	for k, e := range p.calls {
		if k.home == home && e.state == atHome {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b *preserved) int { return cmp.Compare(a.ID, b.ID) })
	for _, e := range all {
		e.expires = now.Add(PreservedFor)
		p.fallen = append(p.fallen, e)
		if e.Direct && !e.Answer.IsZero() {
			e.state = kept
			continue
		}
		e.state = lost
		records = append(records, p.record(e, bySystem, "lost in failover", now))
	}
	return records
}

// Returned: home is back, and tells of its calls itself.
func (p *Preserved) Returned(home string, _ time.Time) { delete(p.away, home) }

// Request judges a request within a dialog that none of our legs knows; d is as
// the request has it: ToTag from To, FromTag from From. A BYE to a preserved call
// gives its record.
func (p *Preserved) Request(d DialogID, method string, now time.Time) (Verdict, []Record) {
	e := p.dialogs[d]
	switch {
	case e == nil, e.state == atHome, !now.Before(e.expires):
		return NotOurs, nil
	case e.state == lost || method != "BYE":
		return Lost, nil
	case e.state == over:
		return ByeOK, nil
	}
	e.state = over
	by := byFrom
	if d == e.Dialogs[1] {
		by = byTo
	}
	return ByeOK, []Record{p.record(e, by, "hung up after a failover", now)}
}

// Sweep ends what is there for too long, and gives the records of preserved calls
// that nobody hung up.
func (p *Preserved) Sweep(now time.Time) (records []Record) {
	for len(p.fallen) > 0 && !now.Before(p.fallen[0].expires) {
		e := p.fallen[0]
		p.fallen = p.fallen[1:]
		if e.state == kept {
			records = append(records, p.record(e, bySystem, "preserved for too long", e.expires))
		}
		p.drop(e)
	}
	return records
}

// Next is when Sweep has something to do; false if never.
func (p *Preserved) Next() (time.Time, bool) {
	if len(p.fallen) == 0 {
		return time.Time{}, false
	}
	return p.fallen[0].expires, true
}

func (p *Preserved) record(e *preserved, by, why string, now time.Time) Record {
	r := Record{ID: e.ID, System: p.system, Start: Stamp{e.Start}, End: Stamp{now}, From: e.From, To: e.To, EndedBy: by, Why: why, Path: "anchored"}
	if e.Direct {
		r.Path = "direct"
	}
	if e.Answer.IsZero() {
		r.Status = 480
		return r
	}
	r.Answer = Stamp{e.Answer}
	r.Seconds = max(now.Sub(e.Answer).Seconds(), 0)
	return r
}
