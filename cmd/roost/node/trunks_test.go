package node

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"roost/cmd/roost/config"
	"roost/cmd/roost/console/api"
)

func trunkState(st api.Status, name string) api.Trunk {
	for _, t := range st.Trunks {
		if t.Name == name {
			return t
		}
	}
	return api.Trunk{}
}

func (s *site) trunkIs(system, name, state string) api.Status {
	s.t.Helper()
	return s.until(system, "trunk "+name+" is "+state, func(st api.Status) bool { return trunkState(st, name).State == state })
}

func standsAlarm(st api.Status, kind, subject string) bool {
	for _, a := range st.Alarms {
		if a.Kind == kind && a.Subject == subject {
			return true
		}
	}
	return false
}

// A system registers with its carrier, which asks for credentials each time; calls go out
// and come in, by number patterns, with the trunk's own number as the caller; at the end
// the registration is taken back.
func TestTrunk_RegistersAndCallsBothWays(t *testing.T) {
	s := newSite(t)
	c := s.carrier("201", "london")
	c.wants("geheim")
	s.extra["london"] = fmt.Sprintf(`trunks:
  - name: carrier
    peer: "%s201:%d"
    realm: carrier.test
    register: true
    user: "4930123"
    password: geheim
    caller_id: "+4930123"
    out: [{match: "0X.", strip: 1, prepend: "+49"}, {match: "00X.", strip: 2, prepend: "+"}]
    in: [{match: "+4930123XXX", strip: 8}]
`, s.net, c.port())
	london := s.start("london")
	st := s.trunkIs("london", "carrier", "up")
	if tr := trunkState(st, "carrier"); tr.Registration != "registered" || tr.RegisteredUntil == nil || standsAlarm(st, "trunk-down", "carrier") {
		t.Errorf("%+v", tr)
	}
	line := c.registered()
	if !strings.HasPrefix(line, "sip:t") || strings.Contains(line, "4930123") || c.wrongs() != 0 {
		t.Fatalf("registered as %s, %d wrong", line, c.wrongs())
	}
	ada := s.rawPhone("201", "101", "london")
	if status := ada.register(); status != 200 {
		t.Fatal(status)
	}

	// Out: 0049… by the longer pattern, and with credentials where they are asked for.
	out, first := ada.call("0044123", "Privacy: id")
	in := c.rings()
	if !strings.HasPrefix(in.invite.first, "INVITE sip:+44123@carrier.test ") || in.invite.get("Proxy-Authorization") != "" {
		t.Errorf("out: %s", in.invite.first)
	}
	in.p.send(in.invite.answer(407, "", `Proxy-Authenticate: Digest realm="edge", nonce="n407", qop="auth", algorithm=MD5`))
	in = c.rings()
	if !in.invite.proves("INVITE", "geheim") || !strings.Contains(in.invite.get("CSeq"), "2 INVITE") {
		t.Errorf("the challenged INVITE comes as %s, %s", in.invite.get("CSeq"), in.invite.get("Proxy-Authorization"))
	}
	if from, id := in.invite.get("From"), in.invite.get("P-Asserted-Identity"); !strings.Contains(from, "anonymous.invalid") || !strings.Contains(id, "sip:+4930123@carrier.test") || in.invite.get("Privacy") != "id" {
		t.Errorf("a private caller is shown as %s, asserted %s", from, id)
	}
	in.reply(in.invite, 180, "Ringing", "")
	in.pickUp()
	out.answered(first)
	talk(t, out, in)
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()

	// In, to the contact that was registered, from anywhere: who is called stands in To.
	elsewhere := s.carrier("202", "london")
	call, ringing := elsewhere.calls(line, "+4930123201", "+4989777")
	there := ada.rings()
	if !strings.Contains(there.invite.get("From"), "+4989777") {
		t.Errorf("201 sees the caller as %s", there.invite.get("From"))
	}
	there.reply(there.invite, 180, "Ringing", "")
	there.pickUp()
	call.answered(ringing)
	talk(t, call, there)
	if m := call.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	there.hungUp()
	// In, from the server's address, to a number.
	call, ringing = c.calls("sip:+4930123201@"+s.address("london"), "x", "+4989777")
	there = ada.rings()
	there.pickUp()
	call.answered(ringing)
	if m := there.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	call.hungUp()

	// What the trunk may not call, and whoever is no trunk.
	if _, m := c.calls("sip:+4930999201@example.test", "x", "+4989777"); c.final(m).status() != 404 {
		t.Errorf("a number that the patterns do not have: %s", m.first)
	}
	if _, m := c.calls("sip:+49301230044123@example.test", "x", "+4989777"); c.final(m).status() != 404 {
		t.Errorf("from outside through us to outside: %s", m.first)
	}
	before := london.counters()["sip_challenged"]
	if _, m := elsewhere.calls("sip:+4930123201@example.test", "x", "+4930123", "P-Asserted-Identity: <sip:+4930123@carrier.test>"); m.status() != 401 {
		t.Errorf("a stranger who calls himself the carrier: %s", m.first)
	}
	counters := london.counters()
	if counters["sip_challenged"] != before+1 || counters["trunk_calls_refused"] < 1 || counters["trunk_registers"] < 2 {
		t.Errorf("counted %v challenges more, %v refused, %v REGISTERs", counters["sip_challenged"]-before, counters["trunk_calls_refused"], counters["trunk_registers"])
	}
	s.stop("london")
	taken := c.got()
	if last := taken[len(taken)-1]; last.get("Expires") != "0" || c.registered() != "" {
		t.Errorf("the last REGISTER: %s", last.get("Expires"))
	}
}

