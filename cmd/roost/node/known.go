package node

import (
	"maps"
	"net/netip"
	"slices"
	"sync"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/record"
)

// known is what other systems told us of their numbers: the extensions and users
// of the homes that we back up (the cfg sets), and the network's directory (the
// dir sets). It is an index over the mirror, which stays the one that knows what
// is live; known is changed only by what the mirror says changed.
type known struct {
	mu         sync.RWMutex
	extensions map[registrar.Number]knownExtension
	contested  map[registrar.Number][]knownExtension // of other homes than the one in extensions
	users      map[owned]record.User
	entries    map[registrar.Number]map[string]record.DirEntry // number, then origin
	phones     map[string]int                                  // extensions by home
	bindings   map[owned]mirroredBindings
	locations  map[string][]record.Location // by home
	hosts      map[registrar.Number]string  // the systems at which others' phones are guests
	endpoints  knownEndpoints
}

// mirroredBindings is what must be known at once of a phone's registrations at
// its home: how many there are, and the newest nonce that it used there (SE4).
type mirroredBindings struct {
	count int
	used  credentials.Used
}

// owned names a record of a home.
type owned struct {
	home   string
	number registrar.Number
}

type knownExtension struct {
	home string
	record.Extension
}

func newKnown() *known {
	return &known{
		extensions: map[registrar.Number]knownExtension{},
		contested:  map[registrar.Number][]knownExtension{},
		users:      map[owned]record.User{},
		entries:    map[registrar.Number]map[string]record.DirEntry{},
		phones:     map[string]int{},
		bindings:   map[owned]mirroredBindings{},
		locations:  map[string][]record.Location{},
		hosts:      map[registrar.Number]string{},
	}
}

// extension finds a mirrored extension and the home it belongs to.
func (k *known) extension(n registrar.Number) (knownExtension, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	e, ok := k.extensions[n]
	return e, ok
}

// secret is what a mirrored extension proves itself with: its base user's.
func (k *known) secret(n registrar.Number) (credentials.Secret, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	e, ok := k.extensions[n]
	if !ok {
		return credentials.Secret{}, false
	}
	u, ok := k.users[owned{e.home, e.BaseUser}]
	return u.Secret, ok
}

// homeOf says which other system has a number, from its mirrored extensions or
// else from the network's directory.
func (k *known) homeOf(n registrar.Number) (string, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if e, ok := k.extensions[n]; ok {
		return e.home, true
	}
	for home := range k.entries[n] {
		return home, true
	}
	return "", false
}

// setExtension takes a mirrored extension over. Of a number that two homes have, the
// first one known stays in force (NE3); the other waits until that home gives it up.
func (k *known) setExtension(home string, e record.Extension) {
	k.mu.Lock()
	defer k.mu.Unlock()
	held, ok := k.extensions[e.Number]
	if ok && held.home != home {
		k.dropContested(home, e.Number)
		k.contested[e.Number] = append(k.contested[e.Number], knownExtension{home, e})
		return
	}
	if !ok {
		k.phones[home]++
	}
	k.extensions[e.Number] = knownExtension{home, e}
}

func (k *known) dropExtension(home string, n registrar.Number) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropContested(home, n)
	held, ok := k.extensions[n]
	if !ok || held.home != home {
		return
	}
	delete(k.extensions, n)
	k.phones[home]--
	if waiting := k.contested[n]; len(waiting) > 0 {
		k.extensions[n] = waiting[0]
		k.phones[waiting[0].home]++
		k.dropContested(waiting[0].home, n)
	}
}

// dropContested forgets a home's claim to a number that another has. k.mu is held.
func (k *known) dropContested(home string, n registrar.Number) {
	left := slices.DeleteFunc(k.contested[n], func(e knownExtension) bool { return e.home == home })
	if len(left) == 0 {
		delete(k.contested, n)
		return
	}
	k.contested[n] = left
}

func (k *known) setUser(home string, u record.User) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.users[owned{home, u.Number}] = u
}

func (k *known) dropUser(home string, n registrar.Number) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.users, owned{home, n})
}

// setEntry takes an entry of the network's directory over, and says whether other
// origins list the same number as theirs.
func (k *known) setEntry(origin string, e record.DirEntry) (others bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	origins := k.entries[e.Number]
	if origins == nil {
		origins = make(map[string]record.DirEntry, 1)
		k.entries[e.Number] = origins
	}
	origins[origin] = e
	return len(origins) > 1
}

// listedBy are the other systems that list a number as theirs.
func (k *known) listedBy(n registrar.Number) []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Collect(maps.Keys(k.entries[n]))
}

func (k *known) dropEntry(origin string, n registrar.Number) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.entries[n], origin)
	if len(k.entries[n]) == 0 {
		delete(k.entries, n)
	}
}

// user finds a mirrored user of a home.
func (k *known) user(home string, n registrar.Number) (record.User, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	u, ok := k.users[owned{home, n}]
	return u, ok
}

// setHost takes over that a system says that the phone of another is its guest.
func (k *known) setHost(system string, n registrar.Number) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hosts[n] = system
}

func (k *known) dropHost(system string, n registrar.Number) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hosts[n] == system {
		delete(k.hosts, n)
	}
}

// places are where a number of another system may be reached, the most likely first:
// where its phone is a guest, then its home. name is whose number it is.
func (k *known) places(n registrar.Number) (name string, systems []string) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if host := k.hosts[n]; host != "" {
		systems = append(systems, host)
	}
	for _, origin := range slices.Sorted(maps.Keys(k.entries[n])) {
		name = k.entries[n][origin].Name
		if !slices.Contains(systems, origin) {
			systems = append(systems, origin)
		}
	}
	return name, systems
}

// bound takes over that the home has a registration of the phone; fresh says that
// it is one more than before.
func (k *known) bound(home string, r *record.Registration, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := owned{home, r.Number}
	b := k.bindings[key]
	if fresh {
		b.count++
	}
	if newer := (credentials.Used{Nonce: r.Nonce, Count: r.NonceCount}); newer.Nonce > b.used.Nonce ||
		newer.Nonce == b.used.Nonce && newer.Count > b.used.Count {
		b.used = newer
	}
	k.bindings[key] = b
}

// unbound takes over that one registration of the phone at its home has gone, and
// returns how many are left. The newest nonce stays known as long as there is one.
func (k *known) unbound(home string, n registrar.Number) (left int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := owned{home, n}
	b := k.bindings[key]
	if b.count--; b.count > 0 {
		k.bindings[key] = b
		return b.count
	}
	delete(k.bindings, key)
	return 0
}

// floor is the newest nonce that the phone is known to have used at its home.
func (k *known) floor(home string, n registrar.Number) credentials.Used {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.bindings[owned{home, n}].used
}

// setLocation takes a location of a home over.
func (k *known) setLocation(home string, l record.Location) {
	k.dropLocation(home, l.Name)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.locations[home] = append(k.locations[home], l)
}

func (k *known) dropLocation(home, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.locations[home] = slices.DeleteFunc(slices.Clone(k.locations[home]), func(l record.Location) bool { return l.Name == name })
}

// location is a guest's location at its home: the longest subnet that has its
// address (GU6); empty if none has.
func (k *known) location(home string, source netip.Addr) string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	name, longest := "", -1
	for _, l := range k.locations[home] {
		for _, subnet := range l.Subnets {
			if subnet.Contains(source.Unmap()) && subnet.Bits() > longest {
				name, longest = l.Name, subnet.Bits()
			}
		}
	}
	return name
}

// phonesOf counts the mirrored extensions of a home.
func (k *known) phonesOf(home string) int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.phones[home]
}
