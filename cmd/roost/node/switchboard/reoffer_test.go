package switchboard

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/signaling/call"
)

// Only the answer shows that who answers is behind a NAT: the two are asked anew, and
// their media is anchored.
func TestVP1_AnAnswerFromBehindANATIsAnchored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, true)
		s.legs.sdp = "c=IN IP4 10.9.9.9\r\n"
		a := s.call("201", "202")
		synctest.Wait()
		list := s.List(10)
		if len(list) != 1 || list[0].State != call.Talking || list[0].PathName() != "anchored" {
			t.Fatalf("the calls are %+v", list)
		}
		if offers := toldTo[call.Offer](s.legs, a); len(offers) != 1 || !offers[0].Body.Empty() {
			t.Errorf("201 was told %v", s.legs.did[a])
		}
		b := s.legs.leg("202")
		if offers := toldTo[call.Offer](s.legs, b); len(offers) != 1 || !strings.Contains(string(offers[0].Body.Data), "198.51.100.1") {
			t.Errorf("202 was told %v", s.legs.did[b])
		}
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
		s.empty()
	})
}
