package node

import (
	"strings"
	"testing"
)

// What goes beyond basic calls is refused to a guest clearly, and only to a guest; the
// record says that it was one.
func TestGU4_WhatIsNotForGuestsIsRefused(t *testing.T) {
	s, ada, eve := failedOver(t, func(s *site) { s.extra["paris"] = "calls: {records: paris.calls}\n" })
	s.crash("london")
	s.guest(ada)
	out, in := connect(t, ada, eve)
	if m := out.within("MESSAGE", "hello"); m.status() != 403 {
		t.Errorf("a guest's text message: %s", m.first)
	}
	if n := s.running["paris"].voice.board.Noted()["guest_refused"]; n != 1 {
		t.Errorf("%d are counted", n)
	}
	answer := in.asks("MESSAGE", "hello")
	there := ada.await("a text message", func(m rawMessage) bool { return strings.HasPrefix(m.first, "MESSAGE ") })
	out.reply(there, 200, "OK", "")
	if m := answer(); m.status() != 200 {
		t.Errorf("a text message to a guest: %s", m.first)
	}
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()
	if r := s.record("paris", "hung up"); !r.From.Guest || r.To.Guest {
		t.Errorf("the record is %+v", r)
	}
}
