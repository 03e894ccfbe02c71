package faults

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// stage is where calls are attacked: two systems, two phones of london that talk all the
// time, and three desk phones of london's that do as they are told.
type stage struct {
	*site
	london, paris *system
	talk          *talkers
	ann, bob, mal *desk // mal is the one who is up to no good
	before        api.Status
}

// callAttack is one kind of bad input against calls. Each counter must move, and a line
// that matches each pattern must be logged.
type callAttack struct {
	name     string
	do       func(t *testing.T, s *stage)
	counters []string
	lines    []string
}

func callAttacks() []callAttack {
	return []callAttack{
		{"session descriptions that cannot be used", badDescriptions, []string{"calls_media_refused", "sip_invalid"},
			[]string{"a session description was refused"}},
		{"keys that do not fit", badKeys, []string{"calls_media_refused"}, nil},
		{"hold by 0.0.0.0", holdByZero, []string{"media_packets"}, nil},
		{"packets of strangers at the relay's ports", rtpStorm, []string{"media_strange", "media_bad", "media_foreign"},
			[]string{"many packets at a media port were dropped"}},
		{"forged SRTP", forgedSRTP, []string{"media_forged"}, nil},
		{"injection into a call, and bleeding", bleed, []string{"media_strange"}, nil},
		{"INVITEs of strangers", strangersInvite, []string{"sip_challenged"}, nil},
		{"INVITEs of a phone", phoneInvites, []string{"calls_refused_per_phone"}, []string{"calls.per_phone"}},
		{"re-INVITEs without end", reinviteStorm, []string{"sip_leg_overlap"}, nil},
		{"requests within another's call", hijack, []string{"sip_leg_stranger", "sip_leg_elsewhere", "sip_unknown_dialog"}, []string{"it has to prove who it is"}},
		{"ACK, PRACK and CANCEL out of nowhere", outOfNowhere, []string{"sip_unknown_dialog", "sip_no_transaction"}, nil},
		{"transfers to other hosts", transfersAway, nil, nil},
		{"loops", loops, []string{"calls_noted_loop", "calls_noted_hops", "sip_invalid"}, []string{"leads to itself", "came round again"}},
		{"forged identities", forgedIdentities, nil, nil},
		{"certificates where systems call", strangersAtSystems, []string{"flow_closed_handshake_failed", "calls_systems_turned_away"},
			[]string{"turned away where other systems call.*rome has no line here", "TLS handshake failed"}},
		{"WebSockets", badWebSockets, []string{"flow_closed_bad_framing"}, []string{"WebSocket refused"}},
	}
}

// Two phones talk, and others make calls, while calls and media are attacked in each way:
// what is answered is right, it is counted and told, no voice is interrupted, and when it
// is over nothing of it is left.
func TestCallAttacks_CallsGoOnMeanwhile(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	idle := silentAtCalls(t, s)
	defer idle.close()
	for _, attack := range callAttacks() {
		t.Run(attack.name, func(t *testing.T) {
			defer s.on(t)()
			before := s.london.status()
			began := time.Now()
			attack.do(t, s)
			took := time.Since(began)
			until(t, "its counters moved", func() (bool, string) {
				now, still := s.london.status().Counters, []string{}
				for _, name := range attack.counters {
					if value, told := now[name]; !told || value <= before.Counters[name] {
						still = append(still, name)
					}
				}
				return len(still) == 0, "still as before, or not there: " + strings.Join(still, ", ")
			})
			for _, line := range attack.lines {
				s.london.logs(line)
			}
			s.talk.goOn(t)
			s.nothingIsLeft()
			t.Logf("%v; london weighed %d MiB at most", took.Round(time.Millisecond), s.london.memory()>>20)
		})
	}
	t.Run("half-open connections where systems and browsers call", func(t *testing.T) {
		defer s.on(t)()
		idle.callsDropped(t, s)
		s.talk.goOn(t)
	})
}

