package call

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"roost/registrar"
)

// TestPreserved plays the transcripts in testdata/preserved: what a backup does with
// the calls of a home that went down (VP2, VP3, VP4).
func TestPreserved(t *testing.T) {
	datadriven.Walk(t, "testdata/preserved", func(t *testing.T, path string) {
		var b *backup
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "backup" {
				b = &backup{Preserved: NewPreserved("paris", 4)}
			}
			b.t, b.td = t, td
			b.out.Reset()
			for line := range strings.Lines(td.Input) {
				b.line(strings.TrimSpace(line))
			}
			if b.out.Len() == 0 {
				return "(nothing)\n"
			}
			return b.out.String()
		})
	})
}

type backup struct {
	*Preserved
	t   *testing.T
	td  *datadriven.TestData
	out strings.Builder
}

func (b *backup) say(format string, args ...any) { fmt.Fprintf(&b.out, format+"\n", args...) }

// line is a time and what happens: HOME says ID is direct|anchored|ringing, HOME is
// gone|back, HOME drops ID, METHOD from ID/a|b|x.
func (b *backup) line(text string) {
	at, rest, _ := strings.Cut(text, " ")
	when, err := time.Parse("15:04:05", at)
	if err != nil {
		b.td.Fatalf(b.t, "%q: %v", text, err)
	}
	now := storyStart.Truncate(24 * time.Hour).Add(when.Sub(when.Truncate(24 * time.Hour)))
	b.say("%s %s", at, rest)
	b.records(b.Sweep(now))
	w := strings.Fields(rest)
	switch w[1] {
	case "says":
		b.say("  taken: %v", b.Put(mirroredCall(w[0], w[2], w[4], now)))
	case "drops":
		b.Remove(w[0], w[2])
	case "is":
		if w[2] == "gone" {
			b.records(b.Failover(w[0], now))
		} else {
			b.Returned(w[0], now)
		}
	case "from":
		id, side, _ := strings.Cut(w[2], "/")
		verdict, records := b.Request(dialogOf(id, side), w[0], now)
		b.say("  %s", [...]string{"481, nothing known", "200", "481"}[verdict])
		b.records(records)
	case "passes":
	default:
		b.td.Fatalf(b.t, "%s?", rest)
	}
	if next, ok := b.Next(); ok {
		b.say("  %d in the table, next sweep %s", b.Len(), next.Format("15:04:05"))
	} else {
		b.say("  %d in the table", b.Len())
	}
}

func (b *backup) records(all []Record) {
	for _, r := range all {
		b.say("  record %s by %s: %s, %s", r.ID, r.System, recordWords(r), r.Path)
	}
}

func dialogOf(id, side string) DialogID {
	return DialogID{CallID: id + side, ToTag: "home-" + side, FromTag: "phone-" + side}
}

func mirroredCall(home, id, how string, now time.Time) Mirrored {
	m := Mirrored{
		Home: home, ID: id, Direct: how == "direct", Start: now.Add(-5 * time.Second),
		From:    RecordParty{Number: "201", Kind: "phone", System: home},
		To:      RecordParty{Number: "202", Kind: "phone", System: home},
		Dialogs: [2]DialogID{dialogOf(id, "a"), dialogOf(id, "b")},
		Phones:  [2]registrar.Number{"201", "202"},
	}
	if how != "ringing" {
		m.Answer = now
	}
	return m
}
