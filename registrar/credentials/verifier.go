package credentials

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Config of a Verifier; the zero value of a field is its default.
type Config struct {
	Realm string
	// Algorithms that are offered, the preferred first; SHA256 and MD5.
	Algorithms []Algorithm
	// Lifetime of a nonce, 1 h.
	Lifetime time.Duration
	// PeerLifetime of a peer's nonce, at most Lifetime; the same by default.
	PeerLifetime time.Duration
	// Remembered is how many nonces' counts are kept, of our own and of the
	// peers' each; 262,144 by default, at 18 bytes.
	Remembered int
}

// Verifier challenges, and checks the answers. It is safe for concurrent use.
type Verifier struct {
	config  Config
	quoted  string // realm as it stands in a challenge
	check   [8]byte
	ring    *KeyRing
	origin  atomic.Pointer[time.Time] // the first time we were given
	issues  atomic.Uint32
	own     *counts
	foreign *counts // apart, since the peers' clocks order their nonces otherwise
	nobody  Secret  // what an unknown user's answer is checked against
}

// NewVerifier makes a verifier over a key ring.
func NewVerifier(c Config, ring *KeyRing) *Verifier {
	if len(c.Algorithms) == 0 {
		c.Algorithms = []Algorithm{SHA256, MD5}
	}
	c.Algorithms = slices.Clone(c.Algorithms)
	if c.Lifetime <= 0 {
		c.Lifetime = time.Hour
	}
	if c.PeerLifetime <= 0 || c.PeerLifetime > c.Lifetime {
		c.PeerLifetime = c.Lifetime
	}
	if c.Remembered <= 0 {
		c.Remembered = 1 << 18
	}
	key := ring.Own()
	return &Verifier{
		config: c,
		quoted: `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.Realm) + `"`,
		check:  checkOf(c.Realm),
		ring:   ring,
		own:    newCounts(c.Remembered), foreign: newCounts(c.Remembered),
		nobody: FromPassword("", c.Realm, string(key.Secret[:])),
	}
}

// clock is the wall clock of the first time we were given, carried on by the
// times' monotonic reading: a later step of the wall clock makes no nonce stale.
func (v *Verifier) clock(now time.Time) time.Duration {
	if v.origin.Load() == nil {
		first := now
		v.origin.CompareAndSwap(nil, &first)
	}
	origin := *v.origin.Load()
	return time.Duration(origin.UnixNano()) + now.Sub(origin)
}

// AppendChallenge appends one value of a WWW-Authenticate or
// Proxy-Authenticate header. A 401 carries one for each of Algorithms, in that
// order (RFC 8760 section 2.3).
func (v *Verifier) AppendChallenge(dst []byte, a Algorithm, stale bool, now time.Time) []byte {
	stamp := stampAt(v.clock(now).Milliseconds()) | uint64(v.issues.Add(1)&0xffff)
	dst = append(dst, `Digest realm=`...)
	dst = append(dst, v.quoted...)
	dst = append(dst, `, nonce="`...)
	dst = appendNonce(dst, v.ring.keys.Load().own, stamp, v.check)
	dst = append(dst, `", algorithm=`...)
	dst = append(dst, a.String()...)
	dst = append(dst, `, qop="auth"`...)
	if stale {
		dst = append(dst, `, stale=true`...)
	}
	return dst
}

// Algorithms are those to challenge with, in order.
func (v *Verifier) Algorithms() []Algorithm { return v.config.Algorithms }

// Request is what an answer to a challenge came with.
type Request struct {
	Method string
	// URI is the Request-URI as it stands in the message.
	URI string
	// Authorization are the values of the header, of any scheme and realm;
	// at most MaxAuthorizations are looked at.
	Authorization []string
	// Floor, if known, is the newest nonce and count that the phone used at its
	// home, from its mirrored registration: a peer's nonce must be newer. That
	// is what catches here a request that was recorded on its way to the home.
	Floor Used
}

