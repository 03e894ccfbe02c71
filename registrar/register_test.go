package registrar

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRFC3261_10_3_BindingIsMadeRefreshedAndLookedUp(t *testing.T) {
	r := New(Config{}, start)
	u := phone("201")
	u.Path = "<sip:p@192.0.2.1;lr>"
	u.Nonce, u.NonceCount = 99, 3
	u.Source = netip.MustParseAddrPort("[fe80::1%eth0]:5062")
	res := must(t, r, u, at(0))
	wantChanges(t, res.Changes, "added 201 sip:201@192.0.2.7:5060 left=1")
	got := r.Lookup("201", at(1))
	if len(got) != 1 || len(res.Bound) != 1 || got[0] != res.Bound[0] {
		t.Fatalf("lookup %+v, bound %+v", got, res.Bound)
	}
	want := Registration{Number: "201", Protocol: SIP, Transport: UDP, Contact: "sip:201@192.0.2.7:5060",
		Source: u.Source, CallID: "call-201", CSeq: 1, Branch: 77, Nonce: 99, NonceCount: 3,
		UserAgent: u.UserAgent, Path: u.Path, Q: 1000, Granted: got[0].Granted,
		Since: start, Registered: start, Expires: start.Add(time.Duration(got[0].Granted) * time.Second), Home: "london"}
	if got[0] != want {
		t.Fatalf("\n got %+v\nwant %+v", got[0], want)
	}
	if got[0].Granted < 540 || got[0].Granted > 600 {
		t.Errorf("granted %d of 600 asked for", got[0].Granted)
	}

	u = again(u)
	res = must(t, r, u, at(100))
	wantChanges(t, res.Changes, "refreshed 201 sip:201@192.0.2.7:5060 left=1")
	if res.Changes[0].Altered {
		t.Error("an unchanged refresh is told as altered")
	}
	if b := res.Bound[0]; !b.Since.Equal(start) || !b.Registered.Equal(at(100)) {
		t.Errorf("since %v registered %v", b.Since, b.Registered)
	}
	u = again(u)
	u.Source = netip.MustParseAddrPort("198.51.100.3:6000")
	u.Flow, u.Transport = 5, TCP
	res = must(t, r, u, at(110))
	if c := res.Changes[0]; !c.Altered || c.Registration.Source != u.Source || c.Registration.Flow != 5 {
		t.Errorf("another flow and source: %+v", c)
	}
	if got := r.Lookup("201", at(110)); got[0].Source != u.Source || got[0].Transport != TCP {
		t.Errorf("lookup %+v", got)
	}
}

func TestRFC3261_10_3_QueryListsAndChangesNothing(t *testing.T) {
	r := New(Config{}, start)
	must(t, r, phone("201"), at(0))
	q := phone("201")
	q.Contacts = nil // the CSeq is the same: a query is not held against it
	res := must(t, r, q, at(1))
	if len(res.Bound) != 1 || len(res.Changes) != 0 {
		t.Fatalf("%+v", res)
	}
}

func TestRFC3261_10_3_CSeqOrder(t *testing.T) {
	r := New(Config{}, start)
	u := phone("201")
	u.CSeq = 10
	must(t, r, u, at(0))

	for _, c := range []struct {
		name   string
		cseq   uint32
		callID string
		branch uint64
		ok     bool
	}{
		{"lower", 9, u.CallID, 5, false},
		{"the same from another request", 10, u.CallID, 5, false},
		{"higher", 11, u.CallID, 5, true},
		{"lower with another Call-ID", 1, "another", 6, true},
	} {
		v := u
		v.CSeq, v.CallID, v.Branch = c.cseq, c.callID, c.branch
		before := r.Lookup("201", at(1))
		res, err := r.Register(v, at(1))
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrOutOfOrder) {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err != nil && (len(res.Changes) > 0 || !slices.Equal(before, r.Lookup("201", at(1)))) {
			t.Errorf("%s: refused, but something changed: %v", c.name, told(res.Changes))
		}
	}
	// A removal of an old request is refused as well.
	v := u
	v.Contacts = []Contact{{URI: u.Contacts[0].URI, Expires: 0}}
	must(t, r, func() Update { w := u; w.CSeq = 20; return w }(), at(2))
	if _, err := r.Register(v, at(3)); !errors.Is(err, ErrOutOfOrder) {
		t.Errorf("late un-REGISTER: %v", err)
	}
	v.Contacts, v.Star = nil, true
	if _, err := r.Register(v, at(3)); !errors.Is(err, ErrOutOfOrder) {
		t.Errorf("late *: %v", err)
	}
}

