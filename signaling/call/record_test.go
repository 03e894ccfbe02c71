package call

import (
	"encoding/json"
	"testing"
	"time"
)

// One line of JSON a call, times with milliseconds in UTC.
func TestRecord_JSON(t *testing.T) {
	at := time.Date(2026, 3, 1, 23, 0, 0, 7_900_000, time.FixedZone("", 3600))
	got, err := json.Marshal(Record{
		ID: "c1", System: "london", Start: Stamp{at}, Answer: Stamp{at.Add(time.Second)}, End: Stamp{at.Add(61 * time.Second)}, Seconds: 60,
		From:    RecordParty{Number: "201", Name: "Ada Ashe", Kind: "phone", System: "london", Guest: true},
		To:      RecordParty{Number: "500", Kind: "system", System: "paris"},
		EndedBy: byFrom, Why: "hung up", Path: "anchored", FromSecurity: "none", ToSecurity: "AES_CM_128_HMAC_SHA1_80",
		FromQuality: &Quality{Packets: 3000, Lost: 2, Jitter: 1.5, MOS: 4.4},
	})
	want := `{"id":"c1","system":"london","start":"2026-03-01T22:00:00.007Z","answer":"2026-03-01T22:00:01.007Z","end":"2026-03-01T22:01:01.007Z",` +
		`"seconds":60,"from":{"number":"201","name":"Ada Ashe","kind":"phone","system":"london","guest":true},"to":{"number":"500","kind":"system","system":"paris"},` +
		`"ended_by":"from","why":"hung up","path":"anchored","from_security":"none","to_security":"AES_CM_128_HMAC_SHA1_80",` +
		`"from_quality":{"packets":3000,"lost":2,"jitter_ms":1.5,"mos":4.4}}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	var back Record
	if err := json.Unmarshal(got, &back); err != nil || !back.End.Equal(time.Date(2026, 3, 1, 22, 1, 1, 7_000_000, time.UTC)) {
		t.Errorf("read back: %v, %v", back.End, err)
	}
	unanswered, _ := json.Marshal(Record{Start: Stamp{at}, End: Stamp{at}, Status: 486})
	var fields map[string]any
	if err := json.Unmarshal(unanswered, &fields); err != nil {
		t.Fatal(err)
	}
	if _, there := fields["answer"]; there || fields["status"] != 486.0 {
		t.Errorf("a call that nobody answered: %s", unanswered)
	}
}

func numbered(id, from, to string, answered bool) Record {
	r := Record{ID: id, From: RecordParty{Number: "201", Kind: from}, To: RecordParty{Number: "202", Kind: to}}
	if answered {
		r.Answer = Stamp{storyStart}
	}
	return r
}

func TestLog_NewestFirstAndBounded(t *testing.T) {
	l := NewLog(3, 2)
	for _, id := range []string{"c1", "c2", "c3", "c4", "c5"} {
		if !l.Add(numbered(id, "phone", "phone", id != "c4")) {
			t.Fatalf("%s found no room", id)
		}
	}
	got := l.Of("202")
	if len(got) != 3 || got[0].Record.ID != "c5" || got[1].Record.ID != "c4" || got[2].Record.ID != "c3" {
		t.Fatalf("got %+v", got)
	}
	if got[0].Missed || !got[1].Missed || got[0].Outgoing || !l.Of("201")[1].Outgoing || l.Of("201")[1].Missed {
		t.Errorf("missed and outgoing: %+v, %+v", got, l.Of("201"))
	}
	third := numbered("c6", "phone", "trunk", true)
	third.From.Number = "203"
	if l.Add(third) || len(l.Of("203")) != 0 {
		t.Error("a third user found room in a log of two")
	}
	if l.Add(numbered("c7", "trunk", "system", true)); len(l.Of("201")) != 3 || l.Of("201")[0].Record.ID != "c5" {
		t.Error("a call of no phone stands in a log")
	}
}

// GU5: at failback a guest's log is dropped, and how much it was is told.
func TestGU5_LogIsDropped(t *testing.T) {
	l := NewLog(0, 0)
	l.Add(numbered("c1", "phone", "phone", true))
	l.Add(numbered("c2", "phone", "trunk", true))
	if n := l.Drop("201"); n != 2 || len(l.Of("201")) != 0 {
		t.Errorf("dropped %d, left %d", n, len(l.Of("201")))
	}
	if n := l.Drop("201"); n != 0 || len(l.Of("202")) != 1 {
		t.Errorf("dropped %d again, the other one has %d", n, len(l.Of("202")))
	}
}
