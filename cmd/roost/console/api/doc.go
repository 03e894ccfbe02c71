// Package api holds the JSON types of roost's local HTTP API, /api/v1, and
// nothing else: no server, no client, no logic. The node fills them, the
// console serves them, and `roost status` and the lab read them.
//
// Durations are seconds as JSON numbers, instants are RFC 3339 strings. A field
// that has no value now is left out. Fields are only ever added within v1.
package api