func TestRFC3261_8_2_7_RetransmissionGetsTheSameAnswer(t *testing.T) {
	r := New(Config{}, start)
	u := phone("201")
	if _, ok := r.Repeats(&u, at(0)); ok {
		t.Error("the first request is told as a retransmission")
	}
	first := must(t, r, u, at(0))
	second := must(t, r, u, at(2))
	if !second.Repeated || len(second.Changes) != 0 || !slices.Equal(first.Bound, second.Bound) {
		t.Fatalf("\nfirst  %+v\nsecond %+v", first, second)
	}
	if asked, ok := r.Repeats(&u, at(2)); !ok || !slices.Equal(asked.Bound, first.Bound) {
		t.Errorf("Repeats: %v %+v", ok, asked)
	}
	u = again(u)
	if _, ok := r.Repeats(&u, at(2)); ok {
		t.Error("the next request is told as a retransmission")
	}
}

func TestRFC3261_10_2_2_Star(t *testing.T) {
	r := New(Config{MaxContacts: 3}, start)
	u := phone("201")
	u.Contacts = append(u.Contacts, Contact{URI: "sip:b@192.0.2.8", Expires: 600})
	must(t, r, u, at(0))
	u = again(u)
	u.Contacts, u.Star = nil, true
	res := must(t, r, u, at(1))
	if len(res.Bound) != 0 || len(res.Changes) != 2 || res.Changes[1].Left != 0 {
		t.Fatalf("%+v", told(res.Changes))
	}
	if c := r.Count(); c.Phones() != 0 || c.Bindings != 0 {
		t.Errorf("%+v", c)
	}
	u.Contacts = []Contact{{URI: "sip:b@192.0.2.8", Expires: 600}}
	if _, err := r.Register(u, at(1)); !errors.Is(err, ErrBadUpdate) {
		t.Errorf("* beside a contact: %v", err)
	}
}

func TestUnregisterRemovesOnlyWhatWasBoundHere(t *testing.T) {
	r := New(Config{}, start)
	u := phone("201")
	u.Contacts[0].Expires = 0
	res := must(t, r, u, at(0)) // a poll at a system that has no binding: 200, nothing changes
	if len(res.Changes) != 0 || len(res.Bound) != 0 {
		t.Fatalf("%+v", res)
	}
	own := phone("201")
	own.CallID = "other"
	must(t, r, own, at(1))
	u.Contacts[0].URI = "sip:201@203.0.113.1" // somebody else's contact
	if res = must(t, r, again(u), at(2)); len(res.Changes) != 0 {
		t.Fatalf("%v", told(res.Changes))
	}
	if len(r.Lookup("201", at(2))) != 1 {
		t.Error("the binding is gone")
	}
}

func TestRFC3261_10_3_AllContactsOrNone(t *testing.T) {
	r := New(Config{MaxContacts: 2, TooBrief: 60}, start)
	u := phone("201")
	u.Contacts = []Contact{{URI: "sip:a@192.0.2.1", Expires: 600}, {URI: "sip:b@192.0.2.1", Expires: 30}}
	res, err := r.Register(u, at(0))
	if !errors.Is(err, ErrTooBrief) || res.MinExpires != 60 {
		t.Fatalf("423: %v, Min-Expires %d", err, res.MinExpires)
	}
	if r.Count().Bindings != 0 {
		t.Error("one of the contacts was bound")
	}
	u.Contacts[1].Expires = 60
	u.Contacts = append(u.Contacts, Contact{URI: "sip:c@192.0.2.1", Expires: 600})
	if _, err = r.Register(u, at(0)); !errors.Is(err, ErrTooManyContacts) {
		t.Fatalf("three contacts: %v", err)
	}
	u.Contacts[2].Expires = 0
	res = must(t, r, u, at(0))
	if got := contactsOf(res.Bound); !slices.Equal(got, []string{"sip:a@192.0.2.1", "sip:b@192.0.2.1"}) {
		t.Errorf("bound %v", got)
	}
}