// Used is a nonce and its count: ordered by time of issue, then count.
type Used struct {
	Nonce uint64 // milliseconds since 1970 by the issuer's clock, and 16 bits of counter
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

// String is the outcome in a word, for counters.
func (o Outcome) String() string {
	names := [...]string{"missing", "accepted", "stale", "replayed", "wrong", "malformed"}
	if int(o) < len(names) {
		return names[o]
	}
	return "unknown"
}

// Verdict is the outcome and what was learnt.
type Verdict struct {
	Outcome Outcome
	// User is who it claims to be; proven only with Accepted, Stale, Replayed.
	User      string
	Algorithm Algorithm
	// Used goes to Registration.Nonce and NonceCount.
	Used Used
	// Reason says, unless Accepted, what was the matter, for the log.
	Reason string
}

// Verify checks a request. secret gives a user's secret; it is called once at
// most, and an unknown user takes the same path and time as a known one.
func (v *Verifier) Verify(r Request, secret func(user string) (Secret, bool), now time.Time) Verdict {
	a, found := v.find(r.Authorization)
	if found.Outcome != Accepted {
		return found
	}
	verdict := Verdict{Outcome: Malformed, User: a.Username, Algorithm: found.Algorithm}
	count, err := a.check(&r, found.Algorithm)
	if err != nil {
		verdict.Reason = err.Error()
		return verdict
	}
	known, ok := secret(a.Username)
	if !ok || !known.Has(found.Algorithm) {
		known, ok = v.nobody, false
	}
	if !rightResponse(&a, &known, found.Algorithm, r.Method) || !ok {
		verdict.Outcome, verdict.Reason = Wrong, "wrong password or unknown user"
		return verdict
	}
	verdict.Outcome, verdict.Used, verdict.Reason = v.fresh(a.Nonce, count, r.Floor, now)
	return verdict
}

// find picks the answer for our realm; Accepted only means found.
func (v *Verifier) find(values []string) (Answer, Verdict) {
	none := Verdict{Outcome: Missing, Reason: "no credentials for this realm"}
	for _, value := range values[:min(len(values), MaxAuthorizations)] {
		a, err := ParseAnswer(value)
		switch {
		case errors.Is(err, errNotDigest):
			continue
		case err != nil:
			return a, Verdict{Outcome: Malformed, Reason: err.Error()}
		case a.Realm != v.config.Realm:
			continue
		}
		alg := parseAlgorithm(a.Algorithm)
		if slices.Contains(v.config.Algorithms, alg) {
			return a, Verdict{Outcome: Accepted, Algorithm: alg}
		}
		none.Reason = "an algorithm that was not offered"
	}
	return Answer{}, none
}

func parseAlgorithm(s string) Algorithm {
	switch {
	case s == "" || strings.EqualFold(s, "MD5"):
		return MD5
	case strings.EqualFold(s, "SHA-256"):
		return SHA256
	}
	return 0
}

// check holds the answer's form against what was offered, and against the
// request that it came with, and returns its count.
func (a *Answer) check(r *Request, alg Algorithm) (uint32, error) {
	count, err := strconv.ParseUint(a.NC, 16, 32)
	size := 2 * 16
	if alg == SHA256 {
		size = 2 * 32
	}
	switch {
	case a.Username == "" || a.Nonce == "" || a.CNonce == "":
		return 0, errors.New("username, nonce or cnonce is missing")
	case a.UserHash:
		return 0, errors.New("userhash was not offered")
	case !strings.EqualFold(a.QOP, "auth"):
		return 0, errors.New("qop is not auth, which was offered")
	case err != nil || len(a.NC) != 8 || count == 0:
		return 0, errors.New("nc is not 8 hexadecimal digits from 00000001 on")
	case len(a.Response) != size:
		return 0, errors.New("the response has not the algorithm's length")
	case !sameURI(a.URI, r.URI):
		return 0, errors.New("the credentials are for another Request-URI")
	}
	return uint32(count), nil
}

// rightResponse computes what the response must be, and compares in constant time.
func rightResponse(a *Answer, s *Secret, alg Algorithm, method string) bool {
	var want, got [64]byte
	n := respond(&want, a, s, alg, method)
	m, err := hex.Decode(got[:], []byte(a.Response))
	return err == nil && m == n && subtle.ConstantTimeCompare(got[:m], want[:n]) == 1
}

// fresh decides on a right answer by its nonce and count.
func (v *Verifier) fresh(nonce string, count uint32, floor Used, now time.Time) (Outcome, Used, string) {
	stamp, key := openNonce(v.ring.keys.Load(), nonce, v.check)
	if key == nil {
		return Stale, Used{}, "a nonce of no key that we have"
	}
	used := Used{Nonce: stamp, Count: count}
	lifetime, seen := v.config.Lifetime, v.own
	if !key.own {
		lifetime, seen = v.config.PeerLifetime, v.foreign
	}
	age := v.clock(now) - (issued(stamp) - key.ahead)
	switch {
	case age > lifetime:
		return Stale, used, "the nonce has expired"
	case age < 0:
		return Stale, used, "the nonce is from the future"
	case stamp == floor.Nonce && count <= floor.Count, !key.own && stamp < floor.Nonce:
		// An own nonce is not held against the floor's time, which may be by a
		// clock ahead of ours: the phone would be challenged for ever.
		return Replayed, used, "not newer than what the home has seen"
	case !seen.use(stamp, count):
		return Replayed, used, "nonce and count were used before"
	}
	return Accepted, used, ""
}
