package registrar

import (
	"errors"
	"fmt"
	"strings"
)

// errFull: a licence or the capacity is missing, and something expired may give
// it; request.err says which. It never leaves the package.
var errFull = errors.New("full")

// check refuses what contradicts itself or passes a limit, before any lock.
func (q *request) check() error {
	for _, f := range [...]struct {
		name       string
		length, at int
	}{
		{"number", len(q.Number), MaxNumberLength},
		{"Call-ID", len(q.CallID), MaxCallIDLength},
		{"Path", len(q.Path), MaxPathLength},
		{"home", len(q.Home), MaxHomeLength},
		{"zone of the source", len(q.Source.Addr().Zone()), maxAddr - 16},
		{"number of contacts", len(q.Contacts), MaxContactsInRequest},
	} {
		if f.length > f.at {
			return fmt.Errorf("%w: %s is %d, at most %d is taken", ErrBadUpdate, f.name, f.length, f.at)
		}
	}
	switch {
	case q.Number == "":
		return fmt.Errorf("%w: no number", ErrBadUpdate)
	case q.Protocol != SIP && q.Protocol != H323:
		return fmt.Errorf("%w: protocol %d is not known", ErrBadUpdate, q.Protocol)
	case q.Star && len(q.Contacts) > 0:
		return fmt.Errorf("%w: Contact * stands alone (RFC 3261 section 10.2.2)", ErrBadUpdate)
	}
	return q.checkContacts()
}

func (q *request) checkContacts() error {
	staying, flows := 0, 0
	for i := range q.Contacts {
		c := &q.Contacts[i]
		switch {
		case c.URI == "" || len(c.URI) > MaxContactLength:
			return fmt.Errorf("%w: a contact of %d bytes; it has 1 to %d", ErrBadUpdate, len(c.URI), MaxContactLength)
		case len(c.Instance) > MaxInstanceLength:
			return fmt.Errorf("%w: an instance id of %d bytes, at most %d are taken", ErrBadUpdate, len(c.Instance), MaxInstanceLength)
		case c.Expires < AskDefault:
			return fmt.Errorf("%w: expires %d", ErrBadUpdate, c.Expires)
		case c.Expires == 0:
			continue
		}
		if q.asked(c) < int64(q.limits.TooBrief) {
			q.res.MinExpires = q.limits.TooBrief
			return fmt.Errorf("%w: %d s asked for, at least %d s are granted", ErrTooBrief, q.asked(c), q.limits.TooBrief)
		}
		staying++
		if regIDOf(c) != 0 {
			flows++
		}
	}
	if flows > 0 && staying > 1 {
		return fmt.Errorf("%w: reg-id with %d contacts; a flow registers one (RFC 5626 section 6)", ErrBadUpdate, staying)
	}
	return nil
}

func (q *request) tooMany(devices int) error {
	return fmt.Errorf("%w: %s would have %d, at most %d are allowed", ErrTooManyContacts, q.Number, devices, q.limits.MaxContacts)
}

// full puts the error of a full system into words.
func (q *request) full(c Counts) error {
	if errors.Is(q.err, ErrNoLicence) {
		return fmt.Errorf("%w for %s: all %d are in use by registered phones", ErrNoLicence, q.Number, c.Licences)
	}
	return fmt.Errorf("%w: %s cannot be taken, the system carries %d phones", ErrCapacity, q.Number, c.Capacity)
}

// agentOf cuts a user agent to the length that is kept.
func agentOf(s string) string {
	if len(s) <= MaxUserAgentLength {
		return s
	}
	return strings.ToValidUTF8(s[:MaxUserAgentLength], "")
}
