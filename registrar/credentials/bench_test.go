package credentials

import (
	"testing"

	"github.com/icholy/digest"
)

func BenchmarkChallenge(b *testing.B) {
	v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
	b.ReportAllocs()
	buf := make([]byte, 0, 512)
	for b.Loop() {
		buf = v.AppendChallenge(buf[:0], SHA256, false, start)
	}
}

func BenchmarkVerify(b *testing.B) {
	known := FromPassword("201", realm, "secret201")
	for _, alg := range []Algorithm{MD5, SHA256} {
		for name, user := range map[string]bool{"known": true, "unknown": false} {
			b.Run(alg.String()+"/"+name, func(b *testing.B) {
				v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
				r := request(answer(b, challenge(v, alg, start), 1, nil))
				lookup := func(string) (Secret, bool) { return known, user }
				b.ReportAllocs()
				for b.Loop() {
					if o := v.Verify(r, lookup, start).Outcome; o == Malformed || o == Stale {
						b.Fatal(o)
					}
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
	s := answer(b, challenge(v, MD5, start), 1, nil)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseAnswer(s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("icholy", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := digest.ParseCredentials(s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// The check of a right answer must not allocate; a benchmark alone would let it
// creep in.
func TestVerifyAllocatesNothing(t *testing.T) {
	v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
	r := request(answer(t, challenge(v, SHA256, start), 1, nil))
	known := FromPassword("201", realm, "secret201")
	lookup := func(string) (Secret, bool) { return known, true }
	if n := testing.AllocsPerRun(500, func() { v.Verify(r, lookup, start) }); n >= 1 { // the pool may be emptied once
		t.Errorf("%v allocations", n)
	}
}
