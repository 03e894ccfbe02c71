package node

import (
	"strings"
	"testing"

	"roost/cmd/roost/console/api"
)

// Two phones of one system: rung, answered, heard both ways through the relay, ended.
func TestCalls_OwnPhoneCallsOwnPhone(t *testing.T) {
	for _, c := range []struct {
		path  string
		extra string
	}{{"anchored", "media: {direct: false}\n"}, {"direct", ""}} {
		t.Run(c.path, func(t *testing.T) {
			s := newSite(t)
			s.extra["london"] = c.extra
			london := s.start("london")
			ada, ben := s.rawPhone("201", "101", "london"), s.rawPhone("202", "102", "london")
			for _, p := range []*rawPhone{ada, ben} {
				if status := p.register(); status != 200 {
					t.Fatalf("%s is registered with %d", p.number, status)
				}
			}
			out, first := ada.call("202")
			in := ben.rings()
			if first.status() >= 300 || !strings.Contains(in.invite.get("From"), "201@") {
				t.Fatalf("%s; 202 was called by %s", first.first, in.invite.get("From"))
			}
			in.reply(in.invite, 180, "Ringing", "")
			in.pickUp()
			out.answered(first)
			if relayed := in.peer.audio().Port() != ada.offerPort(); relayed != (c.path == "anchored") {
				t.Errorf("202 is told to send to %v", in.peer.audio())
			}
			if !hears(t, ada, out.peer.audio(), ben) || !hears(t, ben, in.peer.audio(), ada) {
				t.Error("they do not hear each other")
			}
			st := s.until("london", "the call is shown", func(st api.Status) bool { return london.voice.board.Standing() == 1 })
			_ = st
			if m := out.within("BYE", ""); m.status() != 200 {
				t.Errorf("BYE: %s", m.first)
			}
			in.hungUp()
			s.until("london", "the call is over", func(api.Status) bool { return london.voice.board.Standing() == 0 })
		})
	}
}
