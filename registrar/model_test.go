package registrar

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is the registrar as simply as it can be said: a list of bindings and the
// rules, with no shards, slots, indexes or counters.
type model struct {
	config   Config
	bindings []Registration
}

func (m *model) of(n Number) (all []Registration) {
	for _, b := range m.bindings {
		if b.Number == n {
			all = append(all, b)
		}
	}
	return all
}

func (m *model) removeIf(drop func(Registration) bool) {
	m.bindings = slices.DeleteFunc(m.bindings, drop)
}

func (m *model) phones(guests bool) int {
	seen := map[Number]bool{}
	for _, b := range m.bindings {
		if b.Guest == guests {
			seen[b.Number] = true
		}
	}
	return len(seen)
}

func (m *model) same(c Contact, b Registration) bool { // two names of one binding
	if c.Instance != "" && c.Instance == b.Instance {
		return c.RegID == b.RegID
	}
	return c.URI == b.Contact
}

func (m *model) register(u Update, now time.Time) error {
	m.removeIf(func(b Registration) bool { return b.Number == u.Number && !b.Expires.After(now) })
	for _, b := range m.of(u.Number) {
		c := u.Contacts
		otherFlow := len(c) == 1 && c[0].Instance != "" && c[0].Instance == b.Instance &&
			c[0].RegID != 0 && b.RegID != 0 && c[0].RegID != b.RegID
		if b.CallID == u.CallID && !otherFlow && (len(c) > 0 || u.Star) {
			if b.CSeq == u.CSeq && b.Branch == u.Branch {
				return nil // the generator never reuses a branch otherwise
			}
			if u.CSeq <= b.CSeq {
				return ErrOutOfOrder
			}
		}
	}
	if u.Star {
		m.removeIf(func(b Registration) bool { return b.Number == u.Number })
		return nil
	}
	if len(u.Contacts) == 0 {
		return nil
	}
	c := u.Contacts[0]
	if c.Expires == 0 {
		m.removeIf(func(b Registration) bool { return b.Number == u.Number && m.same(c, b) })
		return nil
	}
	if err := m.room(u, now); err != nil {
		return err
	}
	m.bind(u, c, now)
	return nil
}

// room: licences and capacity, after what expired has been swept if need be.
func (m *model) room(u Update, now time.Time) error {
	full := func() error {
		standing := m.of(u.Number)
		if len(standing) == 0 && m.config.Capacity > 0 && m.phones(true)+m.phones(false) >= m.config.Capacity {
			return ErrCapacity
		}
		licensed := len(standing) > 0 && !standing[0].Guest
		if !u.Guest && !licensed && m.config.Licences > 0 && m.phones(false) >= m.config.Licences {
			return ErrNoLicence
		}
		return nil
	}
	if full() == nil {
		return nil
	}
	m.removeIf(func(b Registration) bool { return !b.Expires.After(now) })
	return full()
}

func (m *model) bind(u Update, c Contact, now time.Time) {
	if c.Instance == "" {
		c.RegID = 0
	}
	mine := func(b Registration) bool { return b.Number == u.Number }
	m.removeIf(func(b Registration) bool { return mine(b) && b.Guest != u.Guest })
	since := now
	m.removeIf(func(b Registration) bool {
		if !mine(b) {
			return false
		}
		exact := c.Instance == b.Instance && c.RegID == b.RegID && (c.Instance != "" || c.URI == b.Contact)
		if exact {
			since = b.Since
			return true
		}
		if c.Instance != "" && c.Instance == b.Instance {
			return (c.RegID == 0) != (b.RegID == 0)
		}
		return c.URI == b.Contact
	})
	m.evict(u.Number, c)
	m.bindings = append(m.bindings, Registration{Number: u.Number, Contact: c.URI, Instance: c.Instance,
		RegID: c.RegID, CallID: u.CallID, CSeq: u.CSeq, Branch: u.Branch, Flow: u.Flow, Guest: u.Guest,
		Since: since, Registered: now, Expires: now.Add(time.Duration(c.Expires) * time.Second)})
}

