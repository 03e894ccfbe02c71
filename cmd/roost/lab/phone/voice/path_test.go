package voice

import (
	"testing"
	"time"
)

// talk is a voice in virtual time.
type talk struct {
	t    *testing.T
	path Path
	now  time.Time
	said []Change
}

func newTalk(t *testing.T) *talk {
	return &talk{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func (k *talk) note(c Change) {
	if c.Kind != None {
		k.said = append(k.said, c)
	}
}

// frames lets so many frames of a tone come; 0 Hz: frames of silence; below 0:
// nothing comes at all.
func (k *talk) frames(n int, hz float64) {
	for range n {
		k.now = k.now.Add(Frame)
		if hz >= 0 {
			k.note(k.path.Hear(k.now, hz))
		}
		k.note(k.path.Look(k.now))
	}
}

func (k *talk) must(kinds ...Kind) []Change {
	k.t.Helper()
	if len(k.said) != len(kinds) {
		k.t.Fatalf("said %v, want %v", k.said, kinds)
	}
	for i, kind := range kinds {
		if k.said[i].Kind != kind {
			k.t.Fatalf("said %v, want %v", k.said, kinds)
		}
	}
	said := k.said
	k.said = nil
	return said
}

func TestAVoiceWithoutAGap(t *testing.T) {
	k := newTalk(t)
	k.path.Listen(k.now)
	k.frames(3, -1)
	k.frames(500, 700)
	began := k.must(Began)[0]
	if began.For != 80*time.Millisecond || began.Tone != 700 {
		t.Errorf("began %+v", began)
	}
	a := k.path.Account()
	if a.Good != 500 || a.Count != 0 || a.Losses != 0 || !a.LostAt.IsZero() || len(a.Tones) != 1 || a.Tones[0].Frames != 500 {
		t.Errorf("%+v", a)
	}
}

// A gap is as long as the frames that are missing, to the millisecond.
func TestGapsAreMeasured(t *testing.T) {
	for missing, listed := range map[int]bool{1: false, 2: false, 3: true, 7: true, 24: true} {
		k := newTalk(t)
		k.path.Listen(k.now)
		k.frames(50, 700)
		k.must(Began)
		before := k.now
		k.frames(missing, -1)
		k.frames(50, 700)
		a := k.path.Account()
		if !listed {
			k.must()
			if a.Count != 0 {
				t.Errorf("%d frames missing: %+v", missing, a)
			}
			continue
		}
		gap, want := k.must(Gap)[0], time.Duration(missing)*Frame
		if gap.For != want || !gap.At.Equal(before) || a.Count != 1 || a.Longest != want || a.Gaps[0].For != want {
			t.Errorf("%d frames missing: %+v, %+v", missing, gap, a)
		}
	}
}

// Frames of silence, or of the listener's own tone, are packets but no voice.
func TestPacketsAreNoVoice(t *testing.T) {
	for name, hz := range map[string]float64{"silence": 0, "echo": 450} {
		k := newTalk(t)
		k.path.Own = func(hz float64) bool { return hz == 450 }
		k.path.Listen(k.now)
		k.frames(50, 700)
		k.must(Began)
		last := k.now
		k.frames(30, hz)
		lost := k.must(Lost)[0]
		if !lost.At.Equal(last) || lost.For != LostAfter {
			t.Errorf("%s: %+v", name, lost)
		}
	}
}

func TestLostAndBack(t *testing.T) {
	k := newTalk(t)
	k.path.Listen(k.now)
	k.frames(50, 700)
	k.must(Began)
	last := k.now
	k.frames(100, -1)
	k.must(Lost)
	if a := k.path.Account(); !a.LostAt.Equal(last) || a.Losses != 1 {
		t.Errorf("%+v", a)
	}
	if _, hears := k.path.Hears(); hears {
		t.Error("hears what is lost")
	}
	k.frames(1, 700)
	if began := k.must(Began)[0]; began.For != 101*Frame {
		t.Errorf("%+v", began)
	}
	a := k.path.Account()
	if !a.LostAt.IsZero() || a.Losses != 1 || a.Count != 1 || a.Longest != 100*Frame {
		t.Errorf("%+v", a)
	}
}

// What never came is lost from when it was expected on.
func TestNeverHeard(t *testing.T) {
	k := newTalk(t)
	k.path.Listen(k.now)
	began := k.now
	k.frames(99, -1)
	k.must()
	k.frames(1, -1)
	if lost := k.must(Lost)[0]; !lost.At.Equal(began) {
		t.Errorf("%+v", lost)
	}
	if a := k.path.Account(); a.Good != 0 || !a.LostAt.Equal(began) {
		t.Errorf("%+v", a)
	}
}

// Hold is no loss; after it the voice begins anew.
func TestHold(t *testing.T) {
	k := newTalk(t)
	k.path.Listen(k.now)
	k.frames(50, 700)
	k.must(Began)
	k.path.Pause()
	k.frames(500, -1)
	k.must()
	k.path.Listen(k.now)
	k.frames(2, -1)
	k.frames(10, 700)
	if began := k.must(Began)[0]; began.For != 3*Frame {
		t.Errorf("%+v", began)
	}
	if a := k.path.Account(); a.Count != 0 || a.Losses != 0 {
		t.Errorf("%+v", a)
	}
}

// Digits take the voice's place and are no gap; but they do not bring back a
// voice that is lost.
func TestDigitsAreNoGap(t *testing.T) {
	k := newTalk(t)
	k.path.Listen(k.now)
	k.frames(50, 700)
	for range 9 {
		k.now = k.now.Add(Frame)
		k.path.Other(k.now)
	}
	k.frames(50, 700)
	k.must(Began)
	k.frames(30, -1)
	k.must(Lost)
	k.path.Other(k.now)
	if _, hears := k.path.Hears(); hears {
		t.Error("digits brought the voice back")
	}
}

// A transfer: another voice.
func TestAnotherTone(t *testing.T) {
	k := newTalk(t)
	k.path.Listen(k.now)
	k.frames(50, 700)
	k.frames(50, 950)
	said := k.must(Began, Began)
	if said[1].Tone != 950 {
		t.Errorf("%+v", said)
	}
	a := k.path.Account()
	if len(a.Tones) != 2 || a.Tones[1].Frames != 50 {
		t.Errorf("%+v", a)
	}
}

// The account is bounded whatever comes.
func TestTheAccountIsBounded(t *testing.T) {
	k := newTalk(t)
	k.path.Listen(k.now)
	for i := range 200 {
		k.frames(1, float64(300+40*(i%50)))
		k.frames(4, -1)
		k.frames(1, float64(300+40*(i%50)))
	}
	a := k.path.Account()
	if len(a.Gaps) != maxGaps || len(a.Tones) != maxTones || a.Count < 190 {
		t.Errorf("%d gaps of %d, %d tones", len(a.Gaps), a.Count, len(a.Tones))
	}
}
