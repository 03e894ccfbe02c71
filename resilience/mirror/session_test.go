package mirror

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSH1_ADeltaCarriesEveryChangeAtOnce(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	r.put("london", "bind/paris", "201", "here", time.Minute)
	r.want("paris", "london", "bind/paris", "201", "here")
	r.put("london", "bind/paris", "201", "there", time.Minute)
	r.want("paris", "london", "bind/paris", "201", "there")
	r.remove("london", "bind/paris", "201")
	r.want("paris", "london", "bind/paris", "201", "-")
	want := []string{"london bind/paris: added 201", "london bind/paris: changed 201", "london bind/paris: removed 201"}
	if !slices.Equal(r.changes["paris"], want) {
		t.Errorf("changes %q", r.changes["paris"])
	}
	if c := r.sessions["paris"].Counters(); c.DeltasApplied != 3 || c.Gaps != 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestSH2_ExpiryTravelsAsRemainingTimeWhateverTheClocksShow(t *testing.T) {
	london, paris := londonConfig(), parisConfig()
	wall := 3 * time.Hour
	london.Wall = func(now time.Time) time.Time { return now.Add(wall) }
	r := newRig(t, london, paris)
	r.pass(time.Second)
	r.put("london", "bind/paris", "201", "here", time.Minute)
	r.pass(30 * time.Second)
	wall = -time.Hour // its clock steps
	r.put("london", "bind/paris", "202", "here", time.Minute)
	r.pass(29 * time.Second)
	r.want("paris", "london", "bind/paris", "201", "here")
	r.pass(2 * time.Second)
	r.want("paris", "london", "bind/paris", "201", "-")
	r.want("paris", "london", "bind/paris", "202", "here")
	r.wantAlarm("paris", ClockSkew, "london", true)
}

func TestSH2_ExpiryIsEnforcedAndToldWithItsOwnerAway(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	r.put("london", "bind/paris", "201", "here", time.Minute)
	delete(r.sessions, "london")
	r.pass(61 * time.Second)
	r.want("paris", "london", "bind/paris", "201", "-")
	r.pass(3 * time.Second)
	if last := r.changes["paris"]; last[len(last)-1] != "london bind/paris: expired 201" {
		t.Errorf("changes %q", last)
	}
}

func TestSH2_ARestartIsAnotherEpochAndItsSnapshotReplacesAll(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	for i := range 10 {
		r.put("london", "bind/paris", fmt.Sprint(200+i), "old", 0)
	}
	r.boot(londonConfig()) // within the range of versions
	for i := range 10 {
		r.put("london", "bind/paris", fmt.Sprint(205+i), "new", 0)
	}
	r.pass(3 * time.Second)
	for i := range 15 {
		want := "new"
		if i < 5 {
			want = "-"
		}
		r.want("paris", "london", "bind/paris", fmt.Sprint(200+i), want)
	}
}

func TestSH2_AForgottenTombstoneMeansASnapshot(t *testing.T) {
	london := londonConfig()
	london.TombstoneKeep = time.Hour
	r := newRig(t, london, parisConfig())
	r.pass(time.Second)
	for i := range 100 {
		r.put("london", "bind/paris", fmt.Sprint(i), "x", 0)
	}
	for _, away := range []struct {
		long      time.Duration
		snapshots uint64
	}{{50 * time.Minute, 0}, {70 * time.Minute, 1}} {
		before := r.sessions["paris"].Counters().Snapshots
		r.lose = cutFrom("london")
		r.remove("london", "bind/paris", "7")
		r.pass(away.long)
		r.lose = nil
		r.pass(7 * time.Second)
		r.want("paris", "london", "bind/paris", "7", "-")
		r.want("paris", "london", "bind/paris", "8", "x")
		if got := r.sessions["paris"].Counters().Snapshots - before; got != away.snapshots {
			t.Errorf("away for %v: %d snapshots, want %d", away.long, got, away.snapshots)
		}
		r.put("london", "bind/paris", "7", "again", 0)
	}
}

func TestSH3_AGapIsPulledAndTheStateIsTold(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	r.lose = func(_ string, m Send) bool { return m.Subject.Class == Deltas }
	r.put("london", "bind/paris", "201", "lost", 0)
	r.put("london", "bind/paris", "202", "lost", 0)
	r.lose = func(_ string, m Send) bool { return m.Subject.Class == Answers }
	r.put("london", "bind/paris", "203", "after", 0)
	if st := r.status("paris", "london", "bind/paris"); st.InSync || st.Behind != 3 || !st.Complete || !st.Pulling {
		t.Errorf("status %+v", st)
	}
	r.lose = nil
	r.pass(8 * time.Second)
	r.want("paris", "london", "bind/paris", "201", "lost")
	r.want("paris", "london", "bind/paris", "203", "after")
	if st := r.status("paris", "london", "bind/paris"); !st.InSync || st.Behind != 0 {
		t.Errorf("status %+v", st)
	}
	if told := r.states["paris"]; !told[len(told)-1].InSync {
		t.Errorf("told %+v", told)
	}
	if c := r.sessions["paris"].Counters(); c.PullTimeouts == 0 || c.Gaps != 1 {
		t.Errorf("counters %+v", c)
	}
}

func TestSH3_NeverCompleteAndBehindAreAlarmsAfter30s(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.lose = func(_ string, m Send) bool { return m.Subject.Class == Answers }
	r.pass(25 * time.Second)
	r.wantAlarm("paris", NeverComplete, "london bind/paris", false)
	r.pass(10 * time.Second)
	r.wantAlarm("paris", NeverComplete, "london bind/paris", true)
	if text := r.alarms["paris mirror-never-complete london bind/paris"].Text; !strings.Contains(text, "no answer from london within 5s") {
		t.Errorf("text %q", text)
	}
	r.lose = nil
	r.pass(20 * time.Second)
	r.wantAlarm("paris", NeverComplete, "london bind/paris", false)

	r.lose = func(_ string, m Send) bool { return m.Subject.Class == Answers || m.Subject.Class == Deltas }
	r.put("london", "bind/paris", "201", "x", 0)
	r.pass(25 * time.Second)
	r.wantAlarm("paris", BehindLong, "london bind/paris", false)
	r.pass(15 * time.Second)
	r.wantAlarm("paris", BehindLong, "london bind/paris", true)
	r.lose = nil
	r.pass(20 * time.Second)
	r.wantAlarm("paris", BehindLong, "london bind/paris", false)
	r.want("paris", "london", "bind/paris", "201", "x")
}

func TestSH3_AHomeThatWasNeverHeardIsAnAlarm(t *testing.T) {
	r := newRig(t, parisConfig())
	r.pass(29 * time.Second)
	r.wantAlarm("paris", NeverComplete, "london", false)
	r.pass(2 * time.Second)
	r.wantAlarm("paris", NeverComplete, "london", true)
	r.boot(londonConfig())
	r.pass(time.Second)
	r.wantAlarm("paris", NeverComplete, "london", false)
}

func TestSH3_UnequalDigestsFor30sPullASnapshot(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	r.put("london", "bind/paris", "201", "right", 0)
	table := &r.sessions["paris"].Replica("london", "bind/paris").table
	broken := table.records["201"]
	table.digest -= recordHash(r.sessions["london"].cfg.Epoch, broken.version, "201", broken.value)
	broken.value = []byte("wrong")
	table.records["201"] = broken
	r.pass(25 * time.Second)
	r.want("paris", "london", "bind/paris", "201", "wrong")
	r.wantAlarm("paris", DigestDiffers, "london bind/paris", false)
	r.pass(12 * time.Second)
	r.want("paris", "london", "bind/paris", "201", "right")
	if c := r.sessions["paris"].Counters(); c.Snapshots != 4 { // three sets of london, and this
		t.Errorf("counters %+v", c)
	}
	r.pass(10 * time.Second)
	r.wantAlarm("paris", DigestDiffers, "london bind/paris", false)
}

func TestSH3_ASnapshotIsVisibleOnlyWhenItIsWhole(t *testing.T) {
	london, paris := londonConfig(), parisConfig()
	small := Limits{MaxKey: 16, MaxValue: 16, MaxMessage: 700, Window: 1500}
	london.Limits, paris.Limits = small, small
	r := newRig(t, london, paris)
	r.pass(time.Second)
	for i := range 200 {
		r.put("london", "bind/paris", fmt.Sprint(i), "old", 0)
	}
	london.Epoch = 77
	r.boot(london)
	for i := range 200 {
		if err := r.sessions["london"].Store().Put("bind/paris", fmt.Sprint(100+i), []byte("new"), time.Time{}, r.now); err != nil {
			t.Fatal(err)
		}
	}
	answers := 0
	r.lose = func(_ string, m Send) bool {
		if m.Subject.Class == Answers && m.Subject.Set == "bind/paris" {
			answers++
			if old := r.get("paris", "london", "bind/paris", "5"); answers > 4 && old != "old" {
				t.Errorf("after %d parts: old record %q", answers, old)
			}
			return answers == 9 // and a part is lost on the way
		}
		return false
	}
	r.pass(20 * time.Second)
	if answers < 12 {
		t.Errorf("%d parts only", answers)
	}
	r.want("paris", "london", "bind/paris", "5", "-")
	r.want("paris", "london", "bind/paris", "299", "new")
	if n := r.sessions["paris"].Replica("london", "bind/paris").Len(); n != 200 {
		t.Errorf("%d records", n)
	}
}

func TestSH5_ASetIsGivenToItsAudienceOnly(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig(), romeConfig())
	r.pass(time.Second)
	r.put("london", "bind/paris", "201", "secret", 0)
	r.put("london", "dir", "201", "Ada", 0)
	r.want("rome", "london", "dir", "201", "Ada")
	r.want("rome", "london", "bind/paris", "201", "-")
	before := r.sessions["london"].Counters()
	for _, set := range []string{"bind/paris", "guest/rome"} {
		r.step("london", Received{
			Subject: Subject{Class: Pulls, Origin: "london", Peer: "rome", Set: set},
			Payload: appendSince(nil, since{id: 1, window: 1000}),
		})
	}
	after := r.sessions["london"].Counters()
	if after.PullsRefused != before.PullsRefused+2 || after.PullsAnswered != before.PullsAnswered {
		t.Errorf("counters %+v", after)
	}
	r.step("rome", Received{Subject: Subject{Class: Deltas, Origin: "london", Set: "bind/paris"}, Payload: []byte("MM")})
	if c := r.sessions["rome"].Counters(); c.NotForUs != 1 || c.Malformed != 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestTwoSystemsOfOneName(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(20 * time.Second)
	twin, err := NewSession(Config{Self: "london", Epoch: 99, Ready: true}, r.now)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		for _, e := range twin.Step(Announce{}, r.now) {
			m, ok := e.(Send)
			if !ok {
				continue
			}
			r.step("paris", Received{Subject: m.Subject, Payload: m.Payload})
			r.step("london", Received{Subject: m.Subject, Payload: m.Payload})
		}
		r.pass(5 * time.Second)
	}
	r.wantAlarm("paris", TwoOfAName, "london", true)
	r.wantAlarm("london", TwoOfAName, "london", true)
	r.pass(2 * time.Minute)
	r.wantAlarm("paris", TwoOfAName, "london", false)
	r.wantAlarm("london", TwoOfAName, "london", false)
}

