// Package docs is the documentation for people, the pages of this folder, and the
// tests that hold it to the program: the rules to their proofs (rules_test.go),
// alarms, events, metrics and JSON fields to the code (kinds_test.go,
// metrics_test.go, fields_test.go), the commands to a running pair of systems
// (commands_test.go), links and examples to what they point at (pages_test.go).
//
// It has no code of its own and nothing imports it.
package docs
