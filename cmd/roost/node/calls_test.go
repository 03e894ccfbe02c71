package node

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"roost/cmd/roost/config"
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
			s.until("london", "the call is shown as talking", func(api.Status) bool {
				list := source{london}.Calls(10)
				return len(list.Calls) == 1 && list.Calls[0].State == "talking"
			})
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
			s.until("london", "the call is in the logs", func(api.Status) bool { return len(source{london}.CallLog("202").Calls) == 1 })
			for number, outgoing := range map[string]bool{"201": true, "202": false} {
				log := source{london}.CallLog(number)
				if len(log.Calls) != 1 || log.Calls[0].Outgoing != outgoing || log.Calls[0].Missed || log.Calls[0].Record.Why != "hung up" || log.Calls[0].Record.Path != c.path {
					t.Errorf("the log of %s is %+v", number, log)
				}
			}
		})
	}
}

// A group's members ring at one system and over the line.
func TestCalls_Groups(t *testing.T) {
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

// What users set: do not disturb, and where their calls go instead.
func TestCalls_ForwardsAndDoNotDisturb(t *testing.T) {
	s := newSite(t)
	london := s.startEdited("london",
		`password: "secret202"`, `password: "secret202", forward: {busy: "203", no_answer: "203", after: 1s}`,
		`password: "secret203"`, `password: "secret203", dnd: true`)
	phones := map[string]*rawPhone{}
	for _, n := range []string{"201", "202", "203"} {
		phones[n] = s.rawPhone(n, "1"+n[1:], "london")
		if status := phones[n].register(); status != 200 {
			t.Fatal(status)
		}
	}
	ada, ben, cora := phones["201"], phones["202"], phones["203"]
	if _, m := ada.call("203"); ada.final(m).status() != 486 {
		t.Errorf("who does not want to be disturbed: %s", m.first)
	}
	s.until("london", "the call is over", func(api.Status) bool { return london.voice.board.Standing() == 0 })
	// A forward to who does not want to be disturbed is busy too.
	_, m := ada.call("202")
	in := ben.rings()
	in.reply(in.invite, 486, "Busy Here", "")
	if ada.final(m).status() != 486 {
		t.Errorf("busy, and forwarded to 203: %s", m.first)
	}
	path := s.write("london")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(path, []byte(strings.Replace(string(text), `password: "secret202"`, `password: "secret202", forward: {no_answer: "203", after: 1s}`, 1)), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if err := london.Reload(c); err != nil {
		t.Fatal(err)
	}
	out, first := ada.call("202")
	in = ben.rings()
	in.reply(in.invite, 180, "Ringing", "")
	cancel := ben.await("CANCEL", func(m rawMessage) bool { return m.request("CANCEL") })
	in.reply(cancel, 200, "OK", "")
	in.reply(in.invite, 487, "Request Terminated", "")
	in = cora.rings()
	in.pickUp()
	out.answered(first)
	talk(t, out, in)
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()
	s.until("london", "the call is in the log", func(api.Status) bool { return len(source{london}.CallLog("203").Calls) == 2 })
	log := source{london}.CallLog("203")
	if len(log.Calls) == 0 || log.Calls[0].Record.Dialled != "202" || !slices.Equal(log.Calls[0].Record.Diverted, []string{"202"}) {
		t.Errorf("the log of 203 is %+v", log)
	}
}

// Hold, and both kinds of transfer, to a phone of the other system.
func TestCalls_HoldAndTransfer(t *testing.T) {
	s := newSite(t)
	ada, eve, london, paris := s.both()
	ben := s.rawPhone("202", "102", "london")
	if status := ben.register(); status != 200 {
		t.Fatal(status)
	}
	t.Run("hold and resume", func(t *testing.T) {
		out, in := connect(t, ada, ben)
		ada.sdp = "a=sendonly\r\n"
		hold := out.asks("INVITE", ada.offer())
		offer := in.offered()
		if m := hold(); m.status() != 200 {
			t.Errorf("hold: %s", m.first)
		}
		in.agreed(offer)
		s.until("london", "the call is held", func(api.Status) bool { return source{london}.Calls(1).Calls[0].State == "held" })
		ada.sdp = ""
		resume := out.asks("INVITE", ada.offer())
		offer = in.offered()
		if m := resume(); m.status() != 200 {
			t.Errorf("resume: %s", m.first)
		}
		in.agreed(offer)
		talk(t, out, in)
		if m := out.within("BYE", ""); m.status() != 200 {
			t.Errorf("BYE: %s", m.first)
		}
		in.hungUp()
	})
	ends := func(c, other *rawCall) {
		t.Helper()
		talk(t, c, other)
		if m := c.within("BYE", ""); m.status() != 200 {
			t.Errorf("BYE: %s", m.first)
		}
		other.hungUp()
		for _, n := range []*Node{london, paris} {
			s.until(n.name, "no call is left", func(st api.Status) bool { return st.Calls.Standing == 0 && st.Counters["calls_legs"] == 0 })
		}
	}
	t.Run("blind", func(t *testing.T) {
		out, in := connect(t, ada, ben)
		if m := in.within("REFER", "", "Refer-To: <sip:251@example.test>"); m.status() != 202 {
			t.Fatalf("REFER: %s", m.first)
		}
		there := eve.rings()
		there.reply(there.invite, 180, "Ringing", "")
		there.reply(there.invite, 200, "OK", eve.offer())
		out.agreed(out.offered())
		ack := eve.await("ACK", func(m rawMessage) bool { return m.request("ACK") })
		if there.peer = there.invite; ack.body != "" {
			there.peer = ack
		}
		in.notified("200")
		in.hungUp()
		ends(out, there)
	})
	t.Run("attended", func(t *testing.T) {
		out, in := connect(t, ada, ben)
		ask, there := connect(t, ben, eve)
		_, toTag, _ := strings.Cut(ask.remote, "tag=")
		_, fromTag, _ := strings.Cut(ask.local, "tag=")
		replaces := fmt.Sprintf("Refer-To: <sip:251@example.test?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", strings.ReplaceAll(ask.callID, "@", "%40"), toTag, fromTag)
		m := in.within("REFER", "", replaces)
		for try := 0; m.status() == 491 && try < 50; try++ { // the ACK of the other call may still be on its way
			m = in.within("REFER", "", replaces)
		}
		if m.status() != 202 {
			t.Fatalf("REFER: %s", m.first)
		}
		// One is asked for an offer, which the other is made.
		first, second := out.offered(), there.offered()
		out.agreed(first)
		there.agreed(second)
		in.notified("200")
		in.hungUp()
		ask.hungUp()
		ends(out, there)
	})
}