func TestAnotherMajorVersionIsAnAlarmAndNoMore(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	beat := Subject{Class: Heartbeats, Origin: "london"}
	r.step("paris", Received{Subject: beat, Payload: []byte{wireMark, wireMajor + 1, 1, 2, 3}})
	r.wantAlarm("paris", OtherProtocol, "london", true)
	r.step("paris", Received{Subject: beat, Payload: []byte("rubbish")})
	r.wantAlarm("paris", Malformed, "london", true)
	if c := r.sessions["paris"].Counters(); c.OtherVersion != 1 || c.Malformed != 1 {
		t.Errorf("counters %+v", c)
	}
	r.pass(70 * time.Second)
	r.wantAlarm("paris", OtherProtocol, "london", false)
	r.wantAlarm("paris", Malformed, "london", false)
}

func TestASetBeyondTheLimitsIsRefusedWithAnAlarm(t *testing.T) {
	paris := parisConfig()
	paris.Limits.MaxRecords = 10
	r := newRig(t, londonConfig(), paris)
	r.pass(time.Second)
	for i := range 12 {
		r.put("london", "bind/paris", fmt.Sprint(i), "x", 0)
	}
	r.wantAlarm("paris", TooLarge, "london bind/paris", true)
	if st := r.status("paris", "london", "bind/paris"); st.InSync || st.Records != 10 {
		t.Errorf("status %+v", st)
	}
	for i := range 6 {
		r.remove("london", "bind/paris", fmt.Sprint(i))
	}
	r.pass(30 * time.Second)
	r.wantAlarm("paris", TooLarge, "london bind/paris", false)
	if st := r.status("paris", "london", "bind/paris"); !st.InSync || st.Records != 6 {
		t.Errorf("status %+v", st)
	}
}

