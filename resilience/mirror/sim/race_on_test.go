//go:build race

package sim

// raced: the race detector makes a run eight times as long and can find nothing in
// a simulator without goroutines. `make test` also runs this package without it.
const raced = true
