package certs

import "errors"

// What can be wrong with a certificate. The errors that the functions of this
// package return wrap one of these and say the rest in words.
var (
	// ErrNoCertificate: the peer, or the file, has no certificate.
	ErrNoCertificate = errors.New("no certificate")
	// ErrOtherRoot: the chain does not end at the trusted root.
	ErrOtherRoot = errors.New("other root")
	// ErrOtherName: the certificate is not that of the system, address or domain expected.
	ErrOtherName = errors.New("other name")
	// ErrExpired: the certificate is past its end.
	ErrExpired = errors.New("expired")
	// ErrNotYetValid: the certificate's begin is in the future; often a wrong clock.
	ErrNotYetValid = errors.New("not yet valid")
	// ErrUsage: the certificate may not be used for that side of TLS.
	ErrUsage = errors.New("wrong usage")
	// ErrKeyMismatch: the key is not the certificate's.
	ErrKeyMismatch = errors.New("key does not belong to the certificate")
	// ErrUnreadable: a file is missing or holds something else than it should.
	ErrUnreadable = errors.New("cannot be read")
)