func TestContactLimit(t *testing.T) {
	t.Run("one a phone: the newest takes the place", func(t *testing.T) {
		r := New(Config{}, start)
		must(t, r, phone("201"), at(0))
		u := phone("201")
		u.CallID, u.Contacts[0].URI = "rebooted", "sip:201@192.0.2.9"
		wantChanges(t, must(t, r, u, at(5)).Changes,
			"removed 201 sip:201@192.0.2.7:5060 (replaced) left=0", "added 201 sip:201@192.0.2.9 left=1")
		if c := r.Count(); c.SIP != 1 || c.Bindings != 1 {
			t.Errorf("%+v", c)
		}
	})
	t.Run("refused where configured", func(t *testing.T) {
		r := New(Config{RefuseWhenFull: true}, start)
		must(t, r, phone("201"), at(0))
		u := phone("201")
		u.CallID, u.Contacts[0].URI = "second", "sip:201@192.0.2.9"
		if _, err := r.Register(u, at(5)); !errors.Is(err, ErrTooManyContacts) {
			t.Fatal(err)
		}
		// Moving in one request is possible.
		u.Contacts = append(u.Contacts, Contact{URI: phone("201").Contacts[0].URI, Expires: 0})
		must(t, r, u, at(6))
		// And so is the next once the first has expired.
		u.CallID, u.Contacts = "third", []Contact{{URI: "sip:201@192.0.2.10", Expires: 600}}
		must(t, r, u, at(700))
	})
	t.Run("several: the one refreshed longest ago goes", func(t *testing.T) {
		r := New(Config{MaxContacts: 2}, start)
		for i, host := range []string{"a", "b", "a", "c"} {
			u := phone("201")
			u.CallID, u.CSeq = host, uint32(i+1)
			u.Contacts[0].URI = "sip:201@" + host
			must(t, r, u, at(i))
		}
		if got := contactsOf(r.Lookup("201", at(5))); !slices.Equal(got, []string{"sip:201@c", "sip:201@a"}) {
			t.Errorf("%v", got)
		}
	})
	t.Run("same instance: replaced in place though the contact is new", func(t *testing.T) {
		r := New(Config{}, start)
		u := phone("201")
		u.Contacts[0].Instance = "<urn:uuid:1>"
		key := must(t, r, u, at(0)).Bound[0].Key()
		u = again(u)
		u.CallID, u.Contacts[0].URI = "rebooted", "sip:201@192.0.2.9"
		res := must(t, r, u, at(5))
		wantChanges(t, res.Changes, "refreshed 201 sip:201@192.0.2.9 left=1")
		if !res.Changes[0].Altered || res.Bound[0].Key() != key {
			t.Errorf("altered %v, key %s, was %s", res.Changes[0].Altered, res.Bound[0].Key(), key)
		}
	})
}

func TestRFC5626_6_TwoFlowsOfOneInstanceRingOnce(t *testing.T) {
	r := New(Config{MaxContacts: 2}, start)
	flow := func(reg uint32, f FlowID, now int) {
		u := phone("201")
		u.CallID, u.Transport, u.Flow = "same-for-both", TLS, f
		u.CSeq = 10 - reg // each flow counts its requests for itself
		u.Contacts[0] = Contact{URI: "sip:201@x.invalid;ob", Instance: "<urn:uuid:1>", RegID: reg, Expires: 600, Q: 1000}
		must(t, r, u, at(now))
	}
	flow(1, 11, 0)
	flow(2, 12, 1)
	other := phone("201")
	other.CallID = "desk"
	must(t, r, other, at(2))
	all := r.Lookup("201", at(3))
	if len(all) != 3 || all[1].RegID != 2 || all[2].RegID != 1 {
		t.Fatalf("order %+v", all)
	}
	ring := Ring(all)
	if len(ring) != 2 || ring[0].Instance != "" || ring[1].Flow != 12 {
		t.Fatalf("rings %+v", ring)
	}
	wantChanges(t, r.FlowClosed(12, at(4)), "removed 201 sip:201@x.invalid;ob (flow closed) left=2")
	if ring = Ring(r.Lookup("201", at(5))); ring[1].Flow != 11 {
		t.Errorf("after the newest flow died: %+v", ring)
	}
	// A third flow takes the place of the oldest; the default is two a device.
	flow(3, 13, 6)
	flow(4, 14, 7)
	if all = r.Lookup("201", at(8)); len(all) != 3 || all[0].RegID != 4 || all[1].RegID != 3 {
		t.Errorf("flows %+v", all)
	}
	// Without reg-id the instance has one binding again.
	u := phone("201")
	u.CallID, u.CSeq = "same-for-both", 50
	u.Contacts[0].Instance, u.Contacts[0].URI = "<urn:uuid:1>", "sip:201@192.0.2.44"
	must(t, r, u, at(9))
	if all = r.Lookup("201", at(9)); len(all) != 2 {
		t.Errorf("%+v", all)
	}
}

