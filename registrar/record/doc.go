// Package record is the bytes of what systems share (rule SH1): users,
// extensions, registrations, guests, the directory of the network, and nonce keys.
// Settings that systems compare ride in the heartbeats.
//
// A record is one byte of kind, one of format, and fields: each a tag with a
// wire type in one varint, then a varint or a length and bytes, as in protocol
// buffers. A reader skips tags that it does not know, so that systems of
// different versions understand each other; a field that is absent has its zero
// value. A new meaning gets a new tag; a tag is never used again. All lengths and
// counts are bounded, and a record that passes a bound is an error that names
// the field.
//
// Expiry travels as remaining seconds, never as a time of day (SH2). Parsed
// values keep no reference to the bytes they came from.
package record
