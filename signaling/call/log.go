package call

import "roost/registrar"

// Log is the call log of users: the last calls of each, the newest first. It is
// used by one goroutine at a time. Guests' logs go at failback (GU5).
type Log struct {
	perUser, users int
}

// Entry is a call in a user's log.
type Entry struct {
	Record Record
	// Outgoing: the user called. Missed: somebody called, and nobody answered.
	Outgoing, Missed bool
}

// NewLog makes an empty log that keeps perUser calls (50 if 0) of as many as users
// users (100,000 if 0).
func NewLog(perUser, users int) *Log { return &Log{perUser: perUser, users: users} }

// Add enters a record for each of its parties that is a phone here.
func (l *Log) Add(r Record) { _ = r }

// Of is a user's log, the newest first.
func (l *Log) Of(n registrar.Number) []Entry { _ = n; return nil }

// Drop forgets a user's log and gives how many calls were in it.
func (l *Log) Drop(n registrar.Number) int { _ = n; return 0 }
