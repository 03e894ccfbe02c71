package sip

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/registrar"
	"roost/signaling/call"
)

// board is a switchboard in small: it joins each caller with the phone that he
// dialled, one to one, and passes on what one leg tells to the other.
type board struct {
	e         *Endpoint
	desk      *desk
	ids       atomic.Uint64
	peerOf    func(FlowPeer) (Neighbour, bool)
	quiet     bool // keeps no history
	preserved call.DialogID

	mu      sync.Mutex
	panics  bool // at Told
	other   map[call.LegID]call.LegID
	origins map[call.LegID]Origin
	history []call.LegEvent
	invited []call.Invited
}

func newBoard() *board {
	return &board{other: map[call.LegID]call.LegID{}, origins: map[call.LegID]Origin{}}
}

func (b *board) NewLeg() call.LegID { return call.LegID(b.ids.Add(1)) }

func (b *board) Emergency(number string) bool { return number == "112" }

func (b *board) Neighbour(p FlowPeer) (Neighbour, bool) {
	if b.peerOf == nil {
		return Neighbour{}, false
	}
	return b.peerOf(p)
}

func (b *board) Stray(d call.DialogID, method string) bool {
	return method == "BYE" && d == b.preserved
}

func (b *board) Invited(ev call.Invited, o Origin) {
	all := b.desk.registrar.Lookup(registrar.Number(ev.To), time.Now())
	to := b.NewLeg()
	b.mu.Lock()
	b.origins[ev.Leg] = o
	b.invited = append(b.invited, ev)
	if len(all) > 0 {
		b.other[ev.Leg], b.other[to] = to, ev.Leg
	}
	b.mu.Unlock()
	if len(all) == 0 {
		b.e.Do(ev.Leg, call.Refuse{Cause: call.Cause{Status: 404, Phrase: "nobody has this number"}})
		return
	}
	b.e.Dial(DialTarget{Kind: call.Phone, Registration: &all[0]}, to,
		call.Dial{From: ev.From, To: ev.To, Offer: ev.Offer, Hops: ev.Hops})
}

func (b *board) LegEvent(ev call.LegEvent) {
	from := call.LegOf(ev)
	b.mu.Lock()
	if told, ok := ev.(call.Told); ok && b.panics {
		b.mu.Unlock()
		panic(told.Method)
	}
	to := b.other[from]
	_, alive := b.other[to]
	if !b.quiet {
		b.history = append(b.history, ev)
	}
	switch ev.(type) {
	case call.Ended, call.Refused, call.Cancelled:
		delete(b.other, from)
	}
	b.mu.Unlock()
	if to == 0 {
		return
	}
	switch ev := ev.(type) {
	case call.Ringing:
		b.e.Do(to, call.Ring{Status: ev.Status, Body: ev.Body})
	case call.Answered:
		if !b.e.Do(to, call.Answer{Body: ev.Body}) || !alive {
			b.e.Do(from, call.End{})
		}
	case call.Connected:
		b.e.Do(to, call.Connect{Body: ev.Body})
	case call.Refused:
		b.e.Do(to, call.Refuse{Cause: ev.Cause})
	case call.Cancelled:
		b.e.Do(to, call.Cancel{Cause: ev.Cause})
	case call.Offered:
		b.e.Do(to, call.Offer{ID: ev.ID, Body: ev.Body})
	case call.Agreed:
		b.e.Do(to, call.Reply{ID: ev.ID, Body: ev.Body, Cause: ev.Cause})
	case call.Ended:
		b.e.Do(to, call.End{Cause: ev.Cause})
	case call.Told:
		b.e.Do(to, call.Tell{ID: ev.ID, Method: ev.Method, Body: ev.Body, Package: ev.Package})
	case call.ToldReply:
		b.e.Do(to, call.TellReply{ID: ev.ID, Status: ev.Status})
	}
}

// wiredCalls is a site with in-memory sockets and a board.
func wiredCalls(t testing.TB, edit ...func(*Options, *registrar.Config)) (*wired, *board) {
	t.Helper()
	b := newBoard()
	w := newWired(t, append([]func(*Options, *registrar.Config){
		func(o *Options, _ *registrar.Config) { o.Calls = b },
	}, edit...)...)
	b.e, b.desk = w.Endpoint, w.desk
	return w, b
}

// ended counts the legs that told their last event, by kind.
func (b *board) last(id call.LegID) call.LegEvent {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.history) - 1; i >= 0; i-- {
		if call.LegOf(b.history[i]) == id {
			return b.history[i]
		}
	}
	return nil
}
