// Package load is a lean load generator for registrars: many phones that do
// nothing but REGISTER, as fast as they may, from one thread a socket.
//
// It owns the messages (put together from pieces made beforehand, the digest's
// HA1 and HA2 computed once), the window of what is outstanding, RFC 3261's
// retransmissions over UDP, and the counts. It must not know roost: the import
// walls keep our own SIP code out, so that it is a test of any registrar.
//
// The shape of the data: Config says who asks whom, how and how often; Run makes
// the phones, for refreshes registers each of them once beforehand, and then
// measures. The phones are divided among workers, one a UDP socket or stream, each
// of which is one goroutine that owns its phones and its counts, so there is no
// lock. Every answer is held against its request: branch, Call-ID, CSeq, status,
// and in a 200 the contact and its lease. What does not agree is counted as wrong,
// never as an answer.
//
// The generator says when it was itself the limit: what it used of the processors
// that it may use stands in the Result.
package load
