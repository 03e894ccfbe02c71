package node

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
	"roost/signaling/call"
)

// crash ends a system as a power cut does: its sockets are gone and nobody was told.
func (s *site) crash(name string) {
	s.t.Helper()
	n := s.running[name]
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	n.carrier.Close()
	_ = n.endpoint.Stop(gone) // the error says that connections were cut
	s.stop(name)
}

// silent: nothing but what is named came to the phone for a while.
func (p *rawPhone) silent(d time.Duration) {
	p.t.Helper()
	if m, came := p.within(d, func(m rawMessage) bool { return m.status() == 0 }); came {
		p.t.Errorf("phone %s got %s (%s)", p.number, m.first, m.get("Reason"))
	}
}

// records are the lines of a system's records of calls.
func (s *site) records(name string) []call.Record {
	s.t.Helper()
	file, err := os.Open(filepath.Join(s.dir, name+".calls"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	var all []call.Record
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var r call.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			s.t.Fatalf("%v: %s", err, lines.Text())
		}
		all = append(all, r)
	}
	return all
}

// record waits for the record of a call that ended for a reason.
func (s *site) record(name, why string) call.Record {
	s.t.Helper()
	var found call.Record
	s.until(name, "a record says "+why, func(api.Status) bool {
		for _, r := range s.records(name) {
			if r.Why == why {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

// talking is a site whose home has two phones in a call, which the backup knows of.
func talking(t *testing.T, path string) (s *site, out, in *rawCall) {
	t.Helper()
	s = newSite(t)
	media := ""
	if path == "anchored" {
		media = "media: {direct: false}\n"
	}
	for _, name := range []string{"london", "paris"} {
		s.extra[name] = media + "calls: {records: " + name + ".calls}\n"
	}
	s.start("london")
	paris := s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	ada, ben := s.rawPhone("201", "101", "london"), s.rawPhone("202", "102", "london")
	for _, p := range []*rawPhone{ada, ben} {
		if status := p.register(); status != 200 {
			t.Fatalf("%s is registered with %d", p.number, status)
		}
	}
	out, in = connect(t, ada, ben)
	if direct(out, in) != (path == "direct") {
		t.Fatalf("the call is not %s", path)
	}
	s.until("paris", "the call is mirrored", func(api.Status) bool {
		paris.voice.standing.mu.Lock()
		defer paris.voice.standing.mu.Unlock()
		return paris.voice.standing.preserved.Len() == 1
	})
	return s, out, in
}

// serves waits until the backup serves the home's phones.
func (s *site) serves() {
	s.t.Helper()
	s.until("paris", "paris serves london's phones", func(st api.Status) bool { return homeState(st, "london") == "SERVING" })
}

// moved sends what the phone of a call sends from now on to another system.
func (c *rawCall) moved(s *site, system string) { c.p.use(s.address(system)) }

func TestVP2_AnAnchoredCallIsLostWithItsHome(t *testing.T) {
	s, out, in := talking(t, "anchored")
	s.crash("london")
	if hears(t, out.p, out.peer.audio(), in.p) {
		t.Error("there is a voice path though the relay is gone")
	}
	s.serves()
	r := s.record("paris", "lost in failover")
	if r.From.Number != "201" || r.To.Number != "202" || r.Path != "anchored" || r.System != "paris" || r.EndedBy != "system" {
		t.Errorf("the record is %+v", r)
	}
	for _, c := range []*rawCall{out, in} {
		c.moved(s, "paris")
		for _, method := range []string{"INVITE", "UPDATE", "BYE"} {
			if m := c.within(method, ""); m.status() != 481 {
				t.Errorf("%s of %s at the backup: %s", method, c.p.number, m.first)
			}
		}
	}
	if n := s.running["paris"].voice.board.Standing(); n != 0 {
		t.Errorf("the backup has taken %d calls", n)
	}
}

func TestVP3_NothingEndsADirectCall(t *testing.T) {
	for _, end := range []string{"orderly", "crash"} {
		t.Run(end, func(t *testing.T) {
			s, out, in := talking(t, "direct")
			if end == "crash" {
				s.crash("london")
			} else {
				s.stop("london")
				if records := s.records("london"); len(records) != 1 || !strings.Contains(records[0].Why, "talk on") || records[0].Path != "direct" {
					t.Errorf("the home leaves the records %+v", records)
				}
			}
			s.serves()
			talk(t, out, in)
			// Failback ends it no more than failover did.
			s.start("london")
			s.until("paris", "london is home again", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
			talk(t, out, in)
			for _, c := range []*rawCall{out, in} {
				c.p.silent(100 * time.Millisecond)
			}
		})
	}
}

// An anchored call loses its voice with the relay, so an orderly end says so to the phones.
func TestVP2_AnOrderlyEndHangsUpAnchoredCalls(t *testing.T) {
	s, out, in := talking(t, "anchored")
	ended := make(chan struct{})
	go func() { defer close(ended); s.stop("london") }()
	out.hungUp()
	in.hungUp()
	<-ended
	if records := s.records("london"); len(records) != 1 || records[0].Why != "system stopped" || records[0].Path != "anchored" || records[0].FromQuality == nil {
		t.Errorf("the records are %+v", records)
	}
}

func TestVP4_SH1_TheNextEventOfADirectCallAtTheBackup(t *testing.T) {
	s, out, in := talking(t, "direct")
	s.crash("london")
	out.moved(s, "paris")
	in.moved(s, "paris")
	if m := out.within("BYE", ""); m.status() != 481 {
		t.Errorf("while the home may come back: %s", m.first)
	}
	s.serves()
	for _, method := range []string{"INVITE", "UPDATE", "REFER"} {
		if m := out.within(method, ""); m.status() != 481 {
			t.Errorf("%s: %s", method, m.first)
		}
	}
	for _, c := range []*rawCall{in, out} {
		if m := c.within("BYE", ""); m.status() != 200 {
			t.Errorf("BYE of %s: %s", c.p.number, m.first)
		}
	}
	r := s.record("paris", "hung up after a failover")
	if r.EndedBy != "to" || r.Path != "direct" || r.From.Number != "201" || r.To.Number != "202" || r.Seconds <= 0 {
		t.Errorf("the record is %+v", r)
	}
	if n := len(s.records("paris")); n != 1 {
		t.Errorf("%d records of one call", n)
	}
	// A dialog with one wrong tag is nobody's.
	in.local = strings.Replace(in.local, "called", "guessed", 1)
	if m := in.within("BYE", ""); m.status() != 481 {
		t.Errorf("a stranger's BYE: %s", m.first)
	}
}

func TestVP5_CallsGoOnWhereOnlyTheLineIsLost(t *testing.T) {
	for _, path := range []string{"direct", "anchored"} {
		t.Run(path, func(t *testing.T) {
			s, out, in := talking(t, path)
			s.running["london"].carrier.Close()
			s.serves() // as far as paris can tell, london is gone
			talk(t, out, in)
			for _, c := range []*rawCall{out, in} {
				c.p.silent(50 * time.Millisecond)
			}
			if m := in.within("BYE", ""); m.status() != 200 {
				t.Errorf("BYE: %s", m.first)
			}
			out.hungUp()
			if r := s.record("london", "hung up"); r.EndedBy != "to" || r.Path != path {
				t.Errorf("the record is %+v", r)
			}
		})
	}
}

// failedOver is a site whose home is gone, with a phone of the backup's registered.
func failedOver(t *testing.T, prepare func(*site)) (s *site, ada, eve *rawPhone) {
	t.Helper()
	s = newSite(t)
	if prepare != nil {
		prepare(s)
	}
	s.start("london")
	s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	eve = s.rawPhone("251", "151", "paris")
	if status := eve.register(); status != 200 {
		t.Fatal(status)
	}
	ada = s.rawPhone("201", "101", "paris")
	return s, ada, eve
}

func TestFO8_ACallMakesAMirroredPhoneAGuest(t *testing.T) {
	s, ada, eve := failedOver(t, nil)
	// While the home is visible, it is sent there as with a REGISTER.
	if _, m := ada.call("251"); m.status() != 503 {
		t.Errorf("while the home is visible: %s", m.first)
	}
	s.crash("london")
	s.serves()
	stranger := s.rawPhone("202", "102", "paris")
	stranger.request("INVITE", "sip:251@example.test", "<sip:251@example.test>", "<sip:202@example.test>;tag=y", "unproven", 1, stranger.offer())
	if m := stranger.await("an answer", func(m rawMessage) bool { return m.status() > 100 }); m.status() != 401 {
		t.Errorf("without credentials: %s", m.first)
	}
	out, in := connect(t, ada, eve)
	st := s.until("paris", "201 is a guest", func(st api.Status) bool { return len(st.Guests) == 1 })
	if g := st.Guests[0]; g.Number != "201" || g.Home != "london" || !g.Busy || st.Licences.Used != 1 {
		t.Errorf("the guest is %+v; %d licences are used", g, st.Licences.Used)
	}
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()
	// And it can be called, without ever having registered.
	back, there := connect(t, eve, ada)
	if m := there.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	back.hungUp()
}

// guest registers a phone at the backup that serves.
func (s *site) guest(p *rawPhone) {
	s.t.Helper()
	s.serves()
	if status := p.register(); status != 200 {
		s.t.Fatalf("%s at the backup: %d", p.number, status)
	}
}

func TestFB2_AGuestInACallStaysUntilItEnds(t *testing.T) {
	s, ada, eve := failedOver(t, nil)
	s.crash("london")
	s.guest(ada)
	out, in := connect(t, eve, ada)
	s.start("london")
	refreshed := time.Now()
	st := s.until("paris", "guests are sent home", func(st api.Status) bool {
		if time.Since(refreshed) > 300*time.Millisecond { // a guest's lease is short in a lab
			refreshed = time.Now()
			if status := ada.register(); status != 200 {
				t.Errorf("its refresh while it waits: %d", status)
			}
		}
		return homeState(st, "london") == "REHOMING"
	})
	if len(st.Guests) != 1 || !st.Guests[0].Busy || st.Guests[0].State != "guest" {
		t.Fatalf("the guests are %+v", st.Guests)
	}
	// Its refreshes are taken: it is not moved.
	if status := ada.register(); status != 200 {
		t.Errorf("its refresh during the call: %d", status)
	}
	talk(t, out, in)
	if m := in.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	out.hungUp()
	// Its lease has not ended meanwhile: it would be no guest any more.
	s.until("paris", "it is sent home after its call", func(st api.Status) bool {
		return len(st.Guests) == 1 && st.Guests[0].State != "guest" && !st.Guests[0].Busy
	})
	// Its next refresh is refused, and its home takes it.
	if status := ada.register(); status != 503 {
		t.Errorf("its refresh after the call: %d", status)
	}
	ada.use(s.address("london"))
	if status := ada.register(); status != 200 {
		t.Errorf("at home: %d", status)
	}
	s.until("paris", "no guest is left", func(st api.Status) bool { return len(st.Guests) == 0 })
}

// A guest whose home enforces SRTP is never offered less at the backup.
func TestVP6_AGuestBringsItsHomesMediaSecurity(t *testing.T) {
	s, ada, eve := failedOver(t, func(s *site) { s.extra["london"] = "media: {security: enforced}\n" })
	s.crash("london")
	s.guest(ada)
	if _, m := ada.call("251"); ada.final(m).status() != 488 {
		t.Errorf("its plain offer: %s", m.first)
	}
	eve.call("201")
	in := ada.rings()
	if !strings.Contains(in.invite.body, "m=audio") || !strings.Contains(in.invite.body, "RTP/SAVP ") || !strings.Contains(in.invite.body, "a=crypto:") {
		t.Errorf("it is offered\n%s", in.invite.body)
	}
	in.reply(in.invite, 486, "Busy Here", "")
}

// Emergency calls go by the caller's location at its home, which a guest keeps.
func TestGU6_AGuestsEmergencyCallGoesByItsHomeLocation(t *testing.T) {
	s, ada, eve := failedOver(t, func(s *site) {
		s.phonesAt["paris"] = []string{"251", "252"}
		s.extra["london"] = "locations:\n  - {name: attic, subnets: [" + s.net + "101/32]}\n"
		s.extra["paris"] = "calls: {max: 1, per_phone: 1}\nemergency:\n  numbers: [\"112\"]\n  routes:\n" +
			"    - {system: london, location: attic, to: \"252\"}\n    - {to: \"251\"}\n"
	})
	guard := s.rawPhone("252", "152", "paris")
	if status := guard.register(); status != 200 {
		t.Fatal(status)
	}
	s.crash("london")
	s.guest(ada)
	ben := s.rawPhone("202", "102", "paris")
	s.guest(ben)
	out, first := ada.call("112")
	in := guard.rings()
	in.pickUp()
	out.answered(first)
	// An ordinary call meets calls.max meanwhile, an emergency call does not.
	if _, m := eve.call("201"); eve.final(m).status() != 503 {
		t.Errorf("an ordinary call beyond calls.max: %s", m.first)
	}
	second, m := ben.call("112")
	desk := eve.rings() // 202 is in no location of its home
	desk.pickUp()
	second.answered(m)
	if m := second.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	desk.hungUp()
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()
}

// A guest has basic calls: it calls and is called, by phones of its backup, and by those of
// its home from the moment that its home is back; what it cannot have is refused clearly.
func TestGU4_AGuestIsCalledFromItsHome(t *testing.T) {
	s, ada, eve := failedOver(t, func(s *site) {
		// It stays for long enough to be called there.
		s.extra["paris"] = "groups:\n  - {number: \"300\", ring: all, members: [\"201\", \"251\"]}\n"
	})
	s.crash("london")
	s.guest(ada)
	out, in := connect(t, ada, eve)
	if m := out.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	in.hungUp()
	out, in = connect(t, eve, ada)
	london := s.start("london")
	s.until("london", "london knows that 201 is at paris", func(api.Status) bool { return london.away.where("201") == "paris" })
	ben := s.rawPhone("202", "102", "london")
	if status := ben.register(); status != 200 {
		t.Fatal(status)
	}
	// 201 is in a call, which keeps it there; a second one reaches it all the same.
	second, first := ben.call("201")
	there := ada.rings()
	if !strings.Contains(there.invite.get("From"), "Phone 202") {
		t.Errorf("201 sees %s", there.invite.get("From"))
	}
	there.pickUp()
	second.answered(first)
	talk(t, second, there)
	s.until("paris", "the guest has a log at the backup", func(api.Status) bool { return len(source{s.running["paris"]}.CallLog("201").Calls) == 1 })
	for _, c := range []struct{ one, other *rawCall }{{second, there}, {out, in}} {
		if m := c.one.within("BYE", ""); m.status() != 200 {
			t.Errorf("BYE: %s", m.first)
		}
		c.other.hungUp()
	}
	// Home again: calls go there, and its log at the backup is dropped (FB6, GU5).
	s.until("paris", "it is sent home", func(st api.Status) bool { return len(st.Guests) == 0 || st.Guests[0].State != "guest" })
	ada.use(s.address("london"))
	if status := ada.register(); status != 200 {
		t.Errorf("at home: %d", status)
	}
	s.until("paris", "no guest is left", func(st api.Status) bool { return len(st.Guests) == 0 })
	if log := (source{s.running["paris"]}).CallLog("201"); len(log.Calls) != 0 {
		t.Errorf("the log of who has gone: %+v", log)
	}
	s.until("paris", "201 is where it belongs", func(api.Status) bool {
		_, at := s.running["paris"].known.places("201")
		return len(at) == 1 && at[0] == "london"
	})
	out, in = connect(t, eve, ada)
	if m := in.within("BYE", ""); m.status() != 200 {
		t.Errorf("BYE: %s", m.first)
	}
	out.hungUp()
}
