package node

import (
	"sync"
	"sync/atomic"
	"time"

	"roost/registrar"
	"roost/registrar/record"
	"roost/resilience"
	"roost/signaling/h323"
	"roost/signaling/h323/ras"
)

// h323State is what a node holds for its gatekeeper.
type h323State struct {
	front    atomic.Pointer[h323.Front] // nil where it is off
	sequence atomic.Uint32              // orders registrations, as CSeq does those of SIP

	mu      sync.Mutex
	details map[registrar.Number]record.H323 // of registered endpoints, for sharing
}

// keep notes an endpoint's addresses and names for sharing.
func (h *h323State) keep(e *ras.Endpoint) {
	made := h323Record(e)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.details == nil {
		h.details = map[registrar.Number]record.H323{}
	}
	h.details[e.Number] = made
}

// of is what is shared of an endpoint; nothing of a SIP phone.
func (h *h323State) of(n registrar.Number) record.H323 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.details[n]
}

// forget drops what was noted of a registration that is gone.
func (h *h323State) forget(n registrar.Number, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.details[n].EndpointID == id {
		delete(h.details, n)
	}
}

// sendEndpointHome tells an endpoint to go home (FB4). Its result comes as an event.
func (n *Node) sendEndpointHome(e resilience.SendHome) {
	front := n.h323.front.Load()
	if front == nil {
		n.spawn(func() { n.gatekeeperSays(ras.UnregisterResult{Number: registrar.Number(e.Phone)}) })
		return
	}
	front.SendHome(registrar.Number(e.Phone), n.gatekeeperOf(string(e.Home)))
}

// dropEndpoint ends a registration at the gatekeeper that ended at the registrar.
func (n *Node) dropEndpoint(number registrar.Number, now time.Time) {
	if front := n.h323.front.Load(); front != nil {
		front.Drop(number, now)
	}
}
