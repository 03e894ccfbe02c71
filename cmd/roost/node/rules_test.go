package node

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/rs/zerolog"

	"roost/cmd/roost/config"
	"roost/cmd/roost/console/api"
	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/record"
	"roost/resilience/mirror"
)

// startEdited starts a system whose configuration was changed by replacing text.
func (s *site) startEdited(name string, oldnew ...string) *Node {
	s.t.Helper()
	path := s.write(name)
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	edited := strings.NewReplacer(oldnew...).Replace(string(text))
	if edited == string(text) {
		s.t.Fatalf("%q is not in the configuration", oldnew)
	}
	if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
		s.t.Fatal(err)
	}
	c, err := config.Load(path, os.Getenv)
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := New(c, Options{Log: zerolog.New(zerolog.NewTestWriter(s.t)).Level(zerolog.InfoLevel)})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.running[name] = n
	return n
}

// alarmSays finds an alarm of the kind whose text has all the words.
func alarmSays(st api.Status, kind string, words ...string) bool {
	return slices.ContainsFunc(st.Alarms, func(a api.Alarm) bool {
		return a.Kind == kind && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(a.Text, w) })
	})
}

// What the home has must be at the backup, in the words of SH1: users also where
// they have no phone, extensions, registrations; and no password.
func TestSH1_ABackupKnowsUsersExtensionsAndRegistrations(t *testing.T) {
	s := newSite(t)
	s.startEdited("london", "extensions:\n", "  - {number: \"299\", name: \"Nobody's phone\", login_code: \"4799\", password: \"secret299\"}\nextensions:\n")
	paris := s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	s.phones("london", "poly", "udp")
	s.until("london", "all phones are registered at home", allRegistered(3))
	bound := func() int {
		paris.known.mu.RLock()
		defer paris.known.mu.RUnlock()
		return len(paris.known.bindings)
	}
	s.until("paris", "the registrations are mirrored", func(api.Status) bool { return bound() == 3 })
	mirroredAsConfigured(t, paris)

	// Nor do users that come by a reload wait for a phone.
	s.phonesAt["london"] = append(s.phonesAt["london"], "298")
	if err := s.running["london"].Reload(s.load("london")); err != nil {
		t.Fatal(err)
	}
	user := func(number registrar.Number) bool {
		paris.known.mu.RLock()
		defer paris.known.mu.RUnlock()
		_, known := paris.known.users[owned{"london", number}]
		return known
	}
	s.until("paris", "the new user is mirrored, the removed one gone", func(api.Status) bool { return user("298") && !user("299") })
}

// mirroredAsConfigured looks at what paris knows of london.
func mirroredAsConfigured(t *testing.T, paris *Node) {
	t.Helper()
	paris.known.mu.RLock()
	defer paris.known.mu.RUnlock()
	users := paris.known.users
	if u := users[owned{"london", "299"}]; u.Name != "Nobody's phone" || u.LoginCode != "4799" {
		t.Errorf("the user without a phone is mirrored as %+v", u)
	}
	if len(users) != 4 || len(paris.known.extensions) != 3 {
		t.Errorf("%d users and %d extensions are mirrored", len(users), len(paris.known.extensions))
	}
	if e := paris.known.extensions["202"]; e.home != "london" || e.BaseUser != "202" {
		t.Errorf("extension 202 is mirrored as %+v", e)
	}
}

func TestFO4_AnAnnouncementAndATakeOverReachTheBackup(t *testing.T) {
	s := newSite(t)
	london := s.start("london")
	paris := s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	if _, err := (source{london}).Announce(api.Announce{BackWithin: 30}); err != nil {
		t.Fatal(err)
	}
	announced := func(st api.Status) int {
		n := 0
		for _, e := range st.Events {
			if e.Kind == "restart-announced" && e.Subject == "london" {
				n++
			}
		}
		return n
	}
	first := s.until("paris", "the announcement is known", func(st api.Status) bool { return announced(st) > 0 }).Now
	s.until("paris", "some heartbeats later", func(st api.Status) bool { return st.Now.Sub(first) > time.Second })
	if n := announced(source{paris}.Status()); n != 1 {
		t.Errorf("one announcement is told %d times", n)
	}
	for _, seconds := range []float64{0, -1, 901} {
		if _, err := (source{london}).Announce(api.Announce{BackWithin: seconds}); err == nil {
			t.Errorf("back within %g s is taken", seconds)
		}
	}

	if _, err := (source{paris}).TakeOver(api.TakeOver{Home: "london"}); err != nil {
		t.Fatal(err)
	}
	if state := homeState(source{paris}.Status(), "london"); state != "SERVING" {
		t.Errorf("taken over, and %s", state)
	}
	if _, err := (source{paris}).Release(api.Release{Home: "london"}); err != nil {
		t.Fatal(err)
	}
	if state := homeState(source{paris}.Status(), "london"); state != "SYNCED" {
		t.Errorf("released, and %s", state)
	}
	if _, err := (source{paris}).TakeOver(api.TakeOver{Home: "rome"}); err == nil || !strings.Contains(err.Error(), "it backs up: london") {
		t.Errorf("a home that is none: %v", err)
	}
}

