package node

import (
	"slices"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

func allRegistered(n int) func(api.Status) bool {
	return func(s api.Status) bool { return s.Phones.Registered == n }
}

// TestFO2_FO7_FB1_FB6_GU2_PhonesGoToTheBackupAndHomeAgain is the whole story with
// real sockets: registered, home gone, guests, home back, home again.
func TestFO2_FO7_FB1_FB6_GU2_PhonesGoToTheBackupAndHomeAgain(t *testing.T) {
	for _, c := range []struct{ transport, profile string }{{"udp", "snom"}, {"tcp", "avaya-j100"}, {"tls", "poly"}} {
		t.Run(c.transport, func(t *testing.T) {
			s := newSite(t)
			s.start("london")
			s.start("paris")
			s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
			s.phones("london", c.profile, c.transport)
			s.until("london", "all phones are registered at home", allRegistered(3))
			// The home's death must leave the backup with what it had shared.
			s.until("paris", "the registrations are mirrored", func(st api.Status) bool {
				return len(st.Lines) == 1 && st.Lines[0].InSync && st.Lines[0].Records >= 3*3
			})

			s.stop("london")
			lost := time.Now()
			status := s.until("paris", "all phones are guests", func(st api.Status) bool { return len(st.Guests) == 3 })
			if early := time.Since(lost); early < testDelay {
				t.Errorf("guests %v after the home was lost, before the delay of %v", early, testDelay)
			}
			if status.Licences.Used != 0 {
				t.Errorf("guests use %d licences", status.Licences.Used)
			}
			if !slices.ContainsFunc(status.Alarms, func(a api.Alarm) bool { return a.Kind == "failover" && a.Severity == "major" }) {
				t.Errorf("no MAJOR alarm that failover began: %+v", status.Alarms)
			}

			s.start("london")
			s.until("london", "all phones are home", allRegistered(3))
			status = s.until("paris", "no guest is left", func(st api.Status) bool {
				return len(st.Guests) == 0 && homeState(st, "london") == "SYNCED"
			})
			if slices.ContainsFunc(status.Alarms, func(a api.Alarm) bool { return a.Kind == "failover" }) {
				t.Error("the failover alarm stands though all are home")
			}
		})
	}
}

func TestFO1_RefusedWhileTheHomeIsVisible(t *testing.T) {
	s := newSite(t)
	s.start("london")
	s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	// A phone that registers at both at once.
	s.phones("london", "grandstream-dual", "udp")
	s.until("london", "all phones are registered at home", allRegistered(3))
	status := s.until("paris", "the backup refused", func(st api.Status) bool { return st.Counters["sip_refused"] >= 3 })
	if status.Phones.Guests != 0 {
		t.Errorf("%d guests though the home is visible", status.Phones.Guests)
	}
}

func TestFB2_ABusyGuestIsMovedAfterItsCall(t *testing.T) {
	s := newSite(t)
	s.returns = phone.ByServer // else they might leave unasked
	s.start("london")
	paris := s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	s.phones("london", "avaya-j100", "tcp")
	s.until("london", "all phones are registered at home", allRegistered(3))
	s.stop("london")
	s.until("paris", "all phones are guests", func(st api.Status) bool { return len(st.Guests) == 3 })
	if _, err := (source{paris}).LabBusy(api.Busy{Number: "202", Busy: true}); err != nil {
		t.Fatal(err)
	}
	s.start("london")
	var since time.Time // for long enough that its turn has come
	s.until("paris", "only the busy guest is left, and stays", func(st api.Status) bool {
		if len(st.Guests) != 1 || st.Guests[0].Number != "202" || !st.Guests[0].Busy || st.Guests[0].State != "guest" {
			since = time.Time{}
			return false
		}
		if since.IsZero() {
			since = st.Now
		}
		return st.Now.Sub(since) > time.Second
	})
	if _, err := (source{paris}).LabBusy(api.Busy{Number: "202", Busy: false}); err != nil {
		t.Fatal(err)
	}
	s.until("london", "all phones are home", allRegistered(3))
}

func TestReloadTakesUsersAndKeepsTheRunningOneOnABadFile(t *testing.T) {
	s := newSite(t)
	london := s.start("london")
	s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })

	s.phonesAt["london"] = append(s.phonesAt["london"], "204")
	if err := london.Reload(s.load("london")); err != nil {
		t.Fatal(err)
	}
	s.until("paris", "the new extension is mirrored", func(st api.Status) bool { return st.Homes[0].Phones == 4 })

	s.phonesAt["london"] = s.phonesAt["london"][1:]
	if err := london.Reload(s.load("london")); err != nil {
		t.Fatal(err)
	}
	s.until("paris", "the removed extension is gone", func(st api.Status) bool { return st.Homes[0].Phones == 3 })

	other := s.load("london")
	other.Realm = "elsewhere.test"
	if err := london.Reload(other); err == nil || !strings.Contains(err.Error(), "realm") {
		t.Errorf("a change of the realm was taken while running: %v", err)
	}
}

func TestGU6_AGuestKeepsItsHomeLocation(t *testing.T) {
	s := newSite(t)
	s.extra["london"] = "locations:\n  - {name: site, subnets: [" + s.net + "0/24]}\n  - {name: attic, subnets: [" + s.net + "102/32]}\n"
	s.start("london")
	s.start("paris")
	s.until("paris", "london is mirrored", func(st api.Status) bool { return homeState(st, "london") == "SYNCED" })
	s.phones("london", "avaya-j100", "tcp")
	s.until("london", "all phones are registered at home", allRegistered(3))
	s.stop("london")
	status := s.until("paris", "all phones are guests", func(st api.Status) bool { return len(st.Guests) == 3 })
	for _, g := range status.Guests {
		if want := map[bool]string{true: "attic", false: "site"}[g.Number == "202"]; g.Location != want {
			t.Errorf("guest %s is in %q, want %q", g.Number, g.Location, want)
		}
	}
}
