package call

import (
	"slices"
	"testing"
)

// The order in which refusals of one fork are preferred (RFC 3261 §16.7 step 6).
func TestRFC3261_16_7_BestResponse(t *testing.T) {
	order := []int{603, 486, 484, 488, 480, 404, 408, 302, 500, 503, 0}
	for i, first := range order {
		for _, second := range order[i+1:] {
			for _, pair := range [][2]int{{first, second}, {second, first}} {
				if got := better(Cause{Status: pair[0]}, Cause{Status: pair[1]}); got.Status != first {
					t.Errorf("of %d and %d it is %d", pair[0], pair[1], got.Status)
				}
			}
		}
	}
}

// What a caller is never told.
func TestRefusal_StaysInTheRange(t *testing.T) {
	for status := -1; status < 1000; status++ {
		got := refusal(foreign(Cause{Status: status, Contacts: []string{"sip:x@y"}}))
		if got.Status < 400 || got.Status > 699 || got.Contacts != nil || got.far || slices.Contains([]int{401, 407, 408, 430, 503}, got.Status) {
			t.Fatalf("%d became %+v", status, got)
		}
		if got.why() == "" {
			t.Fatalf("%d has no words", status)
		}
	}
}
