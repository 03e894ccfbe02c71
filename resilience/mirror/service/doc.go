// Package service runs a mirror.Session over a mirror.Carrier with real time:
// the goroutines, the gathering of changes, the ticks and the order of
// callbacks. It knows neither what a record means nor what the carrier is. All
// its waiting uses package time, so that it runs under testing/synctest.
//
// Its goroutines have their end in Stop: one that ticks and gathers; one that
// calls the callbacks, in order, so that what they do never holds up a heartbeat;
// two that publish, heartbeats and all else; and those of the carrier's
// subscriptions, which are its.
package service