func TestRFC5626_6_RegIDRules(t *testing.T) {
	r := New(Config{MaxContacts: 4}, start)
	u := phone("201")
	u.Contacts = []Contact{{URI: "sip:a@h", Instance: "<i>", RegID: 1, Expires: 60}, {URI: "sip:b@h", Expires: 60}}
	if _, err := r.Register(u, at(0)); !errors.Is(err, ErrBadUpdate) {
		t.Errorf("reg-id beside another contact: %v", err)
	}
	u.Contacts = []Contact{{URI: "sip:a@h", RegID: 1, Expires: 60}}
	if res := must(t, r, u, at(0)); len(res.Bound) != 1 || res.Bound[0].RegID != 0 {
		t.Errorf("reg-id without an instance is ignored: %+v", res.Bound)
	}
}

func TestLimitsOnOneRequest(t *testing.T) {
	r := New(Config{MaxContacts: 100}, start)
	long := strings.Repeat("x", 2000)
	for name, change := range map[string]func(*Update){
		"number":     func(u *Update) { u.Number = Number(long) },
		"no number":  func(u *Update) { u.Number = "" },
		"protocol":   func(u *Update) { u.Protocol = 9 },
		"call-id":    func(u *Update) { u.CallID = long },
		"path":       func(u *Update) { u.Path = long },
		"home":       func(u *Update) { u.Home = long },
		"contact":    func(u *Update) { u.Contacts[0].URI = "sip:" + long },
		"no contact": func(u *Update) { u.Contacts[0].URI = "" },
		"instance":   func(u *Update) { u.Contacts[0].Instance = long },
		"expires":    func(u *Update) { u.Contacts[0].Expires = -5 },
		"zone":       func(u *Update) { u.Source = netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(long), 1) },
		"60 contacts": func(u *Update) {
			for len(u.Contacts) < 60 {
				u.Contacts = append(u.Contacts, Contact{URI: "sip:a@h" + strings.Repeat("i", len(u.Contacts)), Expires: 60})
			}
		},
	} {
		u := phone("201")
		change(&u)
		if _, err := r.Register(u, at(0)); !errors.Is(err, ErrBadUpdate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	u := phone("201")
	u.UserAgent = long
	if res := must(t, r, u, at(0)); len(res.Bound[0].UserAgent) != MaxUserAgentLength {
		t.Errorf("user agent of %d bytes is kept", len(res.Bound[0].UserAgent))
	}
	if res := must(t, r, again(u), at(0)); res.Changes[0].Altered {
		t.Error("a cut user agent is told as altered at each refresh")
	}
}

func TestSameContact_RFC3261_19_1_4(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"sip:alice@AtLanTa.CoM;Transport=tcp", "SIP:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@h", "sips:a@h", false},
		{"tel:+1", "TEL:+1", false},
	} {
		if SameContact(c.a, c.b) != c.same || SameContact(c.b, c.a) != c.same {
			t.Errorf("%s and %s: want same=%v", c.a, c.b, c.same)
		}
	}
	// The text of an equivalent contact replaces the old one, under the CSeq rule.
	r := New(Config{}, start)
	must(t, r, phone("201"), at(0))
	u := again(phone("201"))
	u.Contacts[0].URI += ";ob"
	wantChanges(t, must(t, r, u, at(1)).Changes,
		"removed 201 sip:201@192.0.2.7:5060 (replaced) left=0", "added 201 sip:201@192.0.2.7:5060;ob left=1")
}
