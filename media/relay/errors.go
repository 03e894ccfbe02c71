package relay

import "errors"

// Errors that a caller may tell apart.
var (
	// ErrClosed: the stream or the relay is closed.
	ErrClosed = errors.New("the media stream is closed")
	// ErrSide: a side cannot be what it was set to.
	ErrSide = errors.New("impossible media side")
	// ErrKeyReused: a key that protected a stream already may not protect another,
	// or the same one a second time (RFC 3711 §9.1).
	ErrKeyReused = errors.New("an SRTP key would be used twice")
	// ErrLoop: media would come back to where it was sent from.
	ErrLoop = errors.New("the media would run in a circle")
)
