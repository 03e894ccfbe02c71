// Package credentials is the server's side of digest authentication (RFC 7616,
// RFC 8760): the stored secret of a user (HA1, never the password), nonces that
// need no table, the challenge, and the check of an answer to it.
//
// A nonce is one AES block over the time of issue, so that no state is kept for
// a challenge, and carries the id of its key: the key of a peer, shared over the
// line, makes the peer's nonces good here too (rule SE4). What is kept is a
// small table of the counts (nc) seen with each nonce, of fixed size, which
// forgets into the safe direction: whoever is forgotten is asked again with
// stale=true, never locked out and never let in twice.
//
// It must not know sockets, messages, files or the clock. Time and the users'
// secrets are arguments.
package credentials
