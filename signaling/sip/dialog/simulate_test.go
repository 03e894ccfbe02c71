package dialog

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
	"roost/signaling/sip/transaction"
)

// A network in virtual time that loses, doubles and reorders what two legs send to
// each other, and two users who call, answer, hold, hang up and refuse at random.

type packet struct {
	at    time.Time
	order int
	to    int
	bytes []byte
}

type sim struct {
	t     testing.TB
	rng   *rand.Rand
	now   time.Time
	wire  []packet
	sent  int
	ends  [2]*user
	loss  float64 // of a packet
	twice float64
	most  time.Duration // delay
	tcp   bool
	seen  map[string]int
	trace strings.Builder
}

// user is who stands behind a leg.
type user struct {
	s       *sim
	side    int
	leg     *Leg
	c       *Config
	plan    []deed
	final   []call.LegEvent
	offers  map[uint32]bool // ours, unanswered
	tells   map[uint32]bool
	nextID  uint32
	version int
	delayed bool // calls without an offer
	silent  bool // never answers the INVITE
	refuses int
	invited bool
	up      bool
	mine    string // the last description that we gave, and theirs, of a done exchange
	theirs  string
	pending map[uint32]string
	answers map[uint32]string
	invites string // our side of the first exchange
}

// deed is something that a user does at a time.
type deed struct {
	at time.Time
	do func()
}

var simStart = time.Unix(1_800_000_000, 0)

func newSim(t testing.TB, seed uint64, seen map[string]int) *sim {
	s := &sim{t: t, seen: seen, rng: rand.New(rand.NewPCG(seed, 1)), now: simStart, most: 200 * time.Millisecond}
	for i := range s.ends {
		var key [32]byte
		key[0], key[1], key[2] = byte(i), byte(seed), byte(seed>>8)
		s.ends[i] = &user{
			s: s, side: i, offers: map[uint32]bool{}, tells: map[uint32]bool{},
			pending: map[uint32]string{}, answers: map[uint32]string{},
			c: &Config{Realm: "example.test", Random: rand.NewChaCha8(key), Timers: transaction.Timers{}},
		}
	}
	return s
}

func (s *sim) path() Path {
	p := Path{Flow: 1, Transport: "UDP", Local: "192.0.2.1:5060"}
	if s.tcp {
		p.Transport, p.Reliable = "TCP", true
	}
	return p
}

func (s *sim) arrival() Arrival {
	return Arrival{Path: s.path(), Remote: netip.MustParseAddrPort("192.0.2.1:5060")}
}

func (u *user) sdp() call.Body {
	u.version++
	return call.Body{Type: "application/sdp", Data: fmt.Appendf(nil, "side %d version %d", u.side, u.version)}
}

// put sends a packet over the wire, or two, or none.
func (s *sim) put(to int, b []byte) {
	copies := 1
	if !s.tcp {
		if s.rng.Float64() < s.loss {
			copies = 0
		} else if s.rng.Float64() < s.twice {
			copies = 2
		}
	}
	for range copies {
		s.sent++
		delay := time.Duration(s.rng.Int64N(int64(s.most)))
		if s.tcp {
			delay = s.most // in order
		}
		s.wire = append(s.wire, packet{s.now.Add(delay), s.sent, to, b})
	}
}

// did carries out what a leg wants.
func (u *user) did(fx *Effects) {
	for _, m := range fx.Sends {
		line, _, _ := strings.Cut(string(m.Bytes), "\r\n")
		_, cseq, _ := strings.Cut(string(m.Bytes), "CSeq: ")
		cseq, _, _ = strings.Cut(cseq, "\r\n")
		fmt.Fprintf(&u.s.trace, "%8v %d sends %s (%s)\n", u.s.now.Sub(simStart), u.side, line, cseq)
		u.s.put(1-u.side, m.Bytes)
	}
	for _, o := range fx.Odd {
		fmt.Fprintf(&u.s.trace, "%8v %d odd %d\n", u.s.now.Sub(simStart), u.side, o)
		u.s.seen[fmt.Sprint("odd ", o)]++
	}
	for _, ev := range fx.Events {
		fmt.Fprintf(&u.s.trace, "%8v %d hears %T\n", u.s.now.Sub(simStart), u.side, ev)
		u.hear(ev)
	}
}

