package sip

import (
	"fmt"
	"testing"
	"time"
)

func TestTurnedAway_IsBoundedAndForgets(t *testing.T) {
	table, now := newTurnedAway(), time.Unix(1_000_000, 0)
	for i := range mostTurnedAway + 10 {
		table.add(fmt.Sprint(i), refusal{"Busy", 2, now})
	}
	table.add(fmt.Sprint(mostTurnedAway), refusal{"Busy", 2, now}) // again
	if len(table.of) != mostTurnedAway || len(table.ring) != mostTurnedAway {
		t.Errorf("%d and %d are kept", len(table.of), len(table.ring))
	}
	for key, want := range map[int]bool{0: false, 9: false, 10: true, mostTurnedAway + 9: true} {
		if _, ok := table.find(fmt.Sprint(key), now.Add(31*time.Second)); ok != want {
			t.Errorf("%d is known: %v", key, ok)
		}
	}
	if _, ok := table.find("10", now.Add(turnedAwayFor)); ok {
		t.Error("it is remembered for ever")
	}
}