func newStage(t *testing.T) *stage {
	s := newSite(t)
	london := []string{"201", "202", "203", "204", "261", "262", "263", "271", "272", "273"}
	l, p := s.pair(london, []string{"251", "252"}, func(set *settings) {
		set.rules = "failover_delay: 400s, failback_delay: 40s, homeless_grace: 60s, visible_within: 80s, behind_alarm: 200s, guest_expires: {min: 20s, max: 40s}"
		set.sip = "  listen: [\"udp:5060\", \"tcp:5060\", \"tls:5061\", \"wss:5443\"]\n"
		set.top = "media: {direct: false}\n"
		set.users = map[string]string{
			"271": `, forward: {always: "272"}`, "272": `, forward: {always: "271"}`,
			"273": `, forward: {always: "251"}`, "251": `, forward: {always: "273"}`,
		}
	})
	a := &stage{site: s, london: l, paris: p}
	a.talk = s.talkers("london", [4]string{"201", "202", "203", "204"})
	a.ann, a.bob, a.mal = s.desk("261", s.ip(60), l), s.desk("262", s.ip(61), l), s.desk("263", s.ip(62), l)
	a.before = l.status()
	return a
}

// on has all that fails fail t, until the function returned is called.
func (s *stage) on(t *testing.T) (done func()) {
	before := s.site.t
	set := func(t *testing.T) {
		s.site.t, s.london.t, s.paris.t, s.talk.t, s.ann.t, s.bob.t, s.mal.t = t, t, t, t, t, t, t
	}
	set(t)
	for _, d := range []*desk{s.ann, s.bob, s.mal} { // registrations last a minute
		d.inbox = nil
		if m := d.register(); m.status != 200 {
			t.Fatalf("%s is registered again with %s", d.number, m.text)
		}
	}
	return func() { set(before) }
}

// nothingIsLeft checks that what stands is what stood before all attacks.
func (s *stage) nothingIsLeft() {
	s.t.Helper()
	s.london.until("only the talkers' call stands", func(now api.Status) bool {
		for _, name := range []string{"calls_legs", "media_streams", "media_pairs_taken"} {
			if now.Counters[name] != s.before.Counters[name] {
				return false
			}
		}
		return now.Calls.Standing == 1 && now.Calls.Anchored == 1
	})
	s.paris.until("no call stands", func(now api.Status) bool { return now.Calls.Standing == 0 && now.Counters["calls_legs"] == 0 })
	for _, y := range []*system{s.london, s.paris} {
		c := y.status().Counters
		if panics := c["panics_recovered"] + c["sip_panics"] + c["flow_panics"] + c["calls_panics"]; panics > 0 {
			s.t.Errorf("%v panics at %s", panics, y.name)
		}
		if weighs := y.memory(); weighs > most {
			s.t.Errorf("%s weighed %d MiB", y.name, weighs>>20)
		}
	}
}

// connected has ann call bob; both have answered.
func (s *stage) connected() (ann, bob *deskCall) {
	s.t.Helper()
	r := s.ann.invitation("262", s.ann.offer())
	text := s.ann.write(r)
	if s.ann.challenge != nil {
		r.more = append(r.more, s.ann.proof("INVITE", r.uri))
		text = s.ann.write(r)
	}
	s.ann.send(text)
	bob = s.bob.rings()
	bob.reply(bob.peer, 200, "OK", s.bob.offer())
	m := s.ann.await("200", 10*time.Second, answers(r))
	if m.status != 200 {
		s.t.Fatal(m.text)
	}
	ann = s.ann.up(r, m)
	s.bob.await("ACK", 10*time.Second, func(m mail) bool { return m.is("ACK") && m.header("Call-ID") == bob.callID })
	return ann, bob
}

// talk checks that ann and bob hear each other, and nobody else.
func (s *stage) talkBoth(ann, bob *deskCall, first uint16) {
	s.t.Helper()
	heardBy(s.t, s.ann, ann.peer.audio(), s.bob, 0xa1, first)
	heardBy(s.t, s.bob, bob.peer.audio(), s.ann, 0xb0, first)
}

func end(ann, bob *deskCall) {
	ann.d.t.Helper()
	r := ann.asking("BYE", "")
	ann.d.send(ann.d.write(r))
	bob.hungUp()
	if m := ann.d.await("answer to BYE", 10*time.Second, answers(r)); m.status != 200 {
		ann.d.t.Errorf("BYE: %s", m.text)
	}
}

// own are addresses of london's that no media may be sent to.
func (s *stage) own() []netip.AddrPort {
	return []netip.AddrPort{s.london.at(5060), s.london.at(5061), s.london.at(5443)}
}
