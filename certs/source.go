package certs

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Source holds the identity in force and takes a new one when the files change.
// It is safe for concurrent use and has no goroutine: its owner calls Reload,
// every ten seconds or so.
type Source struct {
	files   Files
	current atomic.Pointer[Identity]

	mu   sync.Mutex // one Reload at a time
	seen contents   // the bytes that current was made of
}

// Open loads the files for the first time. What is expired or wrongly named is
// still loaded: the owner asks Identity.Check what there is to say about it.
func Open(files Files) (*Source, error) {
	raw, err := files.read()
	if err != nil {
		return nil, err
	}
	id, err := raw.parse(files)
	if err != nil {
		return nil, err
	}
	source := &Source{files: files, seen: raw}
	source.current.Store(id)
	return source, nil
}

// Fixed is a Source without files: Reload never changes it. For tests.
func Fixed(id *Identity) *Source {
	source := &Source{}
	source.current.Store(id)
	return source
}

// Current is the identity in force.
func (s *Source) Current() *Identity { return s.current.Load() }

// Reload reads the files again and takes them if they changed and are at least
// as good as what is in force: readable, key and certificate fit, the chain
// ends at the (new) root, the same system, and valid at now. Otherwise the old
// identity stays and the error says why; the same error comes back at every call
// until the files are mended, so that an alarm can stand as long as it is not nil.
func (s *Source) Reload(now time.Time) (changed bool, err error) {
	if s.files == (Files{}) {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := s.files.read()
	if err != nil {
		return false, fmt.Errorf("new certificate not taken: %w", err)
	}
	if raw.equal(&s.seen) {
		return false, nil
	}
	id, err := raw.parse(s.files)
	if err != nil {
		return false, fmt.Errorf("new certificate not taken: %w", err)
	}
	if err := id.verify(s.Current().System(), now); err != nil {
		return false, fmt.Errorf("new certificate not taken: %s: %w", s.files.Identity, err)
	}
	s.seen = raw
	s.current.Store(id)
	return true, nil
}
