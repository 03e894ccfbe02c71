// Package directory is the configured side of phones: users, extensions and
// locations, which backup serves which phone (rule SH5), and what is known of
// the phones' families.
//
// It owns types, validation, lookup, and the difference between two directories
// when a configuration is reloaded. It reads no file: cmd/roost/config does, and
// puts file and line to the problems named here. A [Directory] never changes
// once made; a reload makes another.
package directory