func (u *user) do(a call.LegAction) {
	fmt.Fprintf(&u.s.trace, "%8v %d does %T\n", u.s.now.Sub(simStart), u.side, a)
	var fx Effects
	u.leg.Do(a, u.s.now, &fx)
	u.did(&fx)
}

func (s *sim) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), s.trace.String())
}

// dial begins the call.
func (s *sim) dial() {
	u := s.ends[0]
	d := call.Dial{To: "202", From: call.Party{Number: "201"}, Hops: 20}
	if !u.delayed {
		d.Offer = u.sdp()
		u.invites = string(d.Offer.Data)
	}
	var fx Effects
	u.leg = NewOutgoing(u.c, Outgoing{ID: 1, Peer: call.Phone, URI: "sip:202@192.0.2.2", Path: s.path()}, d, s.now, &fx)
	u.did(&fx)
}

// arrive hands a packet to its leg; the called end's leg begins with the INVITE.
func (s *sim) arrive(p packet) {
	u := s.ends[p.to]
	var m message.Message
	if f := m.Parse(p.bytes, message.Limits{}, true); f != nil {
		s.fail("malformed: %v\n%s", f, p.bytes)
	}
	if f := m.Check(message.Rules{Extensions: []string{"100rel", "timer", "replaces"}}); f != nil {
		s.fail("refused: %v\n%s", f, p.bytes)
	}
	var fx Effects
	if u.leg == nil {
		if !m.Request || m.Method != "INVITE" {
			return // a CANCEL that overtook its INVITE: 481, which changes nothing
		}
		u.leg = NewIncoming(u.c, Incoming{ID: 2, Peer: call.Phone, Number: "201"}, &m, s.arrival(), s.now, &fx)
	} else {
		u.leg.Receive(&m, s.arrival(), s.now, &fx)
	}
	u.did(&fx)
}

// step lets the next thing happen; false when nothing is left.
func (s *sim) step() bool {
	var at earliest
	sort.Slice(s.wire, func(i, j int) bool {
		a, b := s.wire[i], s.wire[j]
		return a.at.Before(b.at) || a.at.Equal(b.at) && a.order < b.order
	})
	if len(s.wire) > 0 {
		at.add(s.wire[0].at)
	}
	for _, u := range s.ends {
		for _, d := range u.plan {
			at.add(d.at)
		}
		if u.leg != nil {
			if next, ok := u.leg.Next(); ok {
				at.add(next)
			}
		}
	}
	if at.at.IsZero() {
		return false
	}
	if at.at.After(s.now) {
		s.now = at.at
	}
	if len(s.wire) > 0 && !s.wire[0].at.After(s.now) {
		p := s.wire[0]
		s.wire = s.wire[1:]
		s.arrive(p)
		return true
	}
	for _, u := range s.ends {
		for i, d := range u.plan {
			if !d.at.After(s.now) {
				u.plan = append(u.plan[:i], u.plan[i+1:]...)
				d.do()
				return true
			}
		}
	}
	for _, u := range s.ends {
		if u.leg == nil {
			continue
		}
		if next, ok := u.leg.Next(); ok && !next.After(s.now) {
			var fx Effects
			u.leg.Tick(s.now, &fx)
			u.did(&fx)
			if again, ok := u.leg.Next(); ok && !again.After(s.now) {
				s.fail("side %d wants a Tick that changes nothing", u.side)
			}
			return true
		}
	}
	return true
}

