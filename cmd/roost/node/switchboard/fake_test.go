package switchboard

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"roost/media"
	"roost/registrar"
	"roost/signaling/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeLegs are far ends that do what their number says: "2…" answers at once, from
// within Do and Dial; "3…" rings for ever; "4…" is busy. Nothing of it waits.
type fakeLegs struct {
	b *Board

	mu      sync.Mutex
	dialled map[call.LegID]call.Dial
	did     map[call.LegID][]call.LegAction
	dialogs map[call.DialogID]call.LegID
	names   map[call.LegID]call.DialogID
	gone    map[call.LegID]bool
	sdp     string // of who answers; "" for the usual
	refuses string // the number that takes no new offer within a call
	mute    bool   // far ends that are told to end do not confirm it
}

func newFakeLegs() *fakeLegs {
	return &fakeLegs{dialled: map[call.LegID]call.Dial{}, did: map[call.LegID][]call.LegAction{}, dialogs: map[call.DialogID]call.LegID{},
		names: map[call.LegID]call.DialogID{}, gone: map[call.LegID]bool{}}
}

// name gives a leg the dialog that it will be known by.
func (f *fakeLegs) name(id call.LegID) {
	d := call.DialogID{CallID: fmt.Sprintf("call-%d", id), ToTag: "ours", FromTag: "theirs"}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dialogs[d], f.names[id] = id, d
}

func (f *fakeLegs) Dial(leg *Leg, d call.Dial) {
	f.mu.Lock()
	f.dialled[leg.ID] = d
	sdp := f.sdp
	f.mu.Unlock()
	f.name(leg.ID)
	switch d.To[:1] {
	case "2":
		f.b.LegEvent(call.Ringing{Leg: leg.ID, Status: 180})
		f.b.LegEvent(call.Answered{Leg: leg.ID, Body: description(leg.ID, sdp)})
	case "3":
		f.b.LegEvent(call.Ringing{Leg: leg.ID, Status: 180})
	case "4":
		f.b.LegEvent(call.Refused{Leg: leg.ID, Cause: call.Cause{Status: 486}})
	case "5": // wants its media anchored, or nothing
		if !strings.Contains(string(d.Offer.Data), "198.51.100.1") {
			f.b.LegEvent(call.Refused{Leg: leg.ID, Cause: call.Cause{Status: 488}})
			return
		}
		f.b.LegEvent(call.Answered{Leg: leg.ID, Body: description(leg.ID, sdp)})
	case "6": // takes nothing
		f.b.LegEvent(call.Refused{Leg: leg.ID, Cause: call.Cause{Status: 488}})
	}
}

func (f *fakeLegs) Do(id call.LegID, a call.LegAction) bool {
	f.mu.Lock()
	f.did[id] = append(f.did[id], a)
	gone, mute := f.gone[id], f.mute
	refuses := f.refuses != "" && f.dialled[id].To == f.refuses
	f.mu.Unlock()
	if gone || mute {
		return !gone
	}
	switch a := a.(type) {
	case call.Answer:
		f.b.LegEvent(call.Connected{Leg: id})
	case call.Cancel:
		f.b.LegEvent(call.Refused{Leg: id, Cause: call.Cause{Status: 487}})
	case call.Offer:
		if refuses {
			f.b.LegEvent(call.Agreed{Leg: id, ID: a.ID, Cause: call.Cause{Status: 488}})
			return true
		}
		f.b.LegEvent(call.Agreed{Leg: id, ID: a.ID, Body: description(id, "")})
	case call.End:
		f.b.LegEvent(call.Ended{Leg: id})
	}
	return true
}

func (f *fakeLegs) Dialog(id call.LegID) (call.DialogID, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, ok := f.names[id]
	return d, ok
}

func (f *fakeLegs) ByDialog(d call.DialogID) (call.LegID, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, ok := f.dialogs[d]
	return id, ok
}

// toldTo are the actions of a kind that a leg was told.
func toldTo[T call.LegAction](f *fakeLegs, id call.LegID) (found []T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.did[id] {
		if is, ok := a.(T); ok {
			found = append(found, is)
		}
	}
	return found
}

// leg finds the last leg that was dialled to a number.
func (f *fakeLegs) leg(number string) call.LegID {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := call.LegID(0)
	for id, d := range f.dialled {
		if d.To == number && id > found {
			found = id
		}
	}
	return found
}

// description is what a leg offers or answers: audio at an address of its own.
func description(id call.LegID, more string) call.Body {
	return call.Body{Type: "application/sdp", Data: fmt.Appendf(nil,
		"v=0\r\no=- 1 1 IN IP4 192.0.2.%[1]d\r\ns=-\r\nc=IN IP4 192.0.2.%[1]d\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n%[2]s", id%250+1, more)}
}

// fakeRelay counts its streams and has ports for some.
type fakeRelay struct {
	mu     sync.Mutex
	open   int
	room   int
	silent []func()
}

