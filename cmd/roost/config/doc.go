// Package config is the one YAML file of a system: its types, reading it
// strictly, and comparing the files of several systems.
//
// It owns the names and defaults of all keys (docs/configuration.md describes
// them; a test holds the two together), the judgement of each value, and
// Check, which says before the start what would go wrong between systems.
//
// The shape of the data: Load reads a file into a Config or returns Errors, all
// of them at once, each one line "file:line: what is wrong; what would be right".
// Durations stand in the Config as written; Timers gives those in force, with the
// lab's speed applied. Config.Directory turns users, extensions and locations
// into what the registrar works with.
//
// It must not know how a value is carried out: no socket is opened here, and
// nothing but the file itself, the certificates and the files that passwords
// refer to is read.
package config
