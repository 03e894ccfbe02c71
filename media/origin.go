package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"

	"roost/media/sdp"
)

// sent is the o= that a side was sent last, and a digest of the description besides.
type sent struct {
	origin sdp.Origin
	known  bool
	rest   [sha256.Size]byte
}

// finish gives a description its o=, and writes it. Each side sees one session of
// one origin whose version grows with each change (RFC 3264 §8), whatever happens
// across: directly the far end's own, as long as that goes on; else one of ours.
func (s *Session) finish(to Side, d *sdp.Description, next *plan) []byte {
	last := &s.sent[to]
	origin, _ := d.Origin() // Parse has proved it
	d.Session.Set('o', "")
	rest := d.Bytes()
	sum := sha256.Sum256(rest)
	switch {
	case next.kind == Direct && (!last.known || last.goesOn(origin, sum)):
	case last.known:
		origin = last.origin
		if sum != last.rest {
			origin.Version++
		}
	default:
		addr, _ := next.local(to)
		origin = sdp.Origin{User: "-", Session: s.id, Version: 1, Address: sdp.FormatConnection(addr)}
	}
	*last = sent{origin: origin, known: true, rest: sum}
	line := []byte("o=" + origin.String())
	at := bytes.Index(rest, []byte("\r\no=\r\n")) + len("\r\n") // only one o=, and v= before it
	return slices.Concat(rest[:at], line, rest[at+len("o="):])
}

// goesOn tells that an o= may follow the last one in a dialog: the same session, and
// another description only with a higher version. After a transfer the new far end may
// have the very o= of the former one, and some phones change what they say without
// a new version; who gets that may go by the version, and read no further.
func (last *sent) goesOn(now sdp.Origin, rest [sha256.Size]byte) bool {
	same := now.User == last.origin.User && now.Session == last.origin.Session && now.Address == last.origin.Address
	return same && (now.Version > last.origin.Version || now.Version == last.origin.Version && rest == last.rest)
}

// identify gives the session the number that its o= has, at random as RFC 8866 §5.2
// lets us.
func (s *Session) identify() error {
	if s.id != "" {
		return nil
	}
	var raw [8]byte
	if _, err := io.ReadFull(s.rand, raw[:]); err != nil {
		return fmt.Errorf("no random session number could be made: %w", err)
	}
	s.id = strconv.FormatUint(binary.BigEndian.Uint64(raw[:])>>1, 10)
	return nil
}