// The first SRV target refuses calls, then is dead altogether: calls go to the second,
// and the trunk stays up; both dead is an alarm, which clears.
func TestTrunk_RFC3263_4_3_FailoverToTheSecondServer(t *testing.T) {
	s := newSite(t)
	first, second := s.carrier("201", "london"), s.carrier("202", "london")
	s.extra["london"] = "trunks:\n  - {name: carrier, peer: carrier.test, srv: true, out: [{match: \"0.\"}]}\n"
	london := s.startWith("london", names(t, s.srv(first, second)...))
	st := s.trunkIs("london", "carrier", "up")
	if tr := trunkState(st, "carrier"); len(tr.Servers) != 2 || tr.Server != first.at() {
		t.Fatalf("%+v", tr)
	}
	ada := s.rawPhone("201", "101", "london")
	if status := ada.register(); status != 200 {
		t.Fatal(status)
	}
	dials := func(to *carrier) {
		t.Helper()
		out, m := ada.call("0301")
		in := to.rings()
		if !strings.HasPrefix(in.invite.first, "INVITE sip:0301@carrier.test ") {
			t.Errorf("%s", in.invite.first)
		}
		in.pickUp()
		out.answered(m)
		if m := out.within("BYE", ""); m.status() != 200 {
			t.Errorf("BYE: %s", m.first)
		}
		in.hungUp()
	}
	dials(first)
	// 503 to one call: it is tried at the other server at once.
	out, m := ada.call("0301")
	refused := first.rings()
	first.send(refused.invite.answer(503, ""))
	in := second.rings()
	in.pickUp()
	out.answered(m)
	if m := in.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	out.hungUp()
	if london.counters()["trunk_calls_failed"] != 1 {
		t.Errorf("%v calls failed at a server", london.counters()["trunk_calls_failed"])
	}
	// Silence: within the patience of a call that has another way.
	first.be("silent")
	dials(second)
	s.until("london", "the first server is avoided", func(st api.Status) bool {
		tr := trunkState(st, "carrier")
		return tr.State == "up" && tr.Servers[0].Avoided && tr.Server == second.at()
	})
	second.be("503")
	st = s.until("london", "the alarm", func(st api.Status) bool { return standsAlarm(st, "trunk-down", "carrier") })
	if tr := trunkState(st, "carrier"); tr.State != "down" || tr.Why == "" {
		t.Errorf("%+v", tr)
	}
	first.be("")
	s.until("london", "the alarm is cleared", func(st api.Status) bool {
		return trunkState(st, "carrier").State == "up" && !standsAlarm(st, "trunk-down", "carrier")
	})
	dials(first)
}

