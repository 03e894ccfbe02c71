package trunk

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait after so many failures in a row (RFC 5626 §4.5): base
// doubled with each, at most most, and of that a random half to whole.
func backoff(base, most time.Duration, failures int, random *rand.Rand) time.Duration {
	wait := most
	if failures < 20 { // 2^20 of any base is more than any most
		wait = min(most, base<<failures)
	}
	return wait/2 + time.Duration(random.Int64N(int64(wait/2)+1))
}
