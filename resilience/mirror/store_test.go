package mirror

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func newStore(t rapid.TB, change func(*Config)) *Store {
	cfg := Config{Self: "london", Epoch: 7, Sets: []string{"bind/paris"}}
	if change != nil {
		change(&cfg)
	}
	s, err := NewStore(cfg, rigStart)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoreRefusesWhatIsBeyondItsLimits(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Limits.MaxRecords, c.Limits.MaxSets = 2, 2 })
	put := func(set, key string, size int) error {
		return s.Put(set, key, make([]byte, size), time.Time{}, rigStart)
	}
	for _, c := range []struct {
		set, key string
		size     int
		want     error
	}{
		{"bind/rome", "1", 1, ErrNoSet}, {Dir, "", 1, ErrTooBig}, {Dir, strings.Repeat("k", 257), 1, ErrTooBig},
		{Dir, "1", 16<<10 + 1, ErrTooBig}, {Dir, "1", 16 << 10, nil}, {Dir, "2", 1, nil}, {Dir, "3", 1, ErrTooBig}, {Dir, "2", 9, nil},
	} {
		if err := put(c.set, c.key, c.size); !errors.Is(err, c.want) {
			t.Errorf("%s %.5s, %d bytes: %v, want %v", c.set, c.key, c.size, err, c.want)
		}
	}
	if err := s.AddSet("one/more"); !errors.Is(err, ErrTooBig) {
		t.Errorf("third set: %v", err)
	}
	if err := s.AddSet("no.dots/x"); !errors.Is(err, ErrName) {
		t.Errorf("bad name: %v", err)
	}
}

func TestSH2_TombstonesAreKeptForAnHourThenForgotten(t *testing.T) {
	s := newStore(t, nil)
	for i := range 10 {
		if err := s.Put(Dir, fmt.Sprint(i), nil, time.Time{}, rigStart); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(Dir, "3", rigStart); err != nil {
		t.Fatal(err)
	}
	set := s.sets[Dir]
	s.Sweep(rigStart.Add(59 * time.Minute))
	if len(set.entries) != 10 || set.horizon != 0 {
		t.Errorf("after 59 min: %d entries, horizon %d", len(set.entries), set.horizon)
	}
	s.Sweep(rigStart.Add(time.Hour))
	if len(set.entries) != 9 || set.horizon != 11 {
		t.Errorf("after 1 h: %d entries, horizon %d", len(set.entries), set.horizon)
	}
}

func TestTombstonesAreBounded(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Limits.MaxTombstones = 5 })
	for i := range 1000 {
		key := fmt.Sprint(i)
		if err := s.Put(Dir, key, nil, time.Time{}, rigStart); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(Dir, key, rigStart); err != nil {
			t.Fatal(err)
		}
	}
	set := s.sets[Dir]
	if len(set.entries) != 5 || len(set.log) > 200 || len(set.graves) > 200 || set.horizon != 1990 {
		t.Errorf("%d entries, %d in the log, %d graves, horizon %d", len(set.entries), len(set.log), len(set.graves), set.horizon)
	}
}

func TestSH2_ExpiredRecordsAreDeletedByTheirOwner(t *testing.T) {
	s := newStore(t, nil)
	if err := s.Put(Dir, "1", []byte("x"), rigStart.Add(time.Minute), rigStart); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := s.Get(Dir, "1", rigStart.Add(time.Minute)); ok {
		t.Error("read after its expiry")
	}
	s.Sweep(rigStart.Add(time.Minute))
	if st := s.States()[1]; st.Set != Dir || st.Count != 0 || st.Version != 2 || st.Digest != 0 {
		t.Errorf("states %+v", s.States())
	}
}

func TestWritingTheSameAgainChangesNothing(t *testing.T) {
	s := newStore(t, nil)
	for range 3 {
		if err := s.Put(Dir, "1", []byte("x"), rigStart.Add(time.Minute), rigStart); err != nil {
			t.Fatal(err)
		}
	}
	if v := s.Version(Dir); v != 1 {
		t.Errorf("version %d", v)
	}
}

