package ras

import (
	"net/netip"
	"slices"
	"time"

	"roost/registrar"
)

// endpoint is a registered endpoint with what only the gatekeeper needs of it.
type endpoint struct {
	Endpoint
	socket   uint8
	gone     bool // no longer in the table; the agenda may still hold it
	queued   bool // it stands in the agenda
	watched  *pending
	supports bool      // supportsAltGK
	last     answerKey // of its last registration, whose answer holds while it is registered
}

func (e *endpoint) copy() Endpoint {
	out := e.Endpoint
	out.Aliases = slices.Clone(e.Aliases)
	return out
}

// sameDevice says whether an unproven request can be of the endpoint: it comes from the
// same address. The port may be another one after a NAT forgot it.
func (e *endpoint) sameDevice(from netip.AddrPort) bool { return e.Source.Addr() == from.Addr() }

// table finds endpoints.
type table struct {
	byID     map[string]*endpoint
	byNumber map[registrar.Number]*endpoint
	byAlias  map[Alias]*endpoint
	sources  map[netip.Addr]int // endpoints behind each address
}

func newTable() table {
	return table{
		byID: map[string]*endpoint{}, byNumber: map[registrar.Number]*endpoint{},
		byAlias: map[Alias]*endpoint{}, sources: map[netip.Addr]int{},
	}
}

func (t *table) knows(a netip.Addr) bool { return t.sources[a] > 0 }

func (t *table) add(e *endpoint) {
	t.byID[e.ID] = e
	t.byNumber[e.Number] = e
	for _, a := range e.Aliases {
		t.byAlias[a.key()] = e
	}
	t.sources[e.Source.Addr()]++
}

func (t *table) remove(e *endpoint) {
	if e.gone {
		return
	}
	e.gone = true
	delete(t.byID, e.ID)
	delete(t.byNumber, e.Number)
	t.dropAliases(e)
	t.leave(e.Source.Addr())
}

func (t *table) dropAliases(e *endpoint) {
	for _, a := range e.Aliases {
		if key := a.key(); t.byAlias[key] == e {
			delete(t.byAlias, key)
		}
	}
}

func (t *table) setAliases(e *endpoint, aliases []Alias) {
	t.dropAliases(e)
	e.Aliases = aliases
	for _, a := range aliases {
		t.byAlias[a.key()] = e
	}
}

func (t *table) move(e *endpoint, source netip.AddrPort) {
	if e.Source.Addr() != source.Addr() {
		t.leave(e.Source.Addr())
		t.sources[source.Addr()]++
	}
	e.Source = source
}

func (t *table) leave(a netip.Addr) {
	if t.sources[a]--; t.sources[a] <= 0 {
		delete(t.sources, a)
	}
}

// item is something that is due: an endpoint's time to live, or a request of ours that
// has no answer.
type item struct {
	at time.Time
	e  *endpoint
	p  *pending
}

// agenda is a heap of items, the earliest first.
type agenda []item

func (a *agenda) push(i item) {
	*a = append(*a, i)
	h := *a
	for c := len(h) - 1; c > 0; {
		parent := (c - 1) / 2
		if !h[c].at.Before(h[parent].at) {
			break
		}
		h[c], h[parent] = h[parent], h[c]
		c = parent
	}
}

func (a *agenda) pop() item {
	h := *a
	top := h[0]
	last := len(h) - 1
	h[0], h[last] = h[last], item{}
	h = h[:last]
	*a = h
	for p := 0; ; {
		c := 2*p + 1
		if c >= len(h) {
			return top
		}
		if c+1 < len(h) && h[c+1].at.Before(h[c].at) {
			c++
		}
		if !h[c].at.Before(h[p].at) {
			return top
		}
		h[c], h[p] = h[p], h[c]
		p = c
	}
}
