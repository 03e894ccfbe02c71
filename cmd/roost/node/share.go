package node

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/directory"
	"roost/registrar/record"
	"roost/resilience/mirror"
)

// publisher is what sharing needs of the mirror service.
type publisher interface {
	Put(set, key string, value []byte, expires time.Time) error
	Delete(set, key string) error
}

// Keys of the records in the cfg and guest sets, by kind; the number follows.
const (
	userKey      = "u/"
	extensionKey = "x/"
	locationKey  = "l/"
	guestKey     = "g/"
	nonceKey     = "k"
)

func cfgSet(backup string) string  { return "cfg/" + backup }
func bindSet(backup string) string { return "bind/" + backup }
func guestSet(home string) string  { return "guest/" + home }

// sharing writes what this system tells the others (SH1): its users to each of
// its backups, each extension and its registrations to the one backup that would
// serve the phone (SH5), its guests to their homes, its numbers to everybody.
type sharing struct {
	self string
	to   publisher
	log  zerolog.Logger

	mu sync.Mutex
	// placed is where each own extension is shared: its backup, by the address
	// that the phone was last seen at. A phone never seen has the system's own.
	placed map[registrar.Number]place
	// hosted are the guests that the directory tells of.
	hosted map[registrar.Number]bool
	// security is what an extension has that names no media security: a guest is never
	// offered less than at home (VP6).
	security registrar.MediaSecurity
	// h323 is what only registrations of that protocol have.
	h323 func(registrar.Number) record.H323
}

type place struct {
	backup string
	source netip.Addr
	// bound are the keys of the phone's shared registrations, so that they can
	// follow it to another backup. A phone has few.
	bound []string
}

func newSharing(self string, to publisher, log zerolog.Logger) *sharing {
	return &sharing{self: self, to: to, log: log, placed: map[registrar.Number]place{}, hosted: map[registrar.Number]bool{}}
}

func (s *sharing) put(set, key string, value []byte, expires time.Time) {
	if err := s.to.Put(set, key, value, expires); err != nil {
		s.log.Error().Err(err).Str("set", set).Str("key", key).Msg("a record could not be shared; the backup will not know it")
	}
}

func (s *sharing) remove(set, key string) {
	if err := s.to.Delete(set, key); err != nil {
		s.log.Error().Err(err).Str("set", set).Str("key", key).Msg("the removal of a record could not be shared")
	}
}

// directory shares what changed between two directories; from is nil at the start.
func (s *sharing) directory(from, to *directory.Directory) {
	diff := directory.Compare(from, to)
	backups := to.Backups()
	gone, fresh := differ(backupsOf(from), backups)
	for _, backup := range fresh {
		for _, u := range to.Users() {
			s.user(backup, to, u)
		}
	}
	for _, backup := range gone {
		for _, u := range from.Users() {
			s.remove(cfgSet(backup), userKey+string(u.Number))
		}
	}
	for _, u := range slices.Concat(diff.UsersAdded, diff.UsersChanged) {
		for _, backup := range backups {
			s.user(backup, to, u)
		}
		s.entry(to, u.Number, "")
	}
	for _, n := range diff.UsersRemoved {
		for _, backup := range backups {
			s.remove(cfgSet(backup), userKey+string(n))
		}
		s.remove(mirror.Dir, string(n))
	}
	s.extensions(diff, to)
	if diff.LocationsChanged || from == nil || len(fresh) > 0 {
		s.locations(from, to)
	}
}

// locations tells each backup of this site's locations, which its guests keep (GU6).
func (s *sharing) locations(from, to *directory.Directory) {
	for _, backup := range backupsOf(from) {
		for _, l := range from.Locations() {
			s.remove(cfgSet(backup), locationKey+l.Name)
		}
	}
	for _, backup := range to.Backups() {
		for _, l := range to.Locations() {
			s.put(cfgSet(backup), locationKey+l.Name,
				record.AppendLocation(nil, &record.Location{Name: l.Name, Subnets: l.Subnets}), time.Time{})
		}
	}
}

func backupsOf(d *directory.Directory) []string {
	if d == nil {
		return nil
	}
	return d.Backups()
}

// differ says what is only in the first and only in the second sorted list.
func differ(before, after []string) (gone, fresh []string) {
	for _, b := range before {
		if _, found := slices.BinarySearch(after, b); !found {
			gone = append(gone, b)
		}
	}
	for _, a := range after {
		if _, found := slices.BinarySearch(before, a); !found {
			fresh = append(fresh, a)
		}
	}
	return gone, fresh
}

func (s *sharing) user(backup string, d *directory.Directory, u directory.User) {
	base, _ := d.BaseExtension(u.Number)
	s.put(cfgSet(backup), userKey+string(u.Number), record.AppendUser(nil, &record.User{User: u, BaseExtension: base}), time.Time{})
}

func (s *sharing) extensions(diff directory.Diff, to *directory.Directory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range diff.ExtensionsRemoved {
		s.unplace(n)
		s.remove(mirror.Dir, string(n))
	}
	for _, e := range slices.Concat(diff.ExtensionsAdded, diff.ExtensionsChanged) {
		held := s.placed[e.Number]
		held.backup = ""
		s.placed[e.Number] = held
		s.place(to, e.Number, held.source)
		s.entry(to, e.Number, "")
	}
	if diff.LocationsChanged {
		for _, e := range to.Extensions() {
			s.place(to, e.Number, s.placed[e.Number].source)
		}
	}
}

