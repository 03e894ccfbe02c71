package call

import (
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
	// Dialogs are its two dialogs, each as the phone names it in a request within it:
	// ToTag is the home's, FromTag the phone's.
	Dialogs [2]DialogID
	Phones  [2]registrar.Number
}

// Verdict is what a request within a dialog gets that is none of our own.
type Verdict uint8

// The verdicts.
const (
	// NotOurs: 481, nothing known of it.
	NotOurs Verdict = iota
	// ByeOK: 200, and the record is over (VP4).
	ByeOK
	// Lost: 481; the call was preserved, or lost with its home.
	Lost
)

// Preserved are the calls of homes that are mirrored here. It is used by one
// goroutine at a time.
type Preserved struct {
	system string
}

// NewPreserved makes an empty table; system is our name, for the records. limit
// bounds how many calls it keeps.
func NewPreserved(system string, limit int) *Preserved {
	_ = limit
	return &Preserved{system: system}
}

// Put takes a mirrored record in, or the new state of one; false if the table is full.
func (p *Preserved) Put(m Mirrored) bool { _ = m; return false }

// Remove: the home says that the call is over. A call that the home lost track of
// because it restarted is not removed but lost by Failover.
func (p *Preserved) Remove(home, id string) { _, _ = home, id }

// Failover: home is gone, its phones come here. Anchored calls are over and their
// records are given, "lost in failover" (VP2); direct ones are preserved from now
// on for PreservedFor at most (VP3).
func (p *Preserved) Failover(home string, now time.Time) []Record { _, _ = home, now; return nil }

// Returned: home is back and tells of its calls itself; what was preserved of it
// stays until its phone's next event or its time.
func (p *Preserved) Returned(home string, now time.Time) { _, _ = home, now }

// Request judges a request within a dialog that none of our legs knows.
func (p *Preserved) Request(d DialogID, method string, now time.Time) (Verdict, []Record) {
	_, _, _ = d, method, now
	return NotOurs, nil
}

// Sweep ends what is preserved for too long, and gives the records.
func (p *Preserved) Sweep(now time.Time) []Record { _ = now; return nil }

// Next is when Sweep has something to do; false if never.
func (p *Preserved) Next() (time.Time, bool) { return time.Time{}, false }