// Of two registrations the newest wins: the home lets go of a phone that has become a
// guest elsewhere since, and of none that has registered at home since.
func TestFB5_TheHomeLetsGoOfAGuestElsewhere(t *testing.T) {
	s := newSite(t)
	london := s.start("london")
	s.phones("london", "poly", "tcp")
	s.until("london", "all phones are registered at home", allRegistered(3))
	tell := func(number string, registered time.Time) {
		guest := record.Guest{Phone: registrar.Number(number), Home: "london", Where: "paris", Since: registered, Granted: 60}
		mirrored{london}.Changed(mirror.RecordsChanged{Origin: "paris", Set: "guest/london", Changes: []mirror.Change{{
			Kind: mirror.Added, Key: guestKey + number, Value: record.AppendGuest(nil, &guest, time.Now()), Expires: registered.Add(time.Minute)}}})
	}
	now := time.Now()
	tell("201", now.Add(-time.Hour))
	tell("202", now)
	for number, want := range map[registrar.Number]int{"201": 1, "202": 0, "203": 1} {
		if n := len(london.registrar.Lookup(number, time.Now())); n != want {
			t.Errorf("%s has %d registrations at home, want %d", number, n, want)
		}
	}
	if where := london.away.where("202"); where != "paris" {
		t.Errorf("202 is at %q", where)
	}
}

// Once the home says that it has registered the phone, the guest entry goes at once and
// does not wait for its lease to end; what the home says of an older registration is nothing.
func TestFB6_TheGuestEntryGoesWhenTheHomeHasThePhone(t *testing.T) {
	s := newSite(t)
	s.start("london")
	paris := s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	s.phones("london", "avaya-j100", "tcp")
	s.until("london", "all phones are registered at home", allRegistered(3))
	s.stop("london")
	s.until("paris", "all phones are guests", func(st api.Status) bool { return len(st.Guests) == 3 })
	tell := func(number registrar.Number, at time.Time) {
		r := record.Registration{Registration: registrar.Registration{Number: number, Protocol: registrar.SIP, Contact: "sip:" + string(number) + "@192.0.2.7",
			CallID: "told", Registered: at, Since: at, Granted: 60, Expires: at.Add(time.Minute), Home: "london", Transport: registrar.TCP}}
		mirrored{paris}.Changed(mirror.RecordsChanged{Origin: "london", Set: bindSet("paris"), Changes: []mirror.Change{{
			Kind: mirror.Added, Key: r.Key(), Value: record.AppendRegistration(nil, &r, time.Now()), Expires: r.Expires}}})
	}
	now := time.Now()
	tell("201", now.Add(-50*time.Second))
	tell("202", now)
	for number, want := range map[registrar.Number]int{"201": 1, "202": 0, "203": 1} {
		if n := len(paris.registrar.Lookup(number, time.Now())); n != want {
			t.Errorf("%s has %d registrations at the backup, want %d", number, n, want)
		}
	}
}

