// Command bench measures roost beside Kamailio, where that is installed, and
// beside a bare responder of ours as the floor, in turn within one run, and
// writes the tables of docs/performance.md. `make bench` runs it; what it sets up
// and how to read it stands there.
//
// The servers are pinned to one core and this program, which is the load
// generator (cmd/roost/lab/load), to another. roost is measured from outside, as
// the program that is shipped: nothing of it is linked in here but the types of
// its console.
package main
