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
			list := source{london}.Calls(10)
			if len(list.Calls) != 1 || list.Calls[0].State != "talking" || list.Calls[0].Path != c.path || list.Calls[0].From.Number != "201" || list.Calls[0].To.Number != "202" {
				t.Errorf("the calls are %+v", list)
			}
			if (list.Calls[0].WhyAnchored == "") != (c.path == "direct") || list.Calls[0].FromSecurity != "none" {
				t.Errorf("the call is %+v", list.Calls[0])
			}
			counts := source{london}.Status().Calls
			if counts.Standing != 1 || counts.Anchored+counts.Direct != 1 || (counts.PortsUsed > 0) != (c.path == "anchored") {
				t.Errorf("the counts are %+v", counts)
			}
			if m := out.within("BYE", ""); m.status() != 200 {
				t.Errorf("BYE: %s", m.first)
			}
			in.hungUp()
			s.until("london", "the call is over", func(st api.Status) bool { return st.Calls.Standing == 0 && st.Counters["calls_legs"] == 0 })
			for number, outgoing := range map[string]bool{"201": true, "202": false} {
				log := source{london}.CallLog(number)
				if len(log.Calls) != 1 || log.Calls[0].Outgoing != outgoing || log.Calls[0].Missed || log.Calls[0].Record.Why != "hung up" || log.Calls[0].Record.Path != c.path {
					t.Errorf("the log of %s is %+v", number, log)
				}
			}
		})
	}
}

// Features that need more than two phones, at one system and over the line.
func TestCalls_GroupsAndForwards(t *testing.T) {
	s := newSite(t)
	s.extra["london"] = "groups:\n  - {number: \"300\", name: Sales, ring: all, members: [\"202\", \"251\"]}\n  - {number: \"301\", ring: order, members: [\"202\", \"251\"], timeout: 1s}\n"
	ada, eve, _, paris := s.both()
	ben := s.rawPhone("202", "102", "london")
	if status := ben.register(); status != 200 {
		t.Fatal(status)
	}
	end := func(out, in *rawCall) {
		t.Helper()
		if m := out.within("BYE", ""); m.status() != 200 {
			t.Errorf("BYE: %s", m.first)
		}
		in.hungUp()
	}
	t.Run("all members ring, also those at the other system; the first to answer has it", func(t *testing.T) {
		out, first := ada.call("300")
		atHome, away := ben.rings(), eve.rings()
		atHome.reply(atHome.invite, 180, "Ringing", "")
		away.reply(away.invite, 180, "Ringing", "")
		away.pickUp()
		out.answered(first)
		cancel := ben.await("CANCEL", func(m rawMessage) bool { return m.request("CANCEL") })
		atHome.reply(cancel, 200, "OK", "")
		atHome.reply(atHome.invite, 487, "Request Terminated", "")
		ben.await("ACK", func(m rawMessage) bool { return m.request("ACK") })
		talk(t, out, away)
		end(out, away)
	})
	t.Run("in order: the second rings when the first did not answer", func(t *testing.T) {
		out, first := ada.call("301")
		one := ben.rings()
		one.reply(one.invite, 180, "Ringing", "")
		cancel := ben.await("CANCEL", func(m rawMessage) bool { return m.request("CANCEL") })
		one.reply(cancel, 200, "OK", "")
		one.reply(one.invite, 487, "Request Terminated", "")
		two := eve.rings()
		two.pickUp()
		out.answered(first)
		end(out, two)
	})
	t.Run("a group's number is known at the other system", func(t *testing.T) {
		s.until("paris", "300 is known", func(api.Status) bool { _, at := paris.known.places("300"); return len(at) == 1 })
		if _, at := paris.known.places("302"); len(at) != 0 {
			t.Error("302 is nobody's")
		}
	})
	t.Run("an unknown number", func(t *testing.T) {
		if _, m := ada.call("999"); ada.final(m).status() != 404 {
			t.Errorf("%s", m.first)
		}
	})
	t.Run("a phone that is not registered", func(t *testing.T) {
		if _, m := ada.call("203"); ada.final(m).status() != 480 {
			t.Errorf("%s", m.first)
		}
	})
}