// A wrong password is an alarm that says so, and one attempt.
func TestTrunk_AWrongPasswordIsAnAlarm(t *testing.T) {
	s := newSite(t)
	c := s.carrier("201", "london")
	c.wants("geheim")
	s.extra["london"] = fmt.Sprintf("trunks:\n  - {name: carrier, peer: \"%s201:%d\", register: true, user: \"4930123\", password: falsch}\n", s.net, c.port())
	s.start("london")
	st := s.until("london", "the alarm", func(st api.Status) bool { return standsAlarm(st, "trunk-down", "carrier") })
	tr := trunkState(st, "carrier")
	if tr.Registration != "refused" || !strings.Contains(tr.Why, "user or password is wrong") || strings.Contains(tr.Why, "falsch") {
		t.Errorf("%+v", tr)
	}
	if c.wrongs() != 1 {
		t.Errorf("%d REGISTERs with a wrong password", c.wrongs())
	}
	// The next attempt is far off; a reload that alters the trunk begins anew.
	c.wants("falsch")
	s.extra["london"] = strings.Replace(s.extra["london"], "name: carrier,", "name: carrier, expires: 20m,", 1)
	if err := s.running["london"].Reload(s.load("london")); err != nil {
		t.Fatal(err)
	}
	s.until("london", "registered", func(st api.Status) bool {
		return trunkState(st, "carrier").Registration == "registered" && !standsAlarm(st, "trunk-down", "carrier")
	})
}

// Of two trunks that have a number the one with the longer pattern takes it; where that
// refuses, the other; a number that no trunk has is none.
func TestTrunk_TheLongestPatternFirst(t *testing.T) {
	s := newSite(t)
	any, gb := s.carrier("201", "london"), s.carrier("202", "london")
	s.extra["london"] = fmt.Sprintf(`trunks:
  - {name: any, peer: "%[1]s201:%[2]d", out: [{match: "0.", strip: 1}]}
  - {name: gb, peer: "%[1]s202:%[3]d", out: [{match: "0044X.", strip: 4}]}
`, s.net, any.port(), gb.port())
	s.start("london")
	s.trunkIs("london", "gb", "up")
	ada := s.rawPhone("201", "101", "london")
	if status := ada.register(); status != 200 {
		t.Fatal(status)
	}
	_, m := ada.call("004420")
	in := gb.rings()
	if !strings.HasPrefix(in.invite.first, "INVITE sip:20@") {
		t.Errorf("%s", in.invite.first)
	}
	gb.send(in.invite.answer(500, ""))
	in = any.rings()
	if !strings.HasPrefix(in.invite.first, "INVITE sip:04420@") {
		t.Errorf("%s", in.invite.first)
	}
	any.send(in.invite.answer(486, ""))
	if m = ada.final(m); m.status() != 486 {
		t.Errorf("the caller is told %s", m.first)
	}
	if _, m := ada.call("9"); ada.final(m).status() != 404 {
		t.Errorf("a number that no trunk has: %s", m.first)
	}
}

