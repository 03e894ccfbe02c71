package natscarrier

import (
	"crypto/subtle"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"roost/certs"
)

// door decides who comes in at the embedded server, as the server's own authentication.
// TLS has checked by then that the certificate chains to the root; here it is about
// whether its system has a line to us, and what it may say and hear. Who may come in
// can change at any time; those whom a change does not concern stay connected.
type door struct {
	self     string
	password string // of our own in-process connections, random for each start
	limits   *Limits
	refusals *refusals
	// disconnect ends a connection of the server.
	disconnect func(id uint64)

	mu       sync.Mutex
	peers    map[string]Peer
	sessions map[uint64]session
	barred   map[string]time.Time // until when a peer that flooded stays out
}

// session is a connection of a peer at our server.
type session struct {
	id     uint64
	peer   string
	kind   kind
	remote net.Addr
	since  time.Time
}

func newDoor(self, password string, limits *Limits, refusals *refusals) *door {
	return &door{
		self: self, password: password, limits: limits, refusals: refusals,
		peers: make(map[string]Peer), sessions: make(map[uint64]session), barred: make(map[string]time.Time),
	}
}

// Check is called by the server for each connection, after TLS.
func (d *door) Check(c server.ClientAuthentication) bool {
	if c.Kind() != server.CLIENT {
		return false
	}
	if c.RemoteAddress().Network() == "pipe" { // in-process: never from a socket
		ours := subtle.ConstantTimeCompare([]byte(c.GetOpts().Password), []byte(d.password)) == 1
		if ours {
			c.RegisterUser(&server.User{Username: d.self})
		}
		return ours
	}
	tlsState := c.GetTLSConnectionState()
	if tlsState == nil || len(tlsState.PeerCertificates) == 0 {
		d.refusals.add(c.RemoteAddress(), "", "presents no certificate")
		return false
	}
	leaf := tlsState.PeerCertificates[0]
	system, err := certs.SystemOf(leaf)
	if err != nil {
		d.refusals.add(c.RemoteAddress(), "", err.Error())
		return false
	}
	peer, surplus, reason := d.admit(system, c)
	if reason != "" {
		d.refusals.add(c.RemoteAddress(), system, reason)
		return false
	}
	for _, id := range surplus {
		d.disconnect(id)
	}
	c.RegisterUser(&server.User{
		Username:           system,
		Permissions:        permissionsFor(d.self, &peer),
		ConnectionDeadline: leaf.NotAfter,
	})
	return true
}

// admit notes a connection of system. surplus are older ones that must go for it: a
// peer that was reset without a word comes back while its dead connections still stand.
func (d *door) admit(system string, c server.ClientAuthentication) (peer Peer, surplus []uint64, refused string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	peer, ok := d.peers[system]
	switch until, barred := d.barred[system]; {
	case system == d.self:
		return peer, nil, fmt.Sprintf("presents a certificate for %s, which is this system: another system runs with our identity", system)
	case !ok:
		return peer, nil, fmt.Sprintf("%s has no line here; if it should, add it to network.lines", system)
	case barred && time.Now().Before(until):
		return peer, nil, system + " stays out for a while because it sent far more than its rate"
	}
	delete(d.barred, system)
	now := time.Now()
	own := []session{{id: c.GetID(), peer: system, kind: kindNamed(c.GetOpts().Name), remote: c.RemoteAddress(), since: now}}
	for _, s := range d.sessions {
		if s.peer == system && s.id != c.GetID() {
			own = append(own, s)
		}
	}
	slices.SortFunc(own, func(a, b session) int { return int(int64(b.id) - int64(a.id)) }) // ids count up from 1
	for i, s := range own {
		if i < d.limits.PerPeer {
			d.sessions[s.id] = s
			continue
		}
		delete(d.sessions, s.id)
		surplus = append(surplus, s.id)
	}
	return peer, surplus, ""
}

// kindNamed reads the kind from the name that a peer gives its connection, "paris bulk".
// It decides nothing but what status shows.
func kindNamed(name string) kind {
	for k := range kinds {
		if strings.HasSuffix(name, " "+k.String()) {
			return k
		}
	}
	return data
}

// setPeers replaces who may come in; whom the change concerns is disconnected, and
// comes back with its new permissions, or does not.
func (d *door) setPeers(peers []Peer) {
	next := make(map[string]Peer, len(peers))
	for _, p := range peers {
		next[p.System] = p
	}
	d.mu.Lock()
	var gone []uint64
	for id, s := range d.sessions {
		old, was := d.peers[s.peer]
		if now, is := next[s.peer]; !is || !was || now.Member != old.Member || (now.Address == "") != (old.Address == "") {
			gone = append(gone, id)
			delete(d.sessions, id)
		}
	}
	d.peers = next
	d.mu.Unlock()
	for _, id := range gone {
		d.disconnect(id)
	}
}

// bar cuts a peer off for a while.
func (d *door) bar(system string, until time.Time) {
	d.mu.Lock()
	d.barred[system] = until
	var gone []uint64
	for id, s := range d.sessions {
		if s.peer == system {
			gone = append(gone, id)
			delete(d.sessions, id)
		}
	}
	d.mu.Unlock()
	for _, id := range gone {
		d.disconnect(id)
	}
}

// sweep forgets the sessions for which alive is false, and returns those that remain.
func (d *door) sweep(alive func(id uint64) bool) []session {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []session
	for id, s := range d.sessions {
		if !alive(id) {
			delete(d.sessions, id)
			continue
		}
		list = append(list, s)
	}
	return list
}