// Whatever is done to a store: its count, bytes and digest are those of its live
// records, its log has each entry once in the order of versions, and a reader that
// applies its deltas, or pulls from any version in windows of any size, ends with
// exactly its live records.
func TestStoreAndReplicaAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStore(t, func(c *Config) { c.TombstoneKeep = 20 * time.Second })
		now := rigStart
		limits := Limits{}.withDefaults()
		reader := NewReplica(Config{}, "london", Dir, rigStart)
		pullAll(t, s, reader, now, 1000)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "key"))
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				if err := s.Delete(Dir, key, now); err != nil {
					t.Fatal(err)
				}
			case 1:
				now = now.Add(time.Duration(rapid.IntRange(1, 15).Draw(t, "seconds")) * time.Second)
				s.Sweep(now)
			case 2: // the reader hears what it has not heard
				s.deltas(now, 700, func(_ string, p []byte) {
					d, err := readDelta(oneFrame(t, p, frameDelta), &limits)
					if err != nil {
						t.Fatal(err)
					}
					switch fit := reader.fits(&d); {
					case fit == fitsGap && d.from <= s.sets[Dir].horizon: // a tombstone was forgotten unpublished
						pullAll(t, s, reader, now, 300)
						return
					case fit != fitsNow && fit != fitsOld:
						t.Fatalf("delta (%d, %d] at %d: %v", d.from, d.to, reader.version, fit)
					}
					if _, err := reader.applyDelta(&d, 0, now); err != nil {
						t.Fatal(err)
					}
				})
			case 3: // or pulls
				pullAll(t, s, reader, now, rapid.IntRange(1, 300).Draw(t, "window"))
			default:
				var expires time.Time
				if rapid.Bool().Draw(t, "expires") {
					expires = now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "lives")) * time.Second)
				}
				if err := s.Put(Dir, key, []byte(fmt.Sprint("v", s.Version(Dir))), expires, now); err != nil {
					t.Fatal(err)
				}
			}
			sound(t, s)
		}
		pullAll(t, s, reader, now, 200)
		agree(t, s, reader, now)
		fresh := NewReplica(Config{}, "london", Dir, rigStart)
		pullAll(t, s, fresh, now, 100)
		agree(t, s, fresh, now)
	})
}

// pullAll is what a session does with an answer that arrives.
func pullAll(t rapid.TB, s *Store, r *Replica, now time.Time, window int) {
	for range 1000 {
		q := since{id: 1, epoch: r.epoch, version: r.version, window: uint64(window)}
		if r.building != nil {
			q.epoch, q.version, q.base, q.building = r.building.epoch, r.building.version, r.building.base, true
		}
		var w welcome
		var e end
		var batches []aged
		s.answer(Dir, q, now, 700, func(p []byte) {
			limits := Limits{}.withDefaults()
			err := frames(p, func(kind byte, body []byte) (err error) {
				var b batch
				switch kind {
				case frameWelcome:
					w, err = readWelcome(body)
				case frameBatch:
					b, err = readBatch(body, &limits)
					batches = append(batches, aged{batch: b})
				case frameEnd:
					e, err = readEnd(body)
				}
				return err
			})
			if err != nil || len(p) > 700 {
				t.Fatalf("part of %d bytes: %v", len(p), err)
			}
		})
		if !r.begin(&w) || e.batches != uint64(len(batches)) {
			t.Fatalf("answer %+v %+v to %+v", w, e, q)
		}
		if _, _, err := r.window(batches, &e, now); err != nil {
			t.Fatal(err)
		}
		if !e.more {
			if r.differs(e.count, e.digest) {
				t.Fatalf("count or digest differ")
			}
			return
		}
	}
	t.Fatalf("no end after 1000 windows")
}

func agree(t rapid.TB, s *Store, r *Replica, now time.Time) {
	have := func(rng func(func(string, []byte, time.Time) bool)) (list []string) {
		rng(func(k string, v []byte, x time.Time) bool {
			list = append(list, fmt.Sprintf("%s=%s until %v", k, v, x.Sub(rigStart)))
			return true
		})
		slices.Sort(list)
		return list
	}
	there := have(func(f func(string, []byte, time.Time) bool) { s.Range(Dir, now, f) })
	here := have(func(f func(string, []byte, time.Time) bool) { r.Range(now, f) })
	if !slices.Equal(here, there) {
		t.Fatalf("reader has %q, writer %q", here, there)
	}
}

func sound(t rapid.TB, s *Store) {
	set := s.sets[Dir]
	live, size, digest, holes, last := 0, 0, uint64(0), 0, uint64(0)
	for _, e := range set.entries {
		if !e.dead {
			live++
			size += len(e.key) + len(e.value)
			digest += recordHash(s.epoch, e.version, e.key, e.value)
		}
	}
	for _, g := range set.log {
		if g.version <= last {
			t.Fatalf("log: version %d after %d", g.version, last)
		}
		last = g.version
		if g.entry == nil {
			holes++
		} else if g.entry.version != g.version {
			t.Fatalf("log: entry %d stands at %d", g.entry.version, g.version)
		}
	}
	if live != set.live || size != set.bytes || digest != set.digest || holes != set.holes || len(set.log)-holes != len(set.entries) {
		t.Fatalf("counted %d live, %d bytes, %d holes of %d; kept %d, %d, %d", live, size, holes, len(set.log), set.live, set.bytes, set.holes)
	}
}

// Nothing here may reach for a network, a clock, a file or a logger: what is
// mirrored is in memory only, and time is an argument.
func TestSH4_TheMirrorIsPure(t *testing.T) {
	forbidden(t, ".", "net", "os", "log", "log/slog", "syscall", "io/ioutil", "math/rand", "math/rand/v2", "crypto/rand")
	forbidden(t, "sim", "net", "os", "log", "log/slog", "syscall")
}
