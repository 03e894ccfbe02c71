// Package console serves roost's local HTTP API under /api/v1 and the metrics
// under /metrics, over node's read-only view. It keeps no state of its own and
// decides nothing: each request becomes one call of Source.
//
// It has no log-in yet, so it belongs on a loopback address. Against web pages
// that reach for it through a browser it answers only requests addressed to an
// IP address or to localhost, and takes commands only as application/json.
package console
