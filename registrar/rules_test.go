package registrar

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestGU1_LeasesOfGuestsSpreadOver60To120(t *testing.T) {
	r := New(Config{Seed: 1}, start)
	var seen [121]int
	for i := range 6100 {
		u := guest(Number(fmt.Sprint(i)))
		u.Contacts[0].Expires = 3600
		if i%2 == 0 {
			u.Contacts[0].Expires = AskDefault
		}
		seen[must(t, r, u, at(0)).Bound[0].Granted]++ // panics above 120
	}
	for s, n := range seen {
		switch {
		case s < 60 && n > 0:
			t.Errorf("%d leases of %d s", n, s)
		case s >= 60 && (n < 50 || n > 150): // 100 expected, 5 sigma
			t.Errorf("%d leases of %d s, about 100 expected: not spread evenly", n, s)
		}
	}
	// Never more than was asked for.
	u := guest("short")
	u.Contacts[0].Expires = 45
	if g := must(t, r, u, at(0)).Bound[0].Granted; g > 45 || g < 40 {
		t.Errorf("45 s asked for, %d granted", g)
	}
}

func TestGU1_GuestStaysAsLongAsItRefreshes(t *testing.T) {
	r := New(Config{}, start)
	u := guest("201")
	now := at(0)
	for range 2000 { // a day and more
		must(t, r, u, now)
		u = again(u)
		now = now.Add(50 * time.Second)
		if gone := r.Sweep(now); len(gone) > 0 {
			t.Fatalf("after %v: %v", now.Sub(start), told(gone))
		}
	}
	if g := r.Guests(now); len(g) != 1 || !g[0].Since.Equal(start) || g[0].Home != "paris" {
		t.Errorf("%+v", g)
	}
}

func TestUS4_PastTheLastLicenceAPhoneIsRefused(t *testing.T) {
	r := New(Config{Licences: 2}, start)
	must(t, r, phone("201"), at(0))
	must(t, r, phone("202"), at(0))
	must(t, r, again(phone("201")), at(1)) // a refresh needs no further one
	_, err := r.Register(phone("203"), at(1))
	if !errors.Is(err, ErrNoLicence) || !strings.Contains(err.Error(), "203") || !strings.Contains(err.Error(), "all 2 are in use") {
		t.Fatalf("the third phone: %v", err)
	}
	if c := r.Count(); c.LicencesUsed() != 2 || c.Licences != 2 || c.Phones() != 2 {
		t.Errorf("%+v", c)
	}
	// A second device of a phone uses no further licence.
	r.Configure(Config{Licences: 2, MaxContacts: 2})
	u := phone("202")
	u.CallID, u.Contacts[0].URI = "second", "sip:202@elsewhere"
	must(t, r, u, at(2))
	if c := r.Count(); c.LicencesUsed() != 2 || c.Bindings != 3 {
		t.Errorf("%+v", c)
	}
	// One more after a reload is usable at once.
	r.Configure(Config{Licences: 3})
	must(t, r, phone("203"), at(3))
}

