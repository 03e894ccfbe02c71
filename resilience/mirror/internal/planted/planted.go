// Package planted names bugs that can be switched on in the mirror, so that the
// simulator's mutation check can show that it would find them. Nothing outside
// the mirror can import it; every bug is off in a running system.
package planted

// Bugs is a set of planted bugs.
type Bugs uint32

// The bugs that can be planted in the mirror.
const (
	NoSweep         Bugs = 1 << iota // expired records are served, and never deleted
	ConstantEpoch                    // a restarted system keeps its epoch
	HorizonIgnored                   // a delta is answered though tombstones were forgotten
	SnapshotMerged                   // a snapshot is put over what was there, not in its place
	DigestUnchecked                  // unequal digests are never noticed
	GapIgnored                       // a delta is applied though others before it were lost
	DeleteLoses                      // a delete does not win over the older write
	WallClockExpiry                  // expiry travels as wall-clock time
	PullWithoutEnd                   // a pull has no deadline
	PartVisible                      // a snapshot is visible before it is complete
	NoTombstone                      // a delete leaves no tombstone
	StaleAnswer                      // an answer to an earlier pull is taken
	AgeForgotten                     // the time a message spent on its way is not taken off the expiry
)

// Has reports whether the bug is planted.
func (b Bugs) Has(bug Bugs) bool { return b&bug != 0 }