// evict: at most two flows a device, and at most MaxContacts devices, with the
// one that is to come.
func (m *model) evict(n Number, c Contact) {
	device := func(instance, contact string) string {
		if instance != "" {
			return "i" + instance
		}
		return "c" + contact
	}
	for {
		mine := m.of(n)
		slices.SortStableFunc(mine, func(a, b Registration) int { return a.Registered.Compare(b.Registered) })
		devices := map[string]bool{}
		flows := 0
		var oldFlow, oldOther *Registration
		for i, b := range mine {
			if device(b.Instance, b.Contact) == device(c.Instance, c.URI) {
				flows++
				if oldFlow == nil {
					oldFlow = &mine[i]
				}
				continue
			}
			devices[device(b.Instance, b.Contact)] = true
			if oldOther == nil {
				oldOther = &mine[i]
			}
		}
		var gone *Registration
		switch {
		case flows >= 2:
			gone = oldFlow
		case len(devices) >= m.config.MaxContacts:
			gone = oldOther
		default:
			return
		}
		m.removeIf(func(b Registration) bool { return b.Key() == gone.Key() })
	}
}

// story is a registrar, its model, and a listener who knows only the changes.
type story struct {
	r       *Registrar
	m       *model
	told    map[string]Registration
	now     time.Time
	serial  uint64
	numbers []Number
}

func (s *story) hear(t *rapid.T, changes []Change) {
	for _, c := range changes {
		key := c.Registration.Key()
		_, known := s.told[key]
		if known == (c.Kind == Added) {
			t.Fatalf("%s of %s, which is known: %v", c.Kind, key, known)
		}
		if c.Kind == Removed {
			delete(s.told, key)
		} else {
			s.told[key] = c.Registration
		}
		left := 0
		for _, b := range s.told {
			if b.Number == c.Registration.Number {
				left++
			}
		}
		if left != c.Left {
			t.Fatalf("%s of %s: left is %d, the changes so far say %d", c.Kind, key, c.Left, left)
		}
	}
}

func (s *story) register(t *rapid.T) {
	s.serial++
	u := Update{
		Number: rapid.SampledFrom(s.numbers).Draw(t, "number"), Protocol: SIP, Transport: TCP,
		CallID: rapid.SampledFrom([]string{"p", "q"}).Draw(t, "callid"),
		CSeq:   uint32(rapid.IntRange(1, 12).Draw(t, "cseq")), Branch: s.serial,
		Flow:  FlowID(rapid.IntRange(0, 3).Draw(t, "flow")),
		Guest: rapid.IntRange(0, 3).Draw(t, "guest") == 0,
	}
	switch rapid.IntRange(0, 15).Draw(t, "what") {
	case 0:
		u.Star = true
	case 1: // a query
	default:
		expires := rapid.SampledFrom([]int64{0, 10, 30, 31, 60}).Draw(t, "expires")
		u.Contacts = []Contact{{
			URI:      rapid.SampledFrom([]string{"sip:a@h", "sip:b@h", "sip:c@h"}).Draw(t, "contact"),
			Instance: rapid.SampledFrom([]string{"", "", "i", "j"}).Draw(t, "instance"),
			RegID:    uint32(rapid.IntRange(0, 3).Draw(t, "regid")), Expires: expires}}
		u.MinExpires, u.MaxExpires = uint32(expires), uint32(expires) // an exact lease
		if expires == 0 {
			u.MinExpires, u.MaxExpires = 60, 60
		}
	}
	s.now = s.now.Add(time.Millisecond) // an order among those of a second
	before := s.view(t, u.Number)
	res, err := s.r.Register(u, s.now)
	s.hear(t, res.Changes)
	want := s.m.register(u, s.now)
	if fmt.Sprint(want) == "<nil>" != (err == nil) {
		t.Fatalf("%+v: got %v, the model says %v", u, err, want)
	}
	if err != nil && before != s.view(t, u.Number) {
		t.Fatalf("refused (%v), but changed\n%s\n%s", err, before, s.view(t, u.Number))
	}
	if _, ok := s.r.Repeats(&u, s.now); ok {
		if again, err := s.r.Register(u, s.now); err != nil || len(again.Changes) > 0 || !slices.Equal(again.Bound, res.Bound) {
			t.Fatalf("retransmission: %v %+v", err, again)
		}
	}
}

func (s *story) view(t *rapid.T, n Number) string { return fmt.Sprint(brief(s.r.Lookup(n, s.now))) }

