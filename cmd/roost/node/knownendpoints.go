package node

import (
	"roost/registrar"
	"roost/registrar/record"
)

// knownEndpoints are the H.323 registrations at the homes that are backed up here, by
// the identifier that the endpoint has there. They outlive their lease: that of an
// endpoint whose home is gone is over before its backup may serve it. The newest of
// each phone is kept, so there are no more than the homes have extensions.
type knownEndpoints struct {
	byID map[string]record.Registration
	of   map[owned]string
}

// setEndpoint takes over a registration at a home; one of SIP is none.
func (k *known) setEndpoint(home string, r record.Registration) {
	if r.Protocol != registrar.H323 || r.H323.EndpointID == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.endpoints.byID == nil {
		k.endpoints = knownEndpoints{byID: map[string]record.Registration{}, of: map[owned]string{}}
	}
	key := owned{home, r.Number}
	delete(k.endpoints.byID, k.endpoints.of[key])
	k.endpoints.byID[r.H323.EndpointID], k.endpoints.of[key] = r, r.H323.EndpointID
}

// dropEndpoint takes over that a registration ended at its home.
func (k *known) dropEndpoint(home string, n registrar.Number) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := owned{home, n}
	delete(k.endpoints.byID, k.endpoints.of[key])
	delete(k.endpoints.of, key)
}

// endpoint finds a registration at a home by the endpoint's identifier.
func (k *known) endpoint(id string) (record.Registration, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	r, ok := k.endpoints.byID[id]
	return r, ok
}
