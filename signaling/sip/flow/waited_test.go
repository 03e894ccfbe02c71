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
	w.sample(time.Now()) // it switches the stamps on
	say()
	begun := time.Now()
	<-time.After(60 * time.Millisecond)
	take()
	w.sample(time.Now())
	if _, told := stampFor(pc); !told {
		t.Skip("this system does not tell when a datagram came")
	}
	if lay := time.Since(begun); w.last < 55*time.Millisecond || w.last > lay+50*time.Millisecond {
		t.Fatalf("told %v, it lay there for %v", w.last, lay)
	}
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