// play runs a random call to its end.
func (s *sim) play() {
	a, b := s.ends[0], s.ends[1]
	a.delayed = s.rng.IntN(5) == 0
	switch s.rng.IntN(8) {
	case 0:
		b.refuses = 486
	case 1:
		b.silent = true
	}
	s.dial()
	if s.rng.IntN(4) == 0 || b.silent {
		a.later(9*time.Second, func() { a.do(call.Cancel{}) })
	}
	for range s.rng.IntN(4) {
		u := s.ends[s.rng.IntN(2)]
		u.later(20*time.Second, func() {
			if u.leg == nil || len(u.final) > 0 || !u.up {
				return
			}
			if s.rng.IntN(4) == 0 {
				u.say()
			} else {
				u.offer()
			}
		})
	}
	ender := s.ends[s.rng.IntN(2)]
	a.plan = append(a.plan, deed{s.now.Add(3 * time.Minute), func() {
		s.agree()
		if ender.leg != nil && len(ender.final) == 0 {
			ender.do(call.End{})
		}
	}}, deed{s.now.Add(8 * time.Minute), func() {
		if len(a.final) == 0 {
			a.do(call.End{}) // the other one heard of nothing
		}
	}})
	for steps := 0; s.step(); steps++ {
		if steps > 20_000 || s.now.Sub(simStart) > 3*time.Hour {
			s.fail("the call never ends; %v have passed", s.now.Sub(simStart))
		}
	}
	for _, u := range s.ends {
		if u.leg == nil {
			continue
		}
		if !u.leg.Over() {
			s.fail("side %d is stuck: state %d, %d clients, %d servers", u.side, u.leg.state, len(u.leg.clients), len(u.leg.servers))
		}
		if len(u.final) != 1 && (u.invited || u.side == 0) {
			s.fail("side %d heard %d ends", u.side, len(u.final))
		}
	}
}

// agree holds the two ends together once all is quiet: both talk, about the same
// descriptions, and nothing asked for is still open.
func (s *sim) agree() {
	a, b := s.ends[0], s.ends[1]
	for _, u := range s.ends {
		if len(u.final) == 0 && (len(u.offers) > 0 || len(u.tells) > 0) {
			s.fail("side %d still waits for %v %v", u.side, u.offers, u.tells)
		}
	}
	if len(a.final) > 0 || len(b.final) > 0 || !a.up || !b.up {
		return
	}
	if a.leg.oa != idle || b.leg.oa != idle {
		s.fail("offer and answer are not done: %d %d", a.leg.oa, b.leg.oa)
	}
	s.seen["both talk"]++
	if a.mine != b.theirs || b.mine != a.theirs {
		s.fail("A has %q of its own and %q of B; B has %q and %q of A", a.mine, a.theirs, b.mine, b.theirs)
	}
}

func TestNetwork_DropsDoublesReorders(t *testing.T) {
	seen, most := map[string]int{}, 3000
	if testing.Short() {
		most = 300
	}
	for seed := range uint64(most) {
		s := newSim(t, seed, seen)
		if seed%3 == 0 {
			s.ends[0].c.SessionExpires, s.ends[1].c.SessionExpires = 90*time.Second, 90*time.Second
		}
		switch seed % 4 {
		case 0:
			s.tcp, s.most = true, 20*time.Millisecond
		case 1:
			s.twice, s.most = 0.3, time.Second
		case 2:
			s.loss, s.twice = 0.1, 0.1
		case 3:
			s.loss, s.twice, s.most = 0.3, 0.2, 2*time.Second
		}
		s.play()
	}
	t.Log(seen)
	// The walk is worth what it passes through.
	for _, what := range []string{
		"both talk", "agreed 0", "agreed 488", "call.Refused", "call.Cancelled", "call.Ended",
		fmt.Sprint("odd ", OddGlare),
	} {
		if seen[what] < most/200 {
			t.Errorf("%q was seen %d times in %d calls", what, seen[what], most)
		}
	}
}
