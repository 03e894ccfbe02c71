// Package mirrortest is a mirror.Carrier in memory, for tests: a network of any
// number of systems whose lines can be cut, be slow and lose messages. It keeps
// the promises of mirror.Carrier and no more, and works under testing/synctest.
package mirrortest
