package sip

import (
	"sync"
	"time"

	"roost/registrar"
	"roost/signaling/sip/flow"
)

// subscription is one phone's subscription to its own registration (RFC 3680).
type subscription struct {
	e      *Endpoint
	key    dialogKey
	number registrar.Number
	agent  string

	mu      sync.Mutex
	flow    flow.ID
	peer    Peer
	local   flow.Local
	request dialogRequest
	expires time.Time
	version uint32
	// One NOTIFY is under way at a time; what happens meanwhile is told by the
	// next, so that a phone that does not answer costs one transaction.
	busy   bool
	next   *notice
	closed bool
}

// dialogKey names a dialog as its SUBSCRIBE created it.
type dialogKey struct{ callID, local, remote string }

// notice is a NOTIFY to send.
type notice struct {
	gone   []regInfoContact // contacts that are told as terminated
	goHome *regInfoContact  // it and all standing contacts are told as deactivated
	ends   string           // reason with which the subscription ends, "" if it goes on
	told   []func(result)   // who wants to know the result
}

// subscriptions are all subscriptions of the endpoint.
type subscriptions struct {
	e        *Endpoint
	mu       sync.RWMutex
	most     int
	perPhone int
	byDialog map[dialogKey]*subscription
	byNumber map[registrar.Number][]*subscription
	byFlow   map[flow.ID][]*subscription
}

func newSubscriptions(e *Endpoint, most, perPhone int) *subscriptions {
	return &subscriptions{
		e: e, most: most, perPhone: perPhone,
		byDialog: make(map[dialogKey]*subscription),
		byNumber: make(map[registrar.Number][]*subscription),
		byFlow:   make(map[flow.ID][]*subscription),
	}
}

func keyOf(w *work) dialogKey {
	return dialogKey{callID: w.m.CallID, local: w.m.To.Tag(), remote: w.m.From.Tag()}
}

// has says whether the request belongs to a subscription's dialog.
func (s *subscriptions) has(w *work) bool { return s.find(w) != nil }

func (s *subscriptions) find(w *work) *subscription {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byDialog[keyOf(w)]
}

// of returns the subscriptions of a number.
func (s *subscriptions) of(n registrar.Number) []*subscription {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]*subscription(nil), s.byNumber[n]...)
}

// add keeps a new subscription; false if there are too many. Of one phone the
// oldest gives way: a phone that restarted has forgotten it.
func (s *subscriptions) add(one *subscription) bool {
	s.mu.Lock()
	mine := s.byNumber[one.number]
	var oldest *subscription
	if len(mine) >= s.perPhone {
		oldest = mine[0]
	} else if len(s.byDialog) >= s.most {
		s.mu.Unlock()
		return false
	}
	if oldest != nil {
		s.drop(oldest)
	}
	s.byDialog[one.key] = one
	s.byNumber[one.number] = append(s.byNumber[one.number], one)
	s.byFlow[one.flow] = append(s.byFlow[one.flow], one)
	s.mu.Unlock()
	if oldest != nil {
		oldest.close()
	}
	return true
}

// drop takes a subscription out of the tables; s.mu is held.
func (s *subscriptions) drop(one *subscription) {
	delete(s.byDialog, one.key)
	s.byNumber[one.number] = without(s.byNumber[one.number], one)
	if len(s.byNumber[one.number]) == 0 {
		delete(s.byNumber, one.number)
	}
	s.unflow(one)
}

func (s *subscriptions) unflow(one *subscription) {
	one.mu.Lock()
	id := one.flow
	one.mu.Unlock()
	s.byFlow[id] = without(s.byFlow[id], one)
	if len(s.byFlow[id]) == 0 {
		delete(s.byFlow, id)
	}
}

func without(list []*subscription, one *subscription) []*subscription {
	out := make([]*subscription, 0, len(list))
	for _, x := range list {
		if x != one {
			out = append(out, x)
		}
	}
	return out
}

// move notes that a subscription was refreshed over another flow.
func (s *subscriptions) move(one *subscription, w *work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unflow(one)
	one.mu.Lock()
	one.flow, one.peer, one.local = w.in.Flow, w.peer, localOf(w.in)
	one.mu.Unlock()
	s.byFlow[w.in.Flow] = append(s.byFlow[w.in.Flow], one)
}

// reflow notes that a UDP flow was made again.
func (s *subscriptions) reflow(one *subscription, id flow.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byDialog[one.key] != one {
		return
	}
	s.unflow(one)
	one.mu.Lock()
	one.flow = id
	one.mu.Unlock()
	s.byFlow[id] = append(s.byFlow[id], one)
}

func localOf(in *flow.Inbound) flow.Local {
	return flow.Local{Transport: in.Transport, Addr: in.Local}
}

// remove ends a subscription without a word to the phone.
func (s *subscriptions) remove(one *subscription) {
	s.mu.Lock()
	if s.byDialog[one.key] == one {
		s.drop(one)
	}
	s.mu.Unlock()
	one.close()
}

// flowClosed ends the subscriptions that came over a stream that is gone.
func (s *subscriptions) flowClosed(id flow.ID) {
	s.mu.Lock()
	gone := append([]*subscription(nil), s.byFlow[id]...)
	for _, one := range gone {
		s.drop(one)
	}
	s.mu.Unlock()
	for _, one := range gone {
		one.close()
	}
}

// overdue is how long the last NOTIFY of an expired subscription may take.
const overdue = 2 * time.Minute

// sweep ends what was not refreshed in time (RFC 6665 4.2.2).
func (s *subscriptions) sweep(now time.Time) {
	var due, lost []*subscription
	s.mu.RLock()
	for _, one := range s.byDialog {
		one.mu.Lock()
		switch late := now.Sub(one.expires); {
		case late >= overdue:
			lost = append(lost, one)
		case late >= 0 && !(one.busy && one.next != nil):
			due = append(due, one)
		}
		one.mu.Unlock()
	}
	s.mu.RUnlock()
	for _, one := range due {
		one.end("timeout")
	}
	for _, one := range lost {
		s.remove(one)
	}
}

func (s *subscriptions) count() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byDialog)
}

// close lets nothing more be sent.
func (one *subscription) close() {
	one.mu.Lock()
	waiting := one.next
	one.closed, one.next = true, nil
	one.mu.Unlock()
	waiting.tell(result{481, "subscription ended"})
}

func (n *notice) tell(r result) {
	if n == nil {
		return
	}
	for _, f := range n.told {
		f(r)
	}
}