// A phone that fails over answers with the nonce that its home gave it.
func TestSE4_TheBackupTakesTheHomesNonces(t *testing.T) {
	s := newSite(t)
	paris := s.start("paris")
	london := s.start("london")
	home := credentials.NewVerifier(credentials.Config{Realm: "example.test"}, london.keys)
	backup := credentials.NewVerifier(credentials.Config{Realm: "example.test"}, paris.keys)
	s.until("paris", "an answer to a challenge of london is accepted", func(api.Status) bool {
		now := time.Now()
		challenge, err := digest.ParseChallenge(string(home.AppendChallenge(nil, credentials.SHA256, false, now)))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := digest.Digest(challenge, digest.Options{Method: "REGISTER", URI: "sip:example.test", Username: "201", Password: "secret201", Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		verdict := backup.Verify(credentials.Request{Method: "REGISTER", URI: "sip:example.test", Authorization: []string{answer.String()}},
			office{paris}.Secret, now)
		return verdict.Outcome == credentials.Accepted
	})
}

func TestSE1_MediaSecurityThatDiffersIsAnAlarm(t *testing.T) {
	s := newSite(t)
	s.extra["paris"] = "media: {security: enforced}\n"
	s.start("london")
	s.start("paris")
	for _, name := range []string{"london", "paris"} {
		status := s.until(name, "an alarm names both values", func(st api.Status) bool {
			return alarmSays(st, "settings-differ", "media.security", `"preferred"`, `"enforced"`) && st.Lines[0].Up
		})
		if !strings.Contains(status.Lines[0].Agreement, "media.security") {
			t.Errorf("%s: the line must work on and say what differs: %+v", name, status.Lines[0])
		}
	}
	s.extra["paris"] = ""
	if err := s.running["paris"].Reload(s.load("paris")); err != nil {
		t.Fatal(err)
	}
	s.until("london", "the alarm is over", func(st api.Status) bool { return !alarmSays(st, "settings-differ") })
}

func TestNE1_AOneSidedLineIsAnAlarm(t *testing.T) {
	s := newSite(t)
	s.start("london")
	s.startEdited("paris", "{system: london, address: \""+s.address("london")+":7422\"", "{system: rome, address: \""+s.net+"13:7422\"")
	s.until("london", "an alarm says that paris has no such line", func(st api.Status) bool {
		return alarmSays(st, "line-down", "paris does not accept a line from us", "network.lines")
	})
	status := s.until("paris", "paris says who was turned away, and raises the alarm of its end", func(st api.Status) bool {
		return len(st.TurnedAway) > 0 && alarmSays(st, "line-one-sided", "london has a line to us")
	})
	if r := status.TurnedAway[0]; r.System != "london" || !strings.Contains(r.Reason, "london has no line here") {
		t.Errorf("turned away: %+v", r)
	}
}

func TestNE3_ANumberAtTwoSystemsIsAnAlarm(t *testing.T) {
	s := newSite(t)
	s.phonesAt["paris"] = []string{"202", "251"}
	s.start("london")
	s.start("paris")
	for _, name := range []string{"london", "paris"} {
		s.until(name, "the duplicate is an alarm that names both", func(st api.Status) bool {
			return alarmSays(st, "duplicate-number", "202", "london", "paris")
		})
	}
	s.phonesAt["paris"] = []string{"251"}
	if err := s.running["paris"].Reload(s.load("paris")); err != nil {
		t.Fatal(err)
	}
	s.until("london", "the number is unique again", func(st api.Status) bool { return !alarmSays(st, "duplicate-number") })
}

// shelf is what was shared, by set and key.
type shelf map[string]map[string]bool

func (s shelf) Put(set, key string, _ []byte, _ time.Time) error {
	if s[set] == nil {
		s[set] = map[string]bool{}
	}
	s[set][key] = true
	return nil
}

func (s shelf) Delete(set, key string) error {
	delete(s[set], key)
	return nil
}

// has are the keys of a set that begin so, sorted.
func (s shelf) has(set, prefix string) string {
	return strings.Join(slices.DeleteFunc(slices.Sorted(maps.Keys(s[set])), func(key string) bool { return !strings.HasPrefix(key, prefix) }), " ")
}

// Each backup is sent all users and only the phones that it would serve; a phone
// that appears at a location follows to that location's backup, and home again.
func TestSH5_AnExtensionFollowsItsPhoneToTheLocationsBackup(t *testing.T) {
	s := newSite(t)
	s.extra["london"] = "locations:\n  - {name: attic, subnets: [192.0.2.0/24], backup: rome}\n"
	s.write("london")
	path := s.write("london")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rome := fmt.Sprintf("  lines:\n    - {system: rome, address: \"%s13:7422\", networking_level: scn}\n", s.net)
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "  lines:\n", rome, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Directory()
	if err != nil {
		t.Fatal(err)
	}
	shared := shelf{}
	sharing := newSharing("london", shared, zerolog.Nop())
	sharing.directory(nil, d)
	wants := func(when, paris, rome string) {
		t.Helper()
		if got := shared.has("cfg/paris", extensionKey); got != paris {
			t.Errorf("%s: paris is sent %q, want %q", when, got, paris)
		}
		if got := shared.has("cfg/rome", extensionKey); got != rome {
			t.Errorf("%s: rome is sent %q, want %q", when, got, rome)
		}
		for _, set := range []string{"cfg/paris", "cfg/rome"} {
			if got := shared.has(set, userKey); got != "u/201 u/202 u/203" {
				t.Errorf("%s: %s has the users %q", when, set, got)
			}
		}
	}
	wants("before any phone was seen", "x/201 x/202 x/203", "")
	now := time.Now()
	attic := registrar.Registration{Number: "202", Source: netip.MustParseAddrPort("192.0.2.7:5060"), Expires: now.Add(time.Minute), Granted: 60}
	sharing.bound(d, &attic, now)
	wants("202 is in the attic", "x/201 x/203", "x/202")
	if len(shared["bind/rome"]) != 1 || len(shared["bind/paris"]) != 0 {
		t.Errorf("its registration is at %v", shared)
	}
	downstairs := attic
	downstairs.Source = netip.MustParseAddrPort("198.51.100.7:5060")
	sharing.bound(d, &downstairs, now)
	wants("202 came downstairs", "x/201 x/202 x/203", "")
	if len(shared["bind/rome"]) != 0 || len(shared["bind/paris"]) != 1 {
		t.Errorf("its registration is at %v", shared)
	}
}
