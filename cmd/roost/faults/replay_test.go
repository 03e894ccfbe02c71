package faults

import (
	"strings"
	"testing"

	"roost/cmd/roost/console/api"
)

// What proved a phone at its home proves nobody at the backup that serves it: the mirror
// says which nonces were used (SE4). The phone itself gets in with the next count of the
// same nonce, or with a fresh one after stale, and is never locked out.
func TestSE4_ReplayedAtTheBackup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	london, paris := s.pair(six(201), six(251), nil)
	home := s.udp(s.ip(101), london)
	defer home.close()
	challenged := home.ask(home.request("REGISTER", "201", 1, home.contact("201")))
	proof := func(count int) string {
		return authorization(t, challenged, "REGISTER", "sip:"+domain, "201", password("201"), count)
	}
	used := proof(1)
	if a := home.ask(home.request("REGISTER", "201", 2, home.contact("201"), used)); a.status != 200 {
		t.Fatal(a.text)
	}
	paris.until("london's registration", func(st api.Status) bool { return homeOf(st, "london").Ready })
	until(t, "the registration is mirrored", func() (bool, string) {
		st := paris.status()
		return lineTo(st, "london").InSync && lineTo(st, "london").Records >= len(six(201))*3+1, brief(st)
	})
	london.kill()
	paris.until("serves", func(st api.Status) bool { return homeOf(st, "london").State == "SERVING" })

	thief := s.udp(s.ip(102), paris)
	defer thief.close()
	before := paris.status().Counters
	a := thief.ask(thief.request("REGISTER", "201", 3, thief.contact("201"), used))
	if a.status != 401 || !strings.Contains(a.header("WWW-Authenticate"), "stale=true") {
		t.Errorf("replayed at the backup: %s", a.text)
	}
	after := paris.status()
	if after.Counters["sip_replayed"]+after.Counters["sip_stale"] <= before["sip_replayed"]+before["sip_stale"] || after.Phones.Guests != 0 {
		t.Errorf("not counted, or taken in: %s", brief(after))
	}
	moved := s.udp(s.ip(101), paris)
	defer moved.close()
	a = moved.ask(moved.request("REGISTER", "201", 4, moved.contact("201"), proof(2)))
	if a.status == 401 && strings.Contains(a.header("WWW-Authenticate"), "stale=true") {
		a, _ = moved.register("201", password("201"), 5)
	}
	if a.status != 200 {
		t.Errorf("the phone itself: %s", a.text)
	}
	if bans := paris.status().Counters["sip_bans"]; bans != 0 {
		t.Errorf("%v bans", bans)
	}
}
