package faults

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// strangersInvite calls from addresses without a password: nothing is kept of it.
func strangersInvite(t *testing.T, s *stage) {
	before := s.london.status().Counters
	for i := range 200 {
		w := s.udp(netip.AddrFrom4([4]byte{127, s.a, byte(i), byte(3 + i%200)}), s.london)
		for n := range 20 {
			text := w.request("INVITE", []string{"203", "262", "112", "999"}[n%4], n+1, w.contact("203"), "Content-Type: application/sdp")
			w.send(strings.Replace(text, "Content-Length: 0\r\n\r\n", "Content-Length: 4\r\n\r\nv=0\r", 1))
		}
		if a, err := w.receive(2 * time.Second); err != nil || a.status != 401 {
			t.Errorf("a stranger's INVITE: %v %s", err, a.text)
		}
		w.close()
	}
	now := s.london.status().Counters
	for _, name := range []string{"sip_calls_in", "calls_invited", "calls_legs", "media_opened"} {
		if now[name] != before[name] {
			t.Errorf("%s went from %v to %v", name, before[name], now[name])
		}
	}
}

// phoneInvites calls from a registered phone as fast as it can: it has as many calls as
// calls.per_phone allows and not one more.
func phoneInvites(t *testing.T, s *stage) {
	const tries, allowed = 300, 8
	all := make([]*request, tries)
	s.mal.challenge = nil
	s.mal.register()
	for i := range all {
		r := s.mal.invitation("262", s.mal.offer())
		r.more = []string{s.mal.proof("INVITE", r.uri)}
		all[i] = r
		s.mal.send(s.mal.write(r))
	}
	began := map[string]bool{} // calls that ring bob
	for len(began) < allowed {
		in := s.bob.rings()
		in.reply(in.peer, 180, "Ringing", "")
		began[in.callID] = true
	}
	refused := 0
	refusal := func(m mail) bool { return m.status >= 400 && strings.HasSuffix(m.cseq(), " INVITE") }
	for {
		m, came := s.mal.within(time.Second, refusal)
		if !came {
			break
		}
		if m.status != 486 && m.status != 401 && m.status != 503 {
			t.Fatalf("one call too many: %s", m.text)
		}
		refused++
		for _, r := range all {
			if r.callID == m.header("Call-ID") {
				s.mal.ackRefusal(r, m)
			}
		}
	}
	// A further INVITE to bob is a new call; those that come again are not.
	s.bob.quiet(300*time.Millisecond, func(m mail) bool { return m.is("INVITE") && !began[m.header("Call-ID")] })
	if st := s.london.status(); st.Calls.Standing > 1+allowed {
		t.Errorf("%d calls stand", st.Calls.Standing)
	}
	if refused < tries-allowed-100 { // bursts over UDP may lose some
		t.Errorf("only %d of %d were refused", refused, tries)
	}
	if lines := strings.Count(s.london.log(), "calls.per_phone"); lines > 10 {
		t.Errorf("%d lines of the log for %d calls", lines, refused)
	}
	for _, r := range all {
		s.mal.send(s.mal.write(&request{method: "CANCEL", uri: r.uri, from: r.from, to: r.to, callID: r.callID, cseq: r.cseq, branch: r.branch}))
	}
	for range allowed {
		cancel := s.bob.await("CANCEL", 10*time.Second, func(m mail) bool { return m.is("CANCEL") })
		c := &deskCall{d: s.bob, local: cancel.header("To") + ";tag=gone"}
		c.reply(cancel, 200, "OK", "")
		invite := cancel
		invite.text = strings.ReplaceAll(invite.text, " CANCEL\r\n", " INVITE\r\n")
		c.reply(invite, 487, "Request Terminated", "")
	}
}

// reinviteStorm offers anew within a call, as fast as it can.
func reinviteStorm(t *testing.T, s *stage) {
	ann, bob := s.connected()
	s.talkBoth(ann, bob, 1)
	body := s.ann.offer()
	all := map[string]*request{}
	for range 300 {
		for _, method := range []string{"INVITE", "UPDATE"} {
			r := ann.asking(method, body)
			s.ann.send(s.ann.write(r))
			all[fmt.Sprintf("%d %s", r.cseq, method)] = r
		}
	}
	reoffers := 0
	for {
		m, came := s.bob.within(700*time.Millisecond, func(m mail) bool { return m.is("INVITE") || m.is("UPDATE") })
		if !came {
			break
		}
		reoffers++
		bob.reply(m, 200, "OK", s.bob.offer())
	}
	if reoffers > 20 {
		t.Errorf("bob got %d new offers for 600", reoffers)
	}
	codes := map[int]int{}
	for {
		m, came := s.ann.within(300*time.Millisecond, func(m mail) bool { return m.status >= 200 && all[m.cseq()] != nil })
		if !came {
			break
		}
		codes[m.status]++
		if r := all[m.cseq()]; r.method == "INVITE" && m.status == 200 {
			ann.ack(r.cseq)
		} else if r.method == "INVITE" {
			s.ann.ackRefusal(r, m)
		}
	}
	for code := range codes {
		if code != 200 && code != 491 && code != 500 && code != 503 {
			t.Errorf("answers to the storm: %v", codes)
		}
	}
	t.Logf("answers to 600 offers: %v; bob got %d", codes, reoffers)
	s.talkBoth(ann, bob, 3000)
	end(ann, bob)
}

// loops are calls that would go round: within a system, between systems, and by what a
// neighbour says.
func loops(t *testing.T, s *stage) {
	if m := s.mal.refused("271", s.mal.offer()); m.status < 400 || m.status == 401 {
		t.Errorf("271 forwards to 272, and 272 to 271: %s", m.text)
	}
	if m := s.mal.refused("273", s.mal.offer()); m.status < 400 || m.status == 401 {
		t.Errorf("273 forwards to 251 at paris, and 251 to 273: %s", m.text)
	}
	last := s.mal.invitation("203", s.mal.offer())
	last.hops = -1 // Max-Forwards: 0
	if m := s.mal.proven(last); m.status != 483 {
		t.Errorf("Max-Forwards 0: %s", m.text)
	} else {
		s.mal.ackRefusal(last, m)
	}
	paris := s.neighbour(t, "paris", 116)
	defer paris.close()
	invite := func(number, hops string, more ...string) string {
		text := paris.request("INVITE", number, 1, append(more, paris.contact("251"), "Content-Type: application/sdp")...)
		text = strings.Replace(text, "Max-Forwards: 70", "Max-Forwards: "+hops, 1)
		body := s.mal.offer()
		return strings.Replace(text, "Content-Length: 0\r\n\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body), 1)
	}
	for name, one := range map[string]struct {
		text   string
		status int
	}{
		"a call that was here":       {invite("203", "60", "X-Roost-Visited: paris/251", "X-Roost-Visited: london/203"), 482},
		"a call with no hop left":    {invite("203", "0"), 483},
		"a call with too many marks": {invite("203", "60", strings.Split(strings.TrimSuffix(strings.Repeat("X-Roost-Visited: rome/1\n", 40), "\n"), "\n")...), 483},
	} {
		paris.send(one.text)
		got := 100
		for got < 180 {
			a, err := paris.receive(5 * time.Second)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = a.status
			if got >= 200 && got < 300 {
				t.Errorf("%s: %s", name, a.text)
			}
		}
		if got != one.status {
			t.Errorf("%s: %d, want %d", name, got, one.status)
		}
	}
}