func (r *fakeRelay) Open(o media.OpenStream) (media.Stream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open >= r.room {
		return nil, fmt.Errorf("the test: %w", media.ErrNoPorts)
	}
	r.open++
	r.silent = append(r.silent, o.Silent)
	return &fakeStream{r: r, port: uint16(20000 + 4*r.open)}, nil
}

func (r *fakeRelay) streams() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open
}

type fakeStream struct {
	r      *fakeRelay
	port   uint16
	closed bool
}

func (s *fakeStream) Local(side media.Side) (rtp, rtcp netip.AddrPort) {
	at := netip.MustParseAddr("198.51.100.1")
	port := s.port + 2*uint16(side)
	return netip.AddrPortFrom(at, port), netip.AddrPortFrom(at, port+1)
}

func (s *fakeStream) Set(media.Side, media.SideConfig) error { return nil }
func (s *fakeStream) Stats() media.StreamStats {
	return media.StreamStats{Sides: [2]media.SideStats{{Packets: 100, MOS: 4.1}, {Packets: 200, MOS: 4.2}}}
}

func (s *fakeStream) Close() media.StreamStats {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.r.open--
	}
	return s.Stats()
}

// fakeWorld is the router and the observer of a board.
type fakeWorld struct {
	mu       sync.Mutex
	busy     map[registrar.Number]int
	standing map[string]Standing
	ended    []string
	records  []call.Record
	devices  int // of each number
	panics   string
}

func (w *fakeWorld) Route(q call.Query) call.Route {
	w.mu.Lock()
	defer w.mu.Unlock()
	if q.To == w.panics {
		panic("a fault in the test's router")
	}
	if q.To == "299" { // is at another system
		return call.Route{Kind: call.ToSystem, Number: "299", Targets: []call.Target{{Kind: call.System, Name: "paris", Number: "299"}}}
	}
	route := call.Route{Kind: call.ToUser, Number: registrar.Number(q.To)}
	for range max(1, w.devices) {
		route.Targets = append(route.Targets, call.Target{Kind: call.Phone, Number: registrar.Number(q.To)})
	}
	return route
}

func (w *fakeWorld) Number(uri string) (string, bool) { return uri, true }

func (w *fakeWorld) Busy(n registrar.Number) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[n]++
}

func (w *fakeWorld) Free(n registrar.Number) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[n]--; w.busy[n] == 0 {
		delete(w.busy, n)
	}
}

func (w *fakeWorld) Standing(s Standing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.standing[s.View.ID] = s
}

func (w *fakeWorld) Ended(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.standing, id)
	w.ended = append(w.ended, id)
}

func (w *fakeWorld) Finished(r call.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, r)
}

// site is a board with all that is false around it.
type site struct {
	*Board
	t     *testing.T
	legs  *fakeLegs
	relay *fakeRelay
	world *fakeWorld
}

func newSite(t *testing.T, limits Limits, direct bool) *site {
	t.Helper()
	s := &site{t: t, legs: newFakeLegs(), relay: &fakeRelay{room: 1000},
		world: &fakeWorld{busy: map[registrar.Number]int{}, standing: map[string]Standing{}}}
	s.Board = New(Options{
		System: "london", Router: s.world, Observer: s.world, Legs: s.legs, Relay: s.relay, Random: rand.Reader,
		Media: func() media.Config { return media.Config{Direct: direct} },
		Party: func(leg *Leg) media.Party {
			return media.Party{Direct: direct, Source: netip.AddrFrom4([4]byte{192, 0, 2, byte(leg.ID%250 + 1)}), Transport: media.ClearTransport}
		},
		Emergency: func(to string) bool { return to == "2112" },
		Limits:    func() Limits { return limits }, Log: zerolog.Nop(), Epoch: 7,
	})
	s.legs.b = s.Board
	s.Start()
	return s
}

// call brings a call in from a phone.
func (s *site) call(from, to string) call.LegID {
	id := s.NewLeg()
	s.legs.name(id)
	s.Invited(call.Invited{Leg: id, Peer: call.Phone, From: call.Party{Number: registrar.Number(from)}, To: to, Offer: description(id, ""), Hops: 70}, Origin{})
	return id
}

// empty: nothing is left of any call.
func (s *site) empty() {
	s.t.Helper()
	c := s.Counters()
	if c.Standing != 0 || c.Legs != 0 || s.relay.streams() != 0 || len(s.world.busy) != 0 || len(s.world.standing) != 0 {
		s.t.Errorf("left over: %+v, %d streams, busy %v, standing %v", c, s.relay.streams(), s.world.busy, s.world.standing)
	}
	if c.Panics != 0 {
		s.t.Errorf("%d panics", c.Panics)
	}
}

// stop ends the board and says whether all was over in time.
func (s *site) stop(within time.Duration) error {
	s.t.Helper()
	ctx, cancel := contextWithin(within)
	defer cancel()
	return s.Stop(ctx)
}
