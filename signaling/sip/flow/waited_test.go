package flow

import (
	"net"
	"testing"
	"time"
)

// What lay in the socket is older than what is read at once.
func TestWaitedIsTheTimeInTheSocket(t *testing.T) {
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	w, buf := newWaited(pc), make([]byte, 16)
	take := func() {
		if err := pc.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := pc.ReadFrom(buf); err != nil {
			t.Fatal(err)
		}
	}
	say := func() {
		if _, err := pc.WriteTo([]byte("x"), pc.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	say()
	take()
	w.measure(time.Now()) // it has the stamps switched on, which may take the system a moment
	if _, known := stampFor(pc); !known {
		t.Skip("this system does not tell when a datagram came")
	}
	for end := time.Now().Add(10 * time.Second); ; {
		say()
		begun := time.Now()
		<-time.After(60 * time.Millisecond)
		take()
		told, lay := w.measure(time.Now()), time.Since(begun)
		if told >= 55*time.Millisecond && told <= lay+50*time.Millisecond {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("told %v, it lay there for %v", told, lay)
		}
	}
}

// A system that was held up for a moment is not behind; one that stays so is, until it
// has caught up.
func TestWaitedTellsWhatLasts(t *testing.T) {
	var w waited
	now := time.Unix(1, 0)
	run := func(what string, laid, during, want time.Duration) {
		t.Helper()
		for end := now.Add(during); now.Before(end); now = now.Add(waitedEvery) {
			w.note(now, laid)
		}
		if w.last != want {
			t.Fatalf("%s: told %v, want %v", what, w.last, want)
		}
	}
	run("idle", 0, time.Second, 0)
	now = now.Add(300 * time.Millisecond)
	run("held up", 300*time.Millisecond, 20*time.Millisecond, 0)
	run("caught up", time.Millisecond, time.Second, time.Millisecond)
	run("behind for a moment", 200*time.Millisecond, 50*time.Millisecond, time.Millisecond)
	run("and on", 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond)
	run("less", 0, waitedEvery, 0)
	run("behind again", 200*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond)
	now = now.Add(time.Hour)
	run("held up after a pause", 200*time.Millisecond, waitedEvery, 0)
}

func stampFor(pc *net.UDPConn) (at time.Time, ok bool) {
	rc, err := pc.SyscallConn()
	if err != nil {
		return at, false
	}
	if err := rc.Control(func(fd uintptr) { at, ok = stampOf(fd) }); err != nil {
		return at, false
	}
	return at, ok
}
