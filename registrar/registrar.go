package registrar

import (
	"iter"
	"time"
)

// Registrar is the location table of one system. It is safe for concurrent use.
// Times must not go backwards by much; use times with Go's monotonic reading,
// so that a step of the wall clock changes no lease.
type Registrar struct{}

// New makes an empty table. now is the origin of its time.
func New(c Config, now time.Time) *Registrar { panic("being written") }

// Configure takes new limits over (a reload). Bindings that exceed them stay.
func (r *Registrar) Configure(c Config) { panic("being written") }

// Register records one REGISTER. On an error nothing that it named has changed;
// Result.Changes may still name what had expired.
func (r *Registrar) Register(u Update, now time.Time) (Result, error) { panic("being written") }

// RegisterInto is Register for the hot path: it reuses the slices of res, so
// that the refresh of an unchanged binding allocates nothing.
func (r *Registrar) RegisterInto(u *Update, now time.Time, res *Result) error {
	panic("being written")
}

// Repeats reports whether the update is a retransmission of the REGISTER that
// set the standing bindings, and if so what was answered. It changes nothing.
func (r *Registrar) Repeats(u *Update, now time.Time) (Result, bool) { panic("being written") }

// Lookup is the phone's bindings that stand at now, in the order in which to
// try them: devices by preference (q) and then the newest first; the flows of
// one device next to each other, the newest first.
func (r *Registrar) Lookup(n Number, now time.Time) []Registration { panic("being written") }

// Ring takes what Lookup returned and keeps the first flow of each device: two
// flows of one instance ring once (RFC 5626 section 6). The others are for when
// it answers 430.
func Ring(all []Registration) []Registration { panic("being written") }

// FlowClosed removes the bindings of a flow that ended.
func (r *Registrar) FlowClosed(f FlowID, now time.Time) []Change { panic("being written") }

// Sweep removes what has expired. Call it every second or so.
func (r *Registrar) Sweep(now time.Time) []Change { panic("being written") }

// DropGuest removes a guest; nil if the phone is not a guest here.
func (r *Registrar) DropGuest(n Number, why Reason, now time.Time) []Change { panic("being written") }

// Drop removes all bindings of a phone.
func (r *Registrar) Drop(n Number, why Reason, now time.Time) []Change { panic("being written") }

// Guests are the guests that stand at now, ordered by number.
func (r *Registrar) Guests(now time.Time) []Guest { panic("being written") }

// All iterates over the bindings that stand at now, for status and for sharing
// them anew. The table may change meanwhile; a binding that stands throughout is
// seen exactly once. No lock is held while the loop's body runs.
func (r *Registrar) All(now time.Time) iter.Seq[Registration] { panic("being written") }

// Count is how many are registered.
func (r *Registrar) Count() Counts { panic("being written") }
