// Package per is the run-time of aligned packed encoding rules (ITU-T X.691,
// basic aligned PER), both ways, as far as H.225.0, H.235 and H.245 use them.
//
// It owns bits, lengths, constraints, extensions and their bounds. It knows no
// message: the generated code of packages h225 and h245 calls a Decoder and an
// Encoder field by field. It must not know sockets, clocks or loggers.
//
// Both keep their first error and from then on read zeroes or write nothing, so
// that the generated code need not ask after each field.
//
// A decoded value keeps parts of the octets it was decoded from (octet strings,
// object identifiers, BMP strings, unknown extensions): they must not be changed
// while the value is in use.
//
// What a sender knew and we do not is kept raw and written again unchanged: the
// additions behind an extension marker (Extension) and the alternatives of a
// CHOICE (Alternative).
//
// Bounds: MaxDepth nested recursive types, MaxCount elements of a list, MaxMemory
// octets of lists a message, MaxAdditions extension additions.
package per