func TestUS4_FreedLicenceIsUsableAtOnce(t *testing.T) {
	for name, free := range map[string]func(r *Registrar) time.Time{
		"unregistered": func(r *Registrar) time.Time {
			u := again(phone("201"))
			u.Contacts[0].Expires = 0
			must(t, r, u, at(1))
			return at(1)
		},
		"all unregistered": func(r *Registrar) time.Time {
			u := again(phone("201"))
			u.Contacts, u.Star = nil, true
			must(t, r, u, at(1))
			return at(1)
		},
		"flow closed":             func(r *Registrar) time.Time { r.FlowClosed(4, at(1)); return at(1) },
		"dropped":                 func(r *Registrar) time.Time { r.Drop("201", "guest elsewhere", at(1)); return at(1) },
		"expired and swept":       func(r *Registrar) time.Time { r.Sweep(at(700)); return at(700) },
		"expired but not swept":   func(r *Registrar) time.Time { return at(700) },
		"became a guest (reload)": func(r *Registrar) time.Time { must(t, r, again(guest("201")), at(1)); return at(1) },
	} {
		t.Run(name, func(t *testing.T) {
			r := New(Config{Licences: 1}, start)
			u := phone("201")
			u.Transport, u.Flow = TCP, 4
			must(t, r, u, at(0))
			if _, err := r.Register(phone("202"), at(1)); !errors.Is(err, ErrNoLicence) {
				t.Fatal(err)
			}
			now := free(r)
			res := must(t, r, phone("202"), now)
			if name == "expired but not swept" {
				wantChanges(t, res.Changes, "removed 201 sip:201@192.0.2.7:5060 (expired) left=0",
					"added 202 sip:202@192.0.2.7:5060 left=1")
			}
			if c := r.Count(); c.LicencesUsed() != 1 || c.SIP != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestGU2_GuestsNeverUseALicence(t *testing.T) {
	r := New(Config{Licences: 1}, start)
	must(t, r, phone("101"), at(0))
	for i := range 50 {
		u := guest(Number(fmt.Sprint(200 + i)))
		if i%2 == 0 {
			u.Protocol = H323
		}
		must(t, r, u, at(0))
	}
	c := r.Count()
	if c.LicencesUsed() != 1 || c.Guests() != 50 || c.GuestsH323 != 25 || c.Phones() != 51 {
		t.Errorf("%+v", c)
	}
	// A guest that becomes an own phone needs one; it stays a guest without.
	u := again(phone("201"))
	if _, err := r.Register(u, at(1)); !errors.Is(err, ErrNoLicence) {
		t.Fatal(err)
	}
	if got := r.Lookup("201", at(1)); len(got) != 1 || !got[0].Guest {
		t.Errorf("%+v", got)
	}
	r.Drop("101", "operator", at(2))
	res := must(t, r, u, at(3))
	wantChanges(t, res.Changes, "removed 201 sip:201@192.0.2.7:5060 (changed home) left=0",
		"added 201 sip:201@192.0.2.7:5060 left=1")
	if c = r.Count(); c.LicencesUsed() != 1 || c.Guests() != 49 || c.Phones() != 50 {
		t.Errorf("%+v", c)
	}
}

func TestGU2_GuestsCountInCapacity(t *testing.T) {
	r := New(Config{Capacity: 2}, start)
	must(t, r, phone("101"), at(0))
	must(t, r, guest("201"), at(0))
	for _, u := range []Update{guest("202"), phone("102")} {
		if _, err := r.Register(u, at(1)); !errors.Is(err, ErrCapacity) || errors.Is(err, ErrNoLicence) {
			t.Errorf("%s: %v", u.Number, err)
		}
	}
	must(t, r, again(phone("201")), at(1)) // changing what it is needs no room
	wantChanges(t, r.Drop("201", "home has it", at(2)), "removed 201 sip:201@192.0.2.7:5060 (home has it) left=0")
	must(t, r, guest("202"), at(2))
	if c := r.Count(); c.Phones() != 2 {
		t.Errorf("%+v", c)
	}
}

func TestDropGuestLeavesOwnPhonesAlone(t *testing.T) {
	r := New(Config{}, start)
	must(t, r, phone("101"), at(0))
	must(t, r, guest("201"), at(0))
	if got := r.DropGuest("101", "x", at(1)); got != nil {
		t.Errorf("%v", told(got))
	}
	wantChanges(t, r.DropGuest("201", "home has it", at(1)), "removed 201 sip:201@192.0.2.7:5060 (home has it) left=0")
	if got := r.DropGuest("201", "x", at(1)); got != nil || r.Count().Guests() != 0 {
		t.Errorf("%v %+v", told(got), r.Count())
	}
}

func TestBindingDiesWithItsFlow(t *testing.T) {
	r := New(Config{}, start)
	const phones = 500
	for i := range phones { // a gateway that registers many over one connection
		u := phone(Number(fmt.Sprint(i)))
		u.Transport, u.Flow = TLS, FlowID(1+i%2)
		must(t, r, u, at(0))
	}
	u := again(phone("7"))
	u.Transport, u.Flow = TLS, 9 // 7 came over flow 2 and has moved
	must(t, r, u, at(1))
	dropped := 0
	for i := 11; i < phones; i += 4 { // some of flow 2 leave it one by one, from its middle
		dropped += len(r.Drop(Number(fmt.Sprint(i)), "operator", at(2)))
	}
	if n := len(r.FlowClosed(2, at(2))); n != phones/2-1-dropped || dropped < 100 {
		t.Errorf("%d bindings went, %d before", n, dropped)
	}
	if len(r.Lookup("7", at(2))) != 1 || len(r.Lookup("9", at(2))) != 0 || len(r.Lookup("8", at(2))) != 1 {
		t.Error("the wrong ones went")
	}
	if n := len(r.FlowClosed(9, at(3))); n != 1 {
		t.Errorf("%d bindings went with flow 9", n)
	}
	if got := r.FlowClosed(0, at(3)); got != nil {
		t.Errorf("no flow: %v", told(got))
	}
}

func TestExpiryWithoutSweep(t *testing.T) {
	r := New(Config{}, start)
	g := must(t, r, phone("201"), at(0)).Bound[0].Granted
	if n := len(r.Lookup("201", at(int(g)-1))); n != 1 {
		t.Error("gone too early")
	}
	if n := len(r.Lookup("201", at(int(g)))); n != 0 {
		t.Error("an expired binding is looked up")
	}
	for range r.All(at(int(g))) {
		t.Error("an expired binding is shared")
	}
	if got := r.Sweep(at(int(g) - 1)); got != nil {
		t.Errorf("%v", told(got))
	}
	wantChanges(t, r.Sweep(at(int(g))), "removed 201 sip:201@192.0.2.7:5060 (expired) left=0")
}
