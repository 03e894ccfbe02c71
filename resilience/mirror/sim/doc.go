// Package sim is a seeded simulator of the pure core: mirror.Session and
// resilience.Machine of several systems, the lines between them, and phones, with
// crashes, quick restarts, partitions longer than a tombstone lives, loss, delay,
// reordering, broken memory and clocks that are an hour off or step. Nothing in it
// waits or reads a clock: events stand in one queue by time, all dice are thrown
// from the seed, and the same seed gives the same run event for event, which
// [Result.Hash] shows.
//
// It is test support. While it runs it holds the core to its promises (check.go
// and phonecheck.go), of which it keeps its own account: what each system really
// wrote, when it really expires, who was really heard.
//
// A run is faults for a while and then a settling time without any. Times are
// shorter than RULES has them, so that a run holds many failovers: they are the
// constants of world.go.
package sim
