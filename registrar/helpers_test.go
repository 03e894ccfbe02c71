package registrar

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// phone is the REGISTER of a plain own phone; tests change what they are about.
func phone(n Number) Update {
	return Update{
		Number: n, Protocol: SIP, Transport: UDP,
		Source: netip.MustParseAddrPort("192.0.2.7:5060"),
		CallID: "call-" + string(n), CSeq: 1, Branch: 77,
		UserAgent: "Yealink SIP-T46S", Home: "london",
		Contacts: []Contact{{URI: "sip:" + string(n) + "@192.0.2.7:5060", Expires: 600, Q: 1000}},
	}
}

func guest(n Number) Update {
	u := phone(n)
	u.Guest, u.Home, u.MinExpires, u.MaxExpires = true, "paris", 60, 120
	return u
}

// again is the phone's next REGISTER.
func again(u Update) Update {
	u.Contacts = slices.Clone(u.Contacts)
	u.CSeq++
	u.Branch = u.Branch*31 + 1
	return u
}

func must(t testing.TB, r *Registrar, u Update, now time.Time) Result {
	t.Helper()
	res, err := r.Register(u, now)
	if err != nil {
		t.Fatalf("REGISTER of %s: %v", u.Number, err)
	}
	return res
}

// told is a change in short, for comparison.
func told(changes []Change) (all []string) {
	for _, c := range changes {
		s := fmt.Sprintf("%s %s %s", c.Kind, c.Registration.Number, c.Registration.Contact)
		if c.Kind == Removed {
			s += fmt.Sprintf(" (%s)", c.Reason)
		}
		all = append(all, fmt.Sprintf("%s left=%d", s, c.Left))
	}
	return all
}

func wantChanges(t testing.TB, got []Change, want ...string) {
	t.Helper()
	if !slices.Equal(told(got), want) {
		t.Fatalf("changes\n got %q\nwant %q", told(got), want)
	}
}

func contactsOf(all []Registration) (uris []string) {
	for _, r := range all {
		uris = append(uris, r.Contact)
	}
	return uris
}
