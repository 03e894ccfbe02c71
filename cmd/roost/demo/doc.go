// Package demo is `roost demo`, what `make run` starts: a home and a backup as two
// processes on loopback, with a sample directory and certificates made on the spot,
// for somebody who wants to point a phone at it and see.
package demo
