package mirror

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func fullHeartbeat() *Heartbeat {
	return &Heartbeat{
		System: "london", Epoch: 1 << 60, UpFor: 90 * time.Minute, Clock: time.UnixMilli(1_790_000_000_123), Ready: true,
		Protocol: 1, BackWithin: 5 * time.Minute,
		Sets:     []SetState{{"bind/paris", 300, 20, 1 << 63}, {"dir", 1, 1, 7}},
		Heard:    []Hearing{{"paris", 4, time.Hour, 3 * time.Second}},
		Wants:    map[string]string{"paris": "phones", "rome": ""},
		Compared: map[string]string{"media.security": "enforced"},
	}
}

// oneFrame is the body of the only frame of a payload.
func oneFrame(t rapid.TB, payload []byte, kind byte) []byte {
	t.Helper()
	var body []byte
	if err := frames(payload, func(k byte, b []byte) error {
		if k == kind {
			body = b
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestHeartbeatReadsBack(t *testing.T) {
	want := fullHeartbeat()
	got, err := readHeartbeat(oneFrame(t, appendHeartbeat(nil, want), frameHeartbeat), "london")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A later minor version adds frames, fields at the end of bodies, and fields at
// the end of a list's elements. All of them are skipped.
func TestWhatALaterMinorVersionAddsIsSkipped(t *testing.T) {
	payload, body := beginFrame(appendHeader(nil), 200)
	payload = endFrame(append(payload, "a frame of the future"...), body)
	beat := appendHeartbeat(nil, fullHeartbeat())
	payload = append(payload, beat[headerSize:]...)
	payload = append(payload, "a field of the future"...)
	lengthAt := len(payload) - len("a field of the future") - len(oneFrame(t, beat, frameHeartbeat)) - 4
	binary.BigEndian.PutUint32(payload[lengthAt:], uint32(len(payload)-lengthAt-4))
	got, err := readHeartbeat(oneFrame(t, payload, frameHeartbeat), "london")
	if err != nil || !reflect.DeepEqual(got, fullHeartbeat()) {
		t.Errorf("heartbeat: %+v, %v", got, err)
	}

	e := entry{key: "201", value: []byte("x"), version: 5, expires: int64(time.Minute)}
	record := append(appendRecord(nil, &e, 0), "future"...)
	record[0] += byte(len("future"))
	limits := Limits{}.withDefaults()
	rr := recordReader{f: field{b: slices.Concat(record, appendRecord(nil, &e, 0))}, limits: &limits}
	var w wireRecord
	for i := range 2 {
		if !rr.next(&w) || string(w.key) != "201" || string(w.value) != "x" || w.remain != time.Minute || w.version != 5 {
			t.Errorf("record %d: %+v", i, w)
		}
	}
	if rr.next(&w) || rr.f.bad {
		t.Error("a third record, or a malformed one")
	}
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	good := appendHeartbeat(nil, fullHeartbeat())
	none := func(byte, []byte) error { return nil }
	for i := range len(good) - 1 {
		if err := frames(good[:i+1], none); i+1 > headerSize && !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", i+1, err)
		}
	}
	body := oneFrame(t, good, frameHeartbeat)
	for i := range len(body) {
		if _, err := readHeartbeat(body[:i], "london"); !errors.Is(err, ErrMalformed) {
			t.Errorf("body cut to %d bytes: %v", i, err)
		}
	}
	if err := frames([]byte{wireMark, 9}, none); !errors.Is(err, ErrVersion) {
		t.Errorf("other version: %v", err)
	}
	limits := Limits{}.withDefaults()
	d := delta{epoch: 1, from: 5, to: 5}
	head, block := beginBlock(appendDeltaHead(nil, &d))
	if _, err := readDelta(endFrame(head, block), &limits); !errors.Is(err, ErrMalformed) {
		t.Errorf("empty delta: %v", err)
	}
}

// What a message says of its own lengths must not make the reader allocate.
func TestAllocationIsBoundedByTheMessage(t *testing.T) {
	body := binary.BigEndian.AppendUint64(nil, 1)
	body = append(body, 1, 1, 1, 1, 0)
	body = binary.AppendUvarint(body, 1<<40) // sets
	if allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := readHeartbeat(body, "x"); err == nil {
				b.Fatal("was read")
			}
		}
	}).AllocedBytesPerOp(); allocated > 1024 {
		t.Errorf("%d bytes for a message of %d", allocated, len(body))
	}
}

// FuzzReceived throws anything at a session that is in the middle of things: it
// must not panic, must not keep more than its limits, and what it shows must
// agree with what it counts.
func FuzzReceived(f *testing.F) {
	store, err := NewStore(londonConfig(), rigStart)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 5 {
		if err := store.Put("bind/paris", string(rune('a'+i)), []byte("value"), rigStart.Add(time.Hour), rigStart); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(uint8(Heartbeats), appendHeartbeat(nil, fullHeartbeat()))
	store.deltas(rigStart, 4096, func(_ string, p []byte) { f.Add(uint8(Deltas), p) })
	store.answer("bind/paris", since{id: 1, window: 1000}, rigStart, 4096, func(p []byte) { f.Add(uint8(Answers), p) })
	f.Add(uint8(Pulls), appendSince(nil, since{id: 9, epoch: 5, version: 3, window: 1 << 40}))
	f.Add(uint8(Answers), appendEnd(appendHeader(nil), end{id: 1, version: 9}))
	f.Fuzz(func(t *testing.T, class uint8, payload []byte) {
		cfg := parisConfig()
		cfg.Limits = Limits{MaxRecords: 8, MaxBytes: 1 << 10, MaxSets: 4, MaxSystems: 4}
		r := newRig(t, londonConfig(), cfg)
		r.pass(time.Second)
		r.put("london", "bind/paris", "201", "x", 0)
		s := r.sessions["paris"]
		m := s.peers["london"].sets["bind/paris"]
		m.gap = true
		r.lose = func(string, Send) bool { return true }
		r.step("paris", Tick{}) // a pull is under way, with an id that an attacker cannot know
		if m.pull != nil {
			m.pull.id = 1 // but this one does
		}
		for range 2 {
			sub := Subject{Class: Class(class%5 + 1), Origin: "london", Set: "bind/paris"}
			if sub.Class == Pulls {
				sub = Subject{Class: Pulls, Origin: "paris", Peer: "london", Set: "guest/london"}
			}
			r.step("paris", Received{Subject: sub, Payload: bytes.Clone(payload)})
			r.pass(10 * time.Second)
		}
		for _, p := range s.peers {
			for _, m := range p.sets {
				table := m.replica.table
				size, digest := 0, uint64(0)
				for k, rec := range table.records {
					size += len(k) + len(rec.value)
					digest += recordHash(m.replica.epoch, rec.version, k, rec.value)
				}
				if size != table.bytes || digest != table.digest || len(table.records) > 8 || size > 1<<10 {
					t.Errorf("%s: %d records, %d bytes (counted %d)", m.set, len(table.records), size, table.bytes)
				}
			}
		}
	})
}
