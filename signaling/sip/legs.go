package sip

import (
	"crypto/rand"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/dialog"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// legs are the legs of calls that the endpoint speaks for, found by our tag, by the
// INVITE that made them, by their ID.
type legs struct {
	e      *Endpoint
	config dialog.Config
	most   int
	clock  *clock

	mu       sync.RWMutex
	byID     map[call.LegID]*leg
	byTag    map[string]*leg
	byInvite map[string]*leg               // by the key of its transaction
	byMerge  map[mergeKey]*leg             // to find the same request on another path
	byFlow   map[flow.ID]map[*leg]struct{} // unanswered ones, by the stream that they began on
	byNumber map[registrar.Number]int      // legs of each phone that are not finished
	live     int                           // legs that are not finished
	fading   []*leg                        // finished ones that still remember, the oldest first
	shut     bool
}

// mergeKey is what a request has in common with itself on another path (RFC 3261
// §8.2.2.2).
type mergeKey struct {
	callID, from string
	cseq         uint32
}

// leg is one leg with its queue: whoever finds it idle works it off, one step after
// the other; who finds it at work leaves his step behind. So nobody waits, and what
// happens to a leg happens in order.
type leg struct {
	id        call.LegID
	tag       string
	inviteKey string // empty for an outgoing leg, and once its INVITE is settled
	merge     mergeKey
	number    registrar.Number
	origin    *Origin // until Invited was told
	stream    flow.ID // what it began on, while it stands in byFlow; 0: it does not
	ends      bool    // with its stream, as far as its runner knows

	mu      sync.Mutex
	dialog  *dialog.Leg
	queue   []step
	running bool
	gone    bool
	fades   bool           // it is finished; the table's mutex guards it
	local   netip.AddrPort // of a UDP path, from which it can be made again
	remote  netip.AddrPort

	known atomic.Pointer[call.DialogID] // the dialog, once it is one
	host  atomic.Pointer[netip.Addr]    // where the far end is known to be

	at    atomic.Int64 // when the clock will wake it, in Unix nanoseconds; 0: never
	place int          // in the clock's heap, -1: not there
}

// step is one thing that happens to a leg.
type step struct {
	message *message.Message
	arrival dialog.Arrival
	local   netip.AddrPort // where it came to
	action  call.LegAction
	gone    flow.ID // a stream that has ended
	now     time.Time
}

// maxQueue is how many steps may wait for a leg: more are dropped, as a network does.
const maxQueue = 256

func newLegs(e *Endpoint, most int) *legs {
	s := &legs{
		e: e, most: most,
		config: dialog.Config{
			Realm: e.o.Realm, Product: e.o.Product, Random: rand.Reader, Timers: e.o.CallTimers,
			SessionExpires: e.o.SessionExpires, MinSE: e.o.MinSE,
		},
		byID: make(map[call.LegID]*leg), byTag: make(map[string]*leg), byInvite: make(map[string]*leg),
		byMerge: make(map[mergeKey]*leg), byFlow: make(map[flow.ID]map[*leg]struct{}), byNumber: make(map[registrar.Number]int),
	}
	s.clock = newClock(s.tick)
	return s
}

func (l *leg) heardAt(remote netip.AddrPort) {
	host := remote.Addr().Unmap()
	l.host.Store(&host)
}

func (s *legs) tick(l *leg, now time.Time) { s.run(l, step{now: now}) }

func (s *legs) tagged(tag string) *leg {
	if tag == "" {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byTag[tag]
}

func (s *legs) invited(key string) *leg {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byInvite[key]
}

func (s *legs) merged(key mergeKey) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byMerge[key] != nil
}

func (s *legs) named(id call.LegID) *leg {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id]
}

// Emergency calls have room where others have none, so many legs more in all and of one
// phone: no honest phone needs them, and none may take all memory by them.
const (
	emergencyLegs          = 1000
	emergencyLegsPerNumber = 16
)

