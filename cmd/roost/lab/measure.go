package lab

import (
	"fmt"
	"time"

	"roost/cmd/roost/lab/phone"
)

// measure keeps the times and counts of a run.
type measure struct {
	detects, serves, returns []time.Duration

	detecting bool            // a fault, and the backup has not doubted yet
	waiting   map[string]bool // phones not served by the backup since the fault
	away      map[string]bool // phones not home since the mending
	refusals  map[Role]map[string]int
	wentHome  map[string]int
}

func newMeasure() *measure {
	return &measure{refusals: map[Role]map[string]int{Home: {}, Backup: {}}, wentHome: map[string]int{}}
}

// fault starts the clocks; a phone is measured once a fault.
func (m *measure) fault() {
	m.detecting = true
	m.waiting = map[string]bool{}
	m.away = nil
}

// mended starts the clocks of those that are not at home.
func (m *measure) mended(p *Picture) {
	m.away = map[string]bool{}
	for _, view := range p.Phones {
		if !view.is(Home) {
			m.away[view.Number] = true
		}
	}
}

// report takes what a phone says, after the picture did.
func (m *measure) report(p *Picture, r phone.Report, now time.Duration) {
	switch r.Event {
	case phone.Refused:
		m.refusals[r.Server][fmt.Sprintf("%d %s", r.Code, r.Text)]++
	case phone.Unanswered:
		if view := p.Systems[r.Server]; view != nil && view.Running && !view.Hung && r.Text == "" {
			m.refusals[r.Server]["no answer"]++
		}
	case phone.Registered:
		m.registered(p, r, now)
	}
}

func (m *measure) registered(p *Picture, r phone.Report, now time.Duration) {
	switch {
	case r.Server == Backup && m.waiting != nil && !m.waiting[r.Phone]:
		m.waiting[r.Phone] = true
		m.serves = append(m.serves, now-p.Fault)
	case r.Server == Home && m.away[r.Phone]:
		delete(m.away, r.Phone)
		m.returns = append(m.returns, now-p.Mended)
		m.wentHome[r.Why]++
	}
}

// detect notes when the backup began to doubt the home.
func (m *measure) detect(p *Picture, ruleTime func(time.Time) time.Duration) {
	home := p.Systems[Backup].home(p.nameOf(Home))
	if !m.detecting || home == nil {
		return
	}
	began := ruleTime(home.Since)
	if (home.State == "SUSPECT" || home.State == "SERVING") && began >= p.Fault {
		m.detecting = false
		m.detects = append(m.detects, began-p.Fault)
	}
}

func (m *measure) into(result *Result) {
	result.Times = Times{Detect: spread(m.detects), Serve: spread(m.serves), Return: spread(m.returns)}
	result.Refusals, result.WentHome = m.refusals, m.wentHome
}