// A user's forward leads a call that came in over a trunk out again, and so does a group's;
// the number that the trunk dialled is translated once.
func TestTrunk_AForwardLeadsOutAgain(t *testing.T) {
	s := newSite(t)
	c := s.carrier("201", "london")
	s.extra["london"] = fmt.Sprintf("groups:\n  - {number: \"300\", ring: all, members: [\"201\"]}\n"+
		"trunks:\n  - {name: carrier, peer: \"%s201:%d\", out: [{match: \"0.\"}], in: [{match: \"5X.\", strip: 1}]}\n"+
		"emergency: {numbers: [\"112\"], routes: [{trunk: carrier}]}\n", s.net, c.port())
	london := s.start("london")
	s.trunkIs("london", "carrier", "up")
	ada := s.rawPhone("201", "101", "london")
	if status := ada.register(); status != 200 {
		t.Fatal(status)
	}
	// By way of the group, whose member does not match the trunk's pattern.
	call, m := c.calls("sip:5300@example.test", "x", "089777")
	in := ada.rings()
	in.pickUp()
	call.answered(m)
	if m := call.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()

	path := s.write("london")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forwarding, err := config.Parse(path, []byte(strings.Replace(string(text), `password: "secret202"`, `password: "secret202", forward: {always: "0301"}`, 1)), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if err := london.Reload(forwarding); err != nil {
		t.Fatal(err)
	}
	call, m = c.calls("sip:5202@example.test", "x", "089777")
	out := c.rings()
	if !strings.HasPrefix(out.invite.first, "INVITE sip:0301@") || !strings.Contains(out.invite.get("From"), "089777") || !strings.Contains(out.invite.get("Diversion"), "202") {
		t.Errorf("forwarded as %s from %s, diverted by %s", out.invite.first, out.invite.get("From"), out.invite.get("Diversion"))
	}
	out.pickUp()
	call.answered(m)
	talk(t, call, out)
	if m := call.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	out.hungUp()
	// Who dials 0301 himself from outside does not get out.
	if _, m := c.calls("sip:50301@example.test", "x", "089777"); c.final(m).status() != 404 {
		t.Errorf("from outside to outside: %s", m.first)
	}
	if _, m := c.calls("sip:5112@example.test", "x", "089777"); c.final(m).status() != 404 {
		t.Errorf("from outside to 112: %s", m.first)
	}
}

// A roost registers at another as if it were a phone of it, and calls go both ways: the
// registrar and the phones' side of that one ask for credentials like any carrier's.
func TestTrunk_AnotherRoostIsTheCarrier(t *testing.T) {
	s := newSite(t)
	s.phonesAt["paris"] = []string{"251", "252"}
	s.extra["london"] = fmt.Sprintf(`trunks:
  - name: paris
    peer: "%s:5060"
    realm: example.test
    register: true
    user: "251"
    password: secret251
    caller_id: "251"
    out: [{match: "9X.", strip: 1}]
    in: [{match: "251", strip: 3, prepend: "201"}]
`, s.address("paris"))
	s.start("paris")
	s.start("london")
	st := s.trunkIs("london", "paris", "up")
	if tr := trunkState(st, "paris"); tr.Registration != "registered" {
		t.Fatalf("%+v", tr)
	}
	ada, eve := s.rawPhone("201", "101", "london"), s.rawPhone("252", "152", "paris")
	for _, p := range []*rawPhone{ada, eve} {
		if status := p.register(); status != 200 {
			t.Fatal(status)
		}
	}
	out, first := ada.call("9252")
	in := eve.rings()
	if !strings.Contains(in.invite.get("From"), "sip:251@") {
		t.Errorf("252 sees the caller as %s", in.invite.get("From"))
	}
	in.pickUp()
	out.answered(first)
	talk(t, out, in)
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()
	out, first = eve.call("251")
	in = ada.rings()
	if !strings.Contains(in.invite.get("From"), "sip:252@") {
		t.Errorf("201 sees the caller as %s", in.invite.get("From"))
	}
	in.pickUp()
	out.answered(first)
	talk(t, out, in)
	if m := in.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	out.hungUp()
	s.stop("london")
	s.until("paris", "the registration was taken back", func(st api.Status) bool { return st.Phones.Registered == 1 })
}

// emergencyOver is the configuration of a system with trunks of these servers, the first
// for the attic, the second for all.
func (s *site) emergencyOver(servers ...*carrier) string {
	text := "calls: {max: 1, per_phone: 1}\nmedia: {security: enforced}\ntrunks:\n"
	for i, c := range servers {
		at := c.conn.LocalAddr().(*net.UDPAddr)
		text += fmt.Sprintf("  - {name: t%d, peer: %q, media_security: enforced, caller_id: \"+4930%d\"}\n", i, at, i)
	}
	return text + "emergency:\n  numbers: [\"112\", \"911\"]\n  routes:\n" +
		"    - {system: london, location: attic, trunk: t1, caller_id: \"+4420201\"}\n    - {trunk: t0}\n"
}

// A guest's emergency call goes out where its location at its home says, with the number
// that its home's place is called back at; beyond calls.max and calls.per_phone, and with
// plain media where the policy wants SRTP; and over every other trunk where that fails.
func TestGU6_AGuestsEmergencyCallOverTrunks(t *testing.T) {
	var all []*carrier
	s, ada, eve := failedOver(t, func(s *site) {
		for _, host := range []string{"201", "202", "203", "204"} {
			all = append(all, s.carrier(host, "paris"))
		}
		s.extra["london"] = "media: {security: enforced}\nlocations:\n  - {name: attic, subnets: [" + s.net + "101/32]}\n"
		s.extra["paris"] = s.emergencyOver(all...)
	})
	for i := range all {
		s.trunkIs("paris", fmt.Sprintf("t%d", i), "up")
	}
	s.crash("london")
	s.guest(ada)
	ben := s.rawPhone("202", "102", "paris")
	s.guest(ben)
	asks := func(c *carrier, callerID string) *rawCall {
		t.Helper()
		in := c.rings()
		if !strings.HasPrefix(in.invite.first, "INVITE sip:112@") || !strings.Contains(in.invite.get("From"), callerID) {
			t.Errorf("%s is asked %s from %s", c.number, in.invite.first, in.invite.get("From"))
		}
		return in
	}
	// 201 sits in london's attic: t1 first; when that is busy, t0, and then the others.
	out, first := ada.call("112")
	all[1].send(asks(all[1], "+4420201").invite.answer(486, ""))
	all[0].send(asks(all[0], "+49300").invite.answer(603, ""))
	all[2].send(asks(all[2], "+49302").invite.answer(404, ""))
	in := asks(all[3], "+49303")
	in.pickUp()
	out.answered(first)
	talk(t, out, in)
	// 202 is in no location of its home: t0. calls.max is reached, calls.per_phone too.
	second, m := ben.call("112")
	there := asks(all[0], "+49300")
	there.pickUp()
	second.answered(m)
	if _, m := eve.call("201"); eve.final(m).status() != 503 {
		t.Errorf("an ordinary call beyond calls.max: %s", m.first)
	}
	third, m := ben.call("112")
	again := asks(all[0], "+49300")
	again.pickUp()
	third.answered(m)
	for _, pair := range [][2]*rawCall{{out, in}, {second, there}, {third, again}} {
		if m := pair[0].within("BYE", ""); m.status() != 200 {
			t.Errorf("BYE: %s", m.first)
		}
		pair[1].hungUp()
	}
}

// A phone that is refused as a guest makes emergency calls all the same, by its home
// location.
func TestGU6_NoGuestIsRefusedAnEmergencyCall(t *testing.T) {
	s := newSite(t)
	elsewhere, c := s.carrier("201", "paris"), s.carrier("202", "paris")
	s.extra["london"] = "locations:\n  - {name: attic, subnets: [" + s.net + "103/32]}\n"
	s.extra["paris"] = s.emergencyOver(elsewhere, c)
	s.both()
	s.trunkIs("paris", "t1", "up")
	stray := s.rawPhone("203", "103", "paris") // knocks at the backup though london is there
	if status := stray.register(); status != 503 {
		t.Errorf("203 is registered at its backup with %d", status)
	}
	out, m := stray.call("112")
	in := c.rings() // by its place at home, though it is registered nowhere
	in.pickUp()
	out.answered(m)
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()
	if _, m := stray.call("251"); stray.final(m).status() != 503 {
		t.Errorf("an ordinary call of 203: %s", m.first)
	}
	// With a wrong password nobody calls anywhere.
	stranger := s.rawPhone("777", "107", "paris")
	if _, m := stranger.call("112"); stranger.final(m).status() != 401 {
		t.Errorf("a stranger's emergency call: %s", m.first)
	}
}