// room says whether another leg may begin, of a phone with this number.
func (s *legs) room(n registrar.Number, emergency bool) bool {
	most, each := s.most, s.e.o.Limits.LegsPerNumber
	if emergency {
		most, each = most+emergencyLegs, each+emergencyLegsPerNumber
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !s.shut && s.live < most && (n == "" || s.byNumber[n] < each)
}

// add keeps a new leg; its dialog is set and it is marked as running.
func (s *legs) add(l *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[l.id], s.byTag[l.tag] = l, l
	if l.inviteKey != "" {
		s.byInvite[l.inviteKey], s.byMerge[l.merge] = l, l
	}
	if p := l.dialog.Path(); p.Reliable {
		l.stream, l.ends = flow.ID(p.Flow), true
		if s.byFlow[l.stream] == nil {
			s.byFlow[l.stream] = make(map[*leg]struct{})
		}
		s.byFlow[l.stream][l] = struct{}{}
	}
	s.live++
	if l.number != "" {
		s.byNumber[l.number]++
	}
}

// fade counts a finished leg no longer among those that stand. It remembers its
// transactions for 32 s over UDP; where that becomes too much (as many as may stand),
// the oldest are forgotten, and what is repeated to them is answered 481.
func (s *legs) fade(l *leg) {
	s.mu.Lock()
	if l.fades || s.byID[l.id] != l {
		s.mu.Unlock()
		return
	}
	s.finished(l)
	for len(s.fading) > 0 && s.byID[s.fading[0].id] != s.fading[0] {
		s.dropOldest()
	}
	s.fading = append(s.fading, l)
	var oldest *leg
	if len(s.fading) > s.most {
		oldest = s.dropOldest()
	}
	s.mu.Unlock()
	if oldest != nil {
		s.e.count.add(cLegsForgotten)
		oldest.mu.Lock()
		oldest.gone = true
		oldest.mu.Unlock()
		s.remove(oldest)
	}
}

func (s *legs) dropOldest() *leg {
	l := s.fading[0]
	s.fading[0] = nil
	if s.fading = s.fading[1:]; len(s.fading) == 0 {
		s.fading = nil
	}
	return l
}

// finished takes a leg out of the counts; s.mu is held.
func (s *legs) finished(l *leg) {
	if l.fades {
		return
	}
	l.fades = true
	s.offFlow(l)
	s.live--
	if l.number == "" {
		return
	}
	if s.byNumber[l.number]--; s.byNumber[l.number] <= 0 {
		delete(s.byNumber, l.number)
	}
}

// flowClosed ends the legs that were not answered yet and whose way a stream was.
func (s *legs) flowClosed(id flow.ID, now time.Time) {
	s.mu.Lock()
	var all []*leg
	for l := range s.byFlow[id] {
		all = append(all, l)
	}
	s.mu.Unlock()
	for _, l := range all {
		s.run(l, step{gone: id, now: now})
	}
}

// offFlow takes a leg from those that end with their stream; s.mu is held.
func (s *legs) offFlow(l *leg) {
	if l.stream == 0 {
		return
	}
	if delete(s.byFlow[l.stream], l); len(s.byFlow[l.stream]) == 0 {
		delete(s.byFlow, l.stream)
	}
	l.stream = 0
}

// answered is told of a leg that stands from now on.
func (s *legs) answered(l *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offFlow(l)
}

// settle forgets the keys of the INVITE that made a leg.
func (s *legs) settle(l *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetInvite(l)
}

func (s *legs) forgetInvite(l *leg) {
	if l.inviteKey == "" {
		return
	}
	delete(s.byInvite, l.inviteKey)
	delete(s.byMerge, l.merge)
	l.inviteKey, l.merge = "", mergeKey{}
}

func (s *legs) remove(l *leg) {
	s.mu.Lock()
	if s.byID[l.id] == l {
		delete(s.byID, l.id)
		delete(s.byTag, l.tag)
		s.forgetInvite(l)
		s.finished(l)
	}
	s.mu.Unlock()
	s.clock.stop(l)
}

// count gives how many legs stand, and how many finished ones still remember.
func (s *legs) count() (standing, fading int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live, len(s.byID) - s.live
}

// close lets no leg begin and wakes none any more. Nothing is sent: whether calls
// are ended is the switchboard's to decide, before.
func (s *legs) close() {
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
	s.clock.close()
}
