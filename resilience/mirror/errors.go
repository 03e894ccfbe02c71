package mirror

import "errors"

// What a caller may decide on with errors.Is.
var (
	// ErrMalformed is a message that cannot be read: cut short, a length beyond
	// its bound, a name that is not one.
	ErrMalformed = errors.New("malformed message")
	// ErrVersion is a message of another major version of the wire format.
	ErrVersion = errors.New("another version of the mirror's wire format")
	// ErrName is a name of a system or a set that cannot stand in a subject.
	ErrName = errors.New("not a usable name")
	// ErrTooBig is a key, a value, a set or a payload beyond its limit.
	ErrTooBig = errors.New("too big")
	// ErrNoSet is a set that this system does not write.
	ErrNoSet = errors.New("no such set")
	// ErrDown is a carrier that was closed or has no line at all.
	ErrDown = errors.New("carrier is down")
	// ErrNoAnswer is a request that nobody serves: the other system is away, or
	// does not know the verb.
	ErrNoAnswer = errors.New("nobody answers")
)