func brief(all []Registration) (out []string) {
	for _, b := range all {
		out = append(out, fmt.Sprintf("%s c=%s i=%s/%d %s/%d flow=%d guest=%v since=%v until=%v", b.Number, b.Contact,
			b.Instance, b.RegID, b.CallID, b.CSeq, b.Flow, b.Guest, b.Since.Sub(start), b.Expires.Sub(start)))
	}
	slices.Sort(out)
	return out
}

func (s *story) check(t *rapid.T) {
	standing := func(all []Registration) []Registration {
		return slices.DeleteFunc(all, func(b Registration) bool { return !b.Expires.After(s.now) })
	}
	want := brief(standing(slices.Clone(s.m.bindings)))
	var looked, told []Registration
	for _, n := range s.numbers {
		looked = append(looked, s.r.Lookup(n, s.now)...)
	}
	for _, b := range s.told {
		told = append(told, b)
	}
	for name, got := range map[string][]Registration{
		"Lookup": looked, "All": slices.Collect(s.r.All(s.now)), "the changes": standing(told)} {
		if !slices.Equal(brief(got), want) {
			t.Fatalf("%s\n got %q\nwant %q", name, brief(got), want)
		}
	}
	c := s.r.Count()
	if c.Bindings != len(s.told) {
		t.Fatalf("%d bindings counted, %d told", c.Bindings, len(s.told))
	}
	phones := map[bool]map[Number]bool{true: {}, false: {}}
	for _, b := range s.told {
		phones[b.Guest][b.Number] = true
	}
	if c.LicencesUsed() != len(phones[false]) || c.Guests() != len(phones[true]) ||
		int64(c.LicencesUsed()) != s.r.count.licensed.Load() || int64(c.Phones()) != s.r.count.phones.Load() {
		t.Fatalf("counts %+v, told %d own and %d guests", c, len(phones[false]), len(phones[true]))
	}
	if c.Licences > 0 && c.LicencesUsed() > c.Licences || c.Capacity > 0 && c.Phones() > c.Capacity {
		t.Fatalf("past the limit: %+v", c)
	}
}

// The registrar does what the model does, the changes tell the whole story, and
// the counts are right, whatever happens in whatever order.
func TestUS4_GU2_RegistrarAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := Config{
			MaxContacts: rapid.IntRange(1, 3).Draw(t, "contacts"),
			Licences:    rapid.IntRange(0, 2).Draw(t, "licences"),
			Capacity:    rapid.IntRange(0, 4).Draw(t, "capacity"),
		}
		s := &story{r: New(config, start), m: &model{config: config}, told: map[string]Registration{}, now: start}
		home, _ := s.r.shardOf("200")
		for i := 200; len(s.numbers) < 6; i++ { // in one shard, where they can get in each other's way
			if sh, _ := s.r.shardOf(Number(fmt.Sprint(i))); sh == home {
				s.numbers = append(s.numbers, Number(fmt.Sprint(i)))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":         s.check,
			"register": s.register,
			"REGISTER": s.register,
			"flow closed": func(t *rapid.T) {
				f := FlowID(rapid.IntRange(0, 3).Draw(t, "flow"))
				s.hear(t, s.r.FlowClosed(f, s.now))
				s.m.removeIf(func(b Registration) bool { return f != 0 && b.Flow == f })
			},
			"drop": func(t *rapid.T) {
				n := rapid.SampledFrom(s.numbers).Draw(t, "number")
				s.hear(t, s.r.Drop(n, "operator", s.now))
				s.m.removeIf(func(b Registration) bool { return b.Number == n })
			},
			"drop guest": func(t *rapid.T) {
				n := rapid.SampledFrom(s.numbers).Draw(t, "number")
				s.hear(t, s.r.DropGuest(n, "home has it", s.now))
				s.m.removeIf(func(b Registration) bool { return b.Number == n && b.Guest })
			},
			"time passes": func(t *rapid.T) {
				s.now = s.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
			},
			"sweep": func(t *rapid.T) {
				s.hear(t, s.r.Sweep(s.now))
				s.m.removeIf(func(b Registration) bool { return !b.Expires.After(s.now) })
			},
		})
	})
}