func TestPullsOfOnePeerAreLimitedInRate(t *testing.T) {
	london := londonConfig()
	london.Limits.PullsPerSec = 5
	r := newRig(t, london)
	ask := Received{Subject: Subject{Class: Pulls, Origin: "london", Peer: "paris", Set: Dir}, Payload: appendSince(nil, since{id: 1, window: 100})}
	for range 20 {
		r.step("london", ask)
	}
	if c := r.sessions["london"].Counters(); c.PullsAnswered != 5 || c.PullsRefused != 15 {
		t.Errorf("counters %+v", c)
	}
	r.pass(time.Second)
	r.step("london", ask)
	if c := r.sessions["london"].Counters(); c.PullsAnswered != 6 {
		t.Errorf("counters %+v", c)
	}
}

func TestASystemThatTalksTooMuchFillsNothing(t *testing.T) {
	paris := parisConfig()
	paris.Limits.MaxSystems, paris.Limits.MaxSets = 3, 4
	r := newRig(t, paris)
	for i := range 10 {
		h := Heartbeat{Epoch: 1, Clock: r.now}
		for j := range 10 {
			h.Sets = append(h.Sets, SetState{Set: fmt.Sprintf("s%d/paris", j), Version: 1})
			h.Heard = append(h.Heard, Hearing{System: fmt.Sprintf("rumour%d", j), Epoch: 1})
		}
		r.step("paris", Received{Subject: Subject{Class: Heartbeats, Origin: fmt.Sprintf("system%d", i)}, Payload: appendHeartbeat(nil, &h)})
	}
	s := r.sessions["paris"]
	if len(s.peers) != 3 || len(s.peers["system0"].sets) != 4 {
		t.Errorf("%d systems, %d sets", len(s.peers), len(s.peers["system0"].sets))
	}
	if c := s.Counters(); c.SystemsRefused == 0 || c.SetsRefused == 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestASetThatItsOriginGaveUpGoes(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	r.put("london", "bind/paris", "201", "x", 0)
	r.boot(Config{Self: "london", Ready: true})
	r.pass(30 * time.Second)
	if r.sessions["paris"].Replica("london", "bind/paris") != nil {
		t.Error("the set is still there")
	}
	if last := r.changes["paris"]; last[len(last)-1] != "london bind/paris: removed 201" {
		t.Errorf("changes %q", last)
	}
}

func TestDeltasThatComeDuringAPullAreKeptForItsEnd(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	var kept []Send
	r.lose = func(_ string, m Send) bool {
		if m.Subject.Class == Answers {
			kept = append(kept, Send{m.Subject, slices.Clone(m.Payload)})
		}
		return m.Subject.Class != Pulls
	}
	r.put("london", "bind/paris", "1", "lost", 0)
	r.lose = func(_ string, m Send) bool {
		if m.Subject.Class == Answers {
			kept = append(kept, Send{m.Subject, slices.Clone(m.Payload)})
			return true
		}
		return false
	}
	for i := range 5 {
		r.put("london", "bind/paris", fmt.Sprint(2+i), "x", 0) // the first of them shows the gap
	}
	pulls := r.sessions["paris"].Counters().Pulls
	r.lose = nil
	for _, m := range kept {
		r.step("paris", Received{Subject: m.Subject, Payload: m.Payload})
	}
	for i := range 6 {
		if r.get("paris", "london", "bind/paris", fmt.Sprint(1+i)) == "-" {
			t.Errorf("record %d is missing", 1+i)
		}
	}
	if got := r.sessions["paris"].Counters().Pulls; got != pulls {
		t.Errorf("%d more pulls", got-pulls)
	}
}
