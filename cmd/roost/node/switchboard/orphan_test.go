package switchboard

import (
	"testing"
	"testing/synctest"
	"time"

	"roost/signaling/call"
)

// Two phones at two systems send to each other, and one of the systems dies: the other
// one, which finds that out by its session timer, sends nothing that ends the call.
func TestVP3_TheOtherSystemsDeathEndsNoDirectCall(t *testing.T) {
	for _, c := range []struct {
		name   string
		direct bool
		cause  call.Cause
		ends   bool
	}{
		{"direct, and nobody answers", true, call.Cause{Status: 408, Phrase: "session timer"}, false},
		{"direct, and the other system was restarted", true, call.Cause{Status: 481, Phrase: "no answer within the call"}, false},
		{"direct, and the other side hung up", true, call.Cause{}, true},
		{"anchored", false, call.Cause{Status: 408, Phrase: "session timer"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, Limits{}, c.direct)
				a := s.call("201", "299")
				b := s.legs.leg("299")
				s.legs.gone[b] = true
				s.LegEvent(call.Ended{Leg: b, Cause: c.cause})
				synctest.Wait()
				if ended := len(toldTo[call.End](s.legs, a)) == 1; ended != c.ends {
					t.Fatalf("201 was told %v", s.legs.did[a])
				}
				if !c.ends {
					s.nextEvents(t, a)
				}
				if err := s.stop(time.Second); err != nil {
					t.Error(err)
				}
				s.empty()
			})
		})
	}
}

// nextEvents are those of the phone whose other end is gone (VP4).
func (s *site) nextEvents(t *testing.T, a call.LegID) {
	t.Helper()
	s.LegEvent(call.Offered{Leg: a, ID: 1, Body: description(a, "a=sendonly\r\n")})
	synctest.Wait()
	if r := toldTo[call.Reply](s.legs, a); len(r) != 1 || r[0].Cause.Status != 481 {
		t.Errorf("a re-INVITE is answered %+v", r)
	}
	s.LegEvent(call.Told{Leg: a, ID: 2, Method: "INFO", Body: call.Body{Type: "x/y", Data: []byte("z")}})
	synctest.Wait()
	if r := toldTo[call.TellReply](s.legs, a); len(r) != 1 || r[0].Status != 481 {
		t.Errorf("INFO is answered %+v", r)
	}
	if s.Calls("201") != 1 {
		t.Error("201 counts as idle")
	}
	s.LegEvent(call.Ended{Leg: a})
	synctest.Wait()
	if r := s.world.records; len(r) != 1 || r[0].EndedBy != "from" || r[0].Why != "hung up" {
		t.Errorf("the record is %+v", r)
	}
	s.empty()
}

// What nobody hangs up is forgotten after two hours, and nobody is told.
func TestVP4_AnOrphanIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, true)
		a := s.call("201", "299")
		s.LegEvent(call.Ended{Leg: s.legs.leg("299"), Cause: call.Cause{Status: 408, Phrase: "session timer"}})
		pass(119 * time.Minute)
		if s.Counters().Standing != 1 {
			t.Fatal("forgotten too early")
		}
		pass(2 * time.Minute)
		if len(toldTo[call.End](s.legs, a)) != 0 {
			t.Errorf("201 was told %v", s.legs.did[a])
		}
		if r := s.world.records; len(r) != 1 || r[0].Why != "preserved for too long" || r[0].Path != "direct" {
			t.Errorf("the record is %+v", r)
		}
		if s.Calls("201") != 0 {
			t.Error("201 is busy for ever")
		}
		s.empty()
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}
