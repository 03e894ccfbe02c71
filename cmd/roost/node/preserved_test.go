package node

import (
	"testing"
	"time"

	"roost/signaling/call"
)

// A direct call that nobody hangs up is kept for 120 minutes, and its record says so.
func TestVP4_ADirectCallIsKeptFor120Minutes(t *testing.T) {
	s, out, _ := talking(t, "direct")
	s.crash("london")
	s.serves()
	paris := s.running["paris"]
	paris.reviewStanding(time.Now()) // its time begins, if housekeeping did not come first
	paris.reviewStanding(time.Now().Add(call.PreservedFor - time.Minute))
	if n := len(s.records("paris")); n != 0 {
		t.Errorf("%d records while it is kept", n)
	}
	paris.reviewStanding(time.Now().Add(call.PreservedFor))
	r := s.record("paris", "preserved for too long")
	if r.From.Number != "201" || r.To.Number != "202" || r.Path != "direct" || r.EndedBy != "system" {
		t.Errorf("the record is %+v", r)
	}
	out.moved(s, "paris")
	if m := out.within("BYE", ""); m.status() != 481 {
		t.Errorf("its BYE after that: %s", m.first)
	}
}
