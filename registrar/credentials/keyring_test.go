package credentials

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestSE4_NonceOfThePeerIsGoodWhereTheKeyWasShared(t *testing.T) {
	london, paris := NewKeyRing(key(1)), NewKeyRing(key(2))
	home := NewVerifier(Config{Realm: realm}, london)
	backup := NewVerifier(Config{Realm: realm}, paris)
	c := challenge(home, SHA256, start)
	want(t, home, request(answer(t, c, 1, nil)), start, Accepted)

	// Not shared yet: a fresh challenge, and with that it is in. No lock-out.
	want(t, backup, request(answer(t, c, 2, nil)), start, Stale)
	fresh := string(backup.AppendChallenge(nil, SHA256, true, start))
	want(t, backup, request(answer(t, fresh, 1, nil)), start, Accepted)

	paris.SetPeer("london", 0, london.Own())
	want(t, backup, request(answer(t, c, 3, nil)), start, Accepted)
	// The home rotates its key; what it issued before is good until it expires.
	london.Rotate(key(3))
	paris.SetPeer("london", 0, key(3), key(1))
	want(t, home, request(answer(t, c, 4, nil)), start, Accepted)
	want(t, backup, request(answer(t, c, 4, nil)), start, Accepted)
	want(t, backup, request(answer(t, challenge(home, SHA256, start), 1, nil)), start, Accepted)
	// With the next rotation the first key is gone.
	london.Rotate(key(4))
	want(t, home, request(answer(t, c, 5, nil)), start, Stale)
	paris.DropPeer("london")
	want(t, backup, request(answer(t, c, 5, nil)), start, Stale)
}

// What is caught of a request that was recorded on its way to the home and is
// sent to the backup, which has the home's key.
func TestSE4_ReplayAtTheOtherSystem(t *testing.T) {
	london, paris := NewKeyRing(key(1)), NewKeyRing(key(2))
	home := NewVerifier(Config{Realm: realm}, london)
	paris.SetPeer("london", 0, london.Own())
	setUp := func() *Verifier { return NewVerifier(Config{Realm: realm, PeerLifetime: 10 * time.Minute}, paris) }

	older := request(answer(t, challenge(home, SHA256, start), 1, nil))
	c := challenge(home, SHA256, start.Add(time.Second))
	recorded := request(answer(t, c, 1, nil))
	now := start.Add(2 * time.Second)
	want(t, home, older, now, Accepted)
	floor := want(t, home, recorded, now, Accepted).Used

	t.Run("with the mirrored registration: all that the home has seen", func(t *testing.T) {
		backup := setUp()
		for _, r := range []Request{recorded, older} {
			r.Floor = floor
			want(t, backup, r, now, Replayed)
		}
		next := request(answer(t, c, 2, nil)) // the phone itself goes on
		next.Floor = floor
		want(t, backup, next, now, Accepted)
		want(t, backup, next, now, Replayed)
	})
	t.Run("without it: from the second time on, and when it is old", func(t *testing.T) {
		backup := setUp()
		want(t, backup, recorded, now, Accepted) // not caught
		want(t, backup, recorded, now, Replayed)
		want(t, setUp(), recorded, now.Add(11*time.Minute), Stale)
	})
	t.Run("our own nonce, used up at the home", func(t *testing.T) {
		backup := setUp()
		london.SetPeer("paris", 0, paris.Own())
		r := request(answer(t, challenge(backup, SHA256, now), 7, nil))
		r.Floor = want(t, home, r, now, Accepted).Used
		want(t, backup, r, now, Replayed)
	})
}

// Clocks an hour apart, in either direction: nonces are judged by their issuer's
// clock, and in no case is a phone challenged for ever.
func TestSE4_ClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			london, paris := NewKeyRing(key(1)), NewKeyRing(key(2))
			home := NewVerifier(Config{Realm: realm, Lifetime: 10 * time.Minute}, london)
			backup := NewVerifier(Config{Realm: realm, Lifetime: 10 * time.Minute}, paris)
			c := challenge(home, SHA256, start.Add(skew))
			used := want(t, home, request(answer(t, c, 1, nil)), start.Add(skew), Accepted).Used

			paris.SetPeer("london", 0, london.Own()) // the skew is not known
			want(t, backup, request(answer(t, c, 2, nil)), start.Add(time.Second), Stale)
			own := request(answer(t, challenge(backup, SHA256, start), 1, nil))
			own.Floor = used // by a clock an hour ahead, perhaps
			want(t, backup, own, start.Add(time.Second), Accepted)

			paris.SetPeer("london", skew, london.Own())
			want(t, backup, request(answer(t, c, 3, nil)), start.Add(time.Second), Accepted)
			want(t, backup, request(answer(t, c, 4, nil)), start.Add(11*time.Minute), Stale)
		})
	}
}

func TestCountsAreBoundedAndForgetToTheSafeSide(t *testing.T) {
	c := newCounts(64)
	const nonces = 5000
	for i := range nonces {
		if !c.use(uint64(1000+i), 1) {
			t.Fatalf("a new nonce, the newest of all, is refused: %d", i)
		}
	}
	if n := len(c.buckets) * bucketSize; n != 64 {
		t.Errorf("room for %d", n)
	}
	for i := range nonces {
		if c.use(uint64(1000+i), 1) {
			t.Fatalf("nonce %d is let in twice", i)
		}
	}
	if c.use(5, 1) {
		t.Error("older than what was forgotten, and let in")
	}
}

func TestCountsWindow(t *testing.T) {
	used := map[uint32]bool{}
	c := newCounts(1)
	highest := uint32(0)
	for i, n := range []uint32{1, 3, 2, 2, 35, 3, 4, 34, 34, 67, 35, 36, 68, 1 << 31, 1<<31 - 1, 1<<31 - 32, 1<<31 - 33, 1<<32 - 1, 1} {
		want := !used[n] && (n > highest || highest-n <= windowSize)
		if c.use(9, n) != want {
			t.Fatalf("step %d: count %d, want %v", i, n, want)
		}
		used[n] = true
		highest = max(highest, n)
	}
}

func TestKeyRingWhileInUse(t *testing.T) {
	ring := NewKeyRing(key(1))
	v := NewVerifier(Config{Realm: realm}, ring)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			ring.SetPeer(fmt.Sprint(i%3), 0, key(byte(20+i%5)))
			ring.DropPeer(fmt.Sprint(i % 2))
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 200 {
				r := request(answer(t, challenge(v, MD5, start), 1, nil))
				if got := v.Verify(r, users, start); got.Outcome != Accepted {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	wg.Wait()
	if _, ok := ring.keys.Load().byID[key(1).ID]; !ok || ring.Own() != key(1) {
		t.Error("the own key is lost")
	}
}
