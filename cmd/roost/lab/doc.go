// Package lab breaks things on purpose: it starts a home and a backup as
// separate processes of `roost serve` on loopback addresses, and simulated
// phones as others (`roost phone --fleet`, one a phone up to 20 of them), carries
// out a scenario, and says whether what the rules promise was kept.
//
//	scenario.yaml ─▶ Scenario (scenario.go, action.go, condition.go: pure)
//	processes, HTTP status, phones' reports ─▶ Picture (picture.go: pure)
//	Scenario × Picture ─▶ Result: timeline, expectations, times (engine.go)
//
// Only launch.go, process.go, watch.go and bench.go touch processes, sockets
// and files; they know the systems by their configuration file and their HTTP
// API alone. All durations in scenarios and results are rule time: wall-clock
// time times the lab's speed.
package lab
