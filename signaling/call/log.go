package call

import "roost/registrar"

// Log is the call log of users: the last calls of each, the newest first. It is
// used by one goroutine at a time. Guests' logs go at failback (GU5).
type Log struct {
	perUser, users int
	of             map[registrar.Number]*userLog
}

// userLog is a ring: next is where the next entry goes.
type userLog struct {
	entries []logged
	next    int
}

type logged struct {
	record           *Record // shared by both parties
	outgoing, missed bool
}

// Entry is a call in a user's log.
type Entry struct {
	Record Record
	// Outgoing: the user called. Missed: somebody called, and nobody answered.
	Outgoing, Missed bool
}

// NewLog makes an empty log that keeps perUser calls (50 if 0) of as many as users
// users (100,000 if 0).
func NewLog(perUser, users int) *Log {
	if perUser <= 0 {
		perUser = 50
	}
	if users <= 0 {
		users = 100_000
	}
	return &Log{perUser: perUser, users: users, of: map[registrar.Number]*userLog{}}
}

// Add enters a record for each of its parties that is a phone here; false where a
// user found no room since the log has too many.
func (l *Log) Add(r Record) bool {
	ok, phone := true, Phone.String()
	if r.From.Kind == phone {
		ok = l.enter(r.From.Number, logged{record: &r, outgoing: true})
	}
	if r.To.Kind == phone {
		ok = l.enter(r.To.Number, logged{record: &r, missed: r.Answer.IsZero()}) && ok
	}
	return ok
}

func (l *Log) enter(n registrar.Number, e logged) bool {
	u := l.of[n]
	switch {
	case n == "":
		return true
	case u == nil && len(l.of) >= l.users:
		return false
	case u == nil:
		u = &userLog{}
		l.of[n] = u
	}
	if len(u.entries) < l.perUser {
		u.entries = append(u.entries, e)
		return true
	}
	u.entries[u.next] = e
	u.next = (u.next + 1) % l.perUser
	return true
}

// Of is a user's log, the newest first.
func (l *Log) Of(n registrar.Number) []Entry {
	u := l.of[n]
	if u == nil {
		return nil
	}
	out := make([]Entry, 0, len(u.entries))
	for i := len(u.entries) - 1; i >= 0; i-- {
		e := u.entries[(u.next+i)%len(u.entries)]
		out = append(out, Entry{Record: *e.record, Outgoing: e.outgoing, Missed: e.missed})
	}
	return out
}

// Drop forgets a user's log and gives how many calls were in it.
func (l *Log) Drop(n registrar.Number) int {
	u := l.of[n]
	if u == nil {
		return 0
	}
	delete(l.of, n)
	return len(u.entries)
}