// place shares an extension with the backup for that address and takes it away
// from the one that had it. The registrations follow with the phone's next
// refresh. s.mu is held.
func (s *sharing) place(d *directory.Directory, n registrar.Number, source netip.Addr) string {
	held := s.placed[n]
	backup := d.BackupFor(source)
	held.source = source
	if held.backup == backup {
		s.placed[n] = held
		return backup
	}
	if held.backup != "" {
		s.remove(cfgSet(held.backup), extensionKey+string(n))
		for _, key := range held.bound {
			s.remove(bindSet(held.backup), key)
		}
	}
	held.backup, held.bound = backup, nil
	s.placed[n] = held
	if backup == "" {
		return ""
	}
	if e, ok := d.Extension(n); ok {
		e.MediaSecurity = cmp.Or(e.MediaSecurity, s.security)
		s.put(cfgSet(backup), extensionKey+string(n), record.AppendExtension(nil, &record.Extension{Extension: e}), time.Time{})
	}
	return backup
}

// unplace withdraws an extension and its registrations. s.mu is held.
func (s *sharing) unplace(n registrar.Number) {
	held := s.placed[n]
	delete(s.placed, n)
	if held.backup == "" {
		return
	}
	s.remove(cfgSet(held.backup), extensionKey+string(n))
	for _, key := range held.bound {
		s.remove(bindSet(held.backup), key)
	}
}

// bound shares an own registration that was added or refreshed.
func (s *sharing) bound(d *directory.Directory, r *registrar.Registration, now time.Time) {
	key := r.Key()
	s.mu.Lock()
	backup := s.place(d, r.Number, r.Source.Addr())
	if backup != "" {
		if held := s.placed[r.Number]; !slices.Contains(held.bound, key) {
			held.bound = append(held.bound, key)
			s.placed[r.Number] = held
		}
	}
	s.mu.Unlock()
	if backup == "" {
		return
	}
	// Made in a buffer on the stack and copied once: the store keeps the value, which
	// should have no room left over.
	var buf [512]byte
	shared := record.Registration{Registration: *r}
	if r.Protocol == registrar.H323 {
		shared.H323 = s.h323(r.Number)
	}
	value := record.AppendRegistration(buf[:0], &shared, now)
	s.put(bindSet(backup), key, bytes.Clone(value), r.Expires)
}

// unbound withdraws an own registration that is gone.
func (s *sharing) unbound(r *registrar.Registration) {
	key := r.Key()
	s.mu.Lock()
	held := s.placed[r.Number]
	held.bound = slices.DeleteFunc(held.bound, func(k string) bool { return k == key })
	if held.backup != "" {
		s.placed[r.Number] = held
	}
	s.mu.Unlock()
	if held.backup != "" {
		s.remove(bindSet(held.backup), key)
	}
}

// guest tells a home that its phone is here, until its lease ends, and all others where
// calls to it go.
func (s *sharing) guest(g *record.Guest, expires, now time.Time) {
	s.mu.Lock()
	hosted := s.hosted[g.Phone]
	s.hosted[g.Phone] = true
	s.mu.Unlock()
	if !hosted {
		s.put(mirror.Dir, string(g.Phone), record.AppendDirEntry(nil, &record.DirEntry{Number: g.Phone, Home: g.Home, Where: s.self}), time.Time{})
	}
	s.put(guestSet(g.Home), guestKey+string(g.Phone), record.AppendGuest(nil, g, now), expires)
}

func (s *sharing) guestGone(home string, n registrar.Number) {
	s.mu.Lock()
	hosted := s.hosted[n]
	delete(s.hosted, n)
	s.mu.Unlock()
	if hosted {
		s.remove(mirror.Dir, string(n))
	}
	s.remove(guestSet(home), guestKey+string(n))
}

// entry tells everybody of an own number, and where it is registered now.
func (s *sharing) entry(d *directory.Directory, n registrar.Number, where string) {
	u, _ := d.User(n)
	s.put(mirror.Dir, string(n), record.AppendDirEntry(nil, &record.DirEntry{
		Number: n, Name: cmp.Or(u.Name, fmt.Sprintf("phone %s", n)), Home: s.self, Where: where}), time.Time{})
}

// groups tells everybody of the groups' numbers that came or went.
func (s *sharing) groups(from, to map[registrar.Number]string) {
	for n := range from {
		if _, stays := to[n]; !stays {
			s.remove(mirror.Dir, string(n))
		}
	}
	for n, name := range to {
		if was, there := from[n]; !there || was != name {
			s.put(mirror.Dir, string(n), record.AppendDirEntry(nil, &record.DirEntry{Number: n, Name: name, Home: s.self, Where: s.self}), time.Time{})
		}
	}
}

// secured says what extensions have that name no media security, and shares them anew
// where that changed.
func (s *sharing) secured(is registrar.MediaSecurity, d *directory.Directory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.security == is {
		return
	}
	s.security = is
	for n, held := range s.placed {
		if e, ok := d.Extension(n); ok && held.backup != "" {
			e.MediaSecurity = cmp.Or(e.MediaSecurity, is)
			s.put(cfgSet(held.backup), extensionKey+string(n), record.AppendExtension(nil, &record.Extension{Extension: e}), time.Time{})
		}
	}
}

// nonceKey shares the key of our nonces with the other systems (SE4): a phone
// brings its last nonce along, to its backup and home again. It rides in the guest
// sets, which every peer may have read one of.
func (s *sharing) nonceKey(peers []string, k credentials.Key) {
	for _, peer := range peers {
		s.put(guestSet(peer), nonceKey, record.AppendKey(nil, k), time.Time{})
	}
}
