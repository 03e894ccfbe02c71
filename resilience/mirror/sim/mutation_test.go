package sim

import (
	"testing"

	"roost/resilience/mirror/internal/planted"
)

// TestMutation plants bugs and looks for them: a simulator that finds nothing
// must be shown to be able to.
func TestMutation(t *testing.T) {
	for _, m := range []struct {
		name  string
		o     Options
		seeds uint64 // within which it must be found
	}{
		{"expired records are served", Options{Bugs: planted.NoSweep}, 20},
		{"epoch stays at a restart", Options{Bugs: planted.ConstantEpoch}, 20},
		{"tombstone horizon ignored", Options{Bugs: planted.HorizonIgnored}, 60},
		{"snapshot merged instead of swapped", Options{Bugs: planted.SnapshotMerged}, 20},
		{"digest never checked", Options{Bugs: planted.DigestUnchecked}, 120},
		{"gap ignored", Options{Bugs: planted.GapIgnored}, 20},
		{"delete loses to an older write", Options{Bugs: planted.DeleteLoses}, 20},
		{"expiry as wall clock", Options{Bugs: planted.WallClockExpiry}, 20},
		{"pull without a deadline", Options{Bugs: planted.PullWithoutEnd}, 60},
		{"part of a snapshot is visible", Options{Bugs: planted.PartVisible}, 60},
		{"delete leaves no tombstone", Options{Bugs: planted.NoTombstone}, 20},
		{"age of a message forgotten", Options{Bugs: planted.AgeForgotten}, 60},
		{"stale answers are taken", Options{Bugs: planted.StaleAnswer}, 200},
		{"early takeover", Options{Glue: EarlyTakeover, Phones: true}, 40},
		{"guest on both", Options{Glue: GuestOnBoth, Phones: true}, 40},
		{"home keeps what is a guest elsewhere", Options{Glue: HomeKeeps, Phones: true}, 60},
		{"refused in the grace", Options{Glue: RefusedInGrace, Phones: true}, 40},
		{"admitted without a mirror", Options{Glue: MirrorNotAsked, Phones: true}, 60},
		{"guests are never sent home", Options{Glue: NeverSentHome, Phones: true}, 40},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= m.seeds; seed++ {
				m.o.Seed = seed
				if r := Run(m.o); len(r.Violations) > 0 {
					t.Logf("found by seed %d: %s", seed, r.Violations[0])
					return
				}
			}
			t.Errorf("not found in %d seeds", m.seeds)
		})
	}
}

// TestReplay: the same seed is the same run, event for event.
func TestReplay(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		for _, phones := range []bool{false, true} {
			a, b := Run(Options{Seed: seed, Phones: phones}), Run(Options{Seed: seed, Phones: phones})
			if a.Hash != b.Hash || a.Events != b.Events {
				t.Errorf("seed %d, phones %t: %x after %d events, then %x after %d", seed, phones, a.Hash, a.Events, b.Hash, b.Events)
			}
			if c := Run(Options{Seed: seed + 100, Phones: phones}); c.Hash == a.Hash {
				t.Errorf("seeds %d and %d are the same run", seed, seed+100)
			}
		}
	}
}
