package flow

import "errors"

// Errors that a caller decides on.
var (
	// ErrGone: no flow has this ID any more. To who wanted a request delivered on it,
	// that is a 430 (RFC 5626 §5.3.1).
	ErrGone = errors.New("flow is gone")
	// ErrQueueFull: the peer does not read; the flow is closed for it.
	ErrQueueFull = errors.New("flow's output queue is full")
	// ErrShutdown: the Table is shutting down or has been shut down.
	ErrShutdown = errors.New("flow table is shut down")
	// ErrTooLarge: the message does not fit in a UDP datagram.
	ErrTooLarge = errors.New("message is too large for UDP")
	// ErrListeners: a Table has at most 254 listeners.
	ErrListeners = errors.New("more than 254 listeners")

	errTLSVersion = errors.New("the TLS configuration is missing or allows less than TLS 1.2")
)

// What can be wrong with the framing of a message on a stream (Inbound.Broken).
// The stream cannot be read on after it, so the flow is closed once the answer,
// if any, is written.
var (
	// ErrHeaderTooLarge: no end of the header within Limits.Header bytes (→ 513).
	ErrHeaderTooLarge = errors.New("header larger than the limit")
	// ErrBodyTooLarge: Content-Length is over Limits.Body (→ 413).
	ErrBodyTooLarge = errors.New("body larger than the limit")
	// ErrNoContentLength: RFC 3261 §20.14 demands it on streams (→ 400).
	ErrNoContentLength = errors.New("no Content-Length on a stream")
	// ErrContentLength: Content-Length is not a number, or stands there twice (→ 400).
	ErrContentLength = errors.New("Content-Length malformed or doubled")
	// ErrFrames: what came over a WebSocket is none of its frames, or larger than a
	// message may be.
	ErrFrames = errors.New("WebSocket frames malformed or too large")
)
