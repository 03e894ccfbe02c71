package credentials

import "time"

// Config of a Verifier; the zero value of a field is its default.
type Config struct {
	Realm string
	// Algorithms that are offered, the preferred first; SHA256 and MD5.
	Algorithms []Algorithm
	// Lifetime of a nonce, 1 h.
	Lifetime time.Duration
	// PeerLifetime of a peer's nonce, at most Lifetime; the same by default.
	PeerLifetime time.Duration
	// Remembered is how many nonces' counts are kept, 262,144 by default (24 B each).
	Remembered int
}

// Verifier challenges, and checks the answers. It is safe for concurrent use.
type Verifier struct{}

// NewVerifier makes a verifier over a key ring.
func NewVerifier(c Config, keys *KeyRing) *Verifier { panic("being written") }

// AppendChallenge appends one value of a WWW-Authenticate or
// Proxy-Authenticate header. A 401 carries one for each of Algorithms, in that
// order (RFC 8760 section 2.3).
func (v *Verifier) AppendChallenge(dst []byte, a Algorithm, stale bool, now time.Time) []byte {
	panic("being written")
}

// Algorithms are those to challenge with, in order.
func (v *Verifier) Algorithms() []Algorithm { panic("being written") }

// Request is what an answer to a challenge came with.
type Request struct {
	Method string
	// URI is the Request-URI as it stands in the message.
	URI string
	// Authorization are the values of the header, of any scheme and realm;
	// at most MaxAuthorizations are looked at.
	Authorization []string
	// Floor, if known, is the newest nonce and count that the phone used at its
	// home, from its mirrored registration: a nonce of a peer must be newer.
	Floor Used
}

// Used is a nonce and its count: ordered by time of issue, then count.
type Used struct {
	Nonce uint64
	Count uint32
}

// Outcome of a check.
type Outcome uint8

// The outcomes, and what to answer.
const (
	Missing   Outcome = iota // no answer for this realm: challenge
	Accepted                 // the request is User's
	Stale                    // right, but the nonce is no longer good: challenge with stale
	Replayed                 // right, but nonce and count were used: a retransmission, or challenge with stale
	Wrong                    // wrong or unknown user: challenge; counts for the bans
	Malformed                // 400
)

// Verdict is the outcome and what was learnt.
type Verdict struct {
	Outcome Outcome
	// User is who it claims to be; proven only with Accepted, Stale, Replayed.
	User      string
	Algorithm Algorithm
	// Used goes to Registration.Nonce and NonceCount.
	Used Used
	// Reason says with Wrong, Malformed, Stale what was the matter, for the log.
	Reason string
}

// Verify checks a request. secret gives a user's secret; it is called once at
// most, and an unknown user takes the same path and time as a known one.
func (v *Verifier) Verify(r Request, secret func(user string) (Secret, bool), now time.Time) Verdict {
	panic("being written")
}

// Limits on what is read.
const (
	MaxAuthorizations      = 4
	MaxAuthorizationLength = 2048
)
