package registrar

import "errors"

// What a caller decides on; errors that Register returns wrap one of these and
// say in words what was wrong. The SIP answer belongs to the front-end; what
// fits is named here.
var (
	// ErrNoLicence: all licences are in use (US4); 403 with the text as reason.
	ErrNoLicence = errors.New("no licence left")
	// ErrCapacity: the system carries as many phones as it may (GU2); 503.
	ErrCapacity = errors.New("at capacity")
	// ErrTooBrief: 423 with Result.MinExpires (RFC 3261 section 10.3 step 7).
	ErrTooBrief = errors.New("interval too brief")
	// ErrOutOfOrder: a CSeq that is not higher than the binding's with the same
	// Call-ID, and no retransmission (RFC 3261 section 10.3 step 7); 500.
	ErrOutOfOrder = errors.New("request out of order")
	// ErrTooManyContacts: more contacts in one request than a phone may have; 403.
	ErrTooManyContacts = errors.New("too many contacts")
	// ErrBadUpdate: the request contradicts itself or passes a limit; 400.
	ErrBadUpdate = errors.New("bad registration")
)
