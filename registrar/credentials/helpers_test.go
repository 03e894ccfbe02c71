package credentials

import (
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const realm = "example.test"

func key(n byte) Key { return NewKey([20]byte{n, n, n, n, n + 1, n + 2}) }

func users(user string) (Secret, bool) {
	if user == "201" || user == "202" {
		return FromPassword(user, realm, "secret"+user), true
	}
	return Secret{}, false
}

// challenge is the value that v challenges with.
func challenge(v *Verifier, a Algorithm, now time.Time) string {
	return string(v.AppendChallenge(nil, a, false, now))
}

// answer is what a phone makes of a challenge, by a library nobody here wrote.
func answer(t testing.TB, challenge string, count int, change func(*digest.Options)) string {
	t.Helper()
	c, err := digest.ParseChallenge(challenge)
	if err != nil {
		t.Fatalf("challenge %q: %v", challenge, err)
	}
	o := digest.Options{Method: "REGISTER", URI: "sip:example.test", Count: count,
		Username: "201", Password: "secret201", Cnonce: "0a4f113b"}
	if change != nil {
		change(&o)
	}
	a, err := digest.Digest(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return a.String()
}

func request(authorization ...string) Request {
	return Request{Method: "REGISTER", URI: "sip:example.test", Authorization: authorization}
}

func want(t testing.TB, v *Verifier, r Request, now time.Time, o Outcome) Verdict {
	t.Helper()
	got := v.Verify(r, users, now)
	if got.Outcome != o {
		t.Fatalf("%s (%s), want %s", got.Outcome, got.Reason, o)
	}
	return got
}

// alter changes a parameter after signing.
func alter(t testing.TB, s, old, new string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q has no %q", s, old)
	}
	return strings.Replace(s, old, new, 1)
}
