//go:build unix

package flow

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawOf gives the way to a connection's descriptor, nil where it has none.
func rawOf(c net.Conn) syscall.RawConn {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return rc
}

// writeNow writes what the kernel takes at once, which may be nothing.
func writeNow(rc syscall.RawConn, b []byte) (n int, err error) {
	if rc == nil {
		return 0, nil
	}
	werr := rc.Write(func(fd uintptr) bool {
		for n < len(b) && err == nil {
			var m int
			if m, err = unix.Write(int(fd), b[n:]); m > 0 {
				n += m
			}
			if errors.Is(err, unix.EINTR) {
				err = nil
			}
		}
		return true
	})
	if errors.Is(err, unix.EAGAIN) {
		err = nil
	}
	if err == nil {
		err = werr
	}
	return n, err
}

// rawReader reads from a descriptor and borrows a buffer only once there are bytes.
type rawReader struct {
	rc     syscall.RawConn
	lender *lender
	most   int
	w      *lent
	n      int
	err    error
	try    func(fd uintptr) bool
}

func newRawReader(rc syscall.RawConn, l *lender, most int) *rawReader {
	if rc == nil {
		return nil
	}
	r := &rawReader{rc: rc, lender: l, most: most}
	r.try = r.readable
	return r
}

// fill reads into w, or into a buffer that it borrows where w is nil. What it returns
// has bytes, or the error is not nil and the buffer is w.
func (r *rawReader) fill(w *lent) (*lent, error) {
	r.w, r.n, r.err = w, 0, nil
	if err := r.rc.Read(r.try); err != nil && r.n == 0 {
		return w, err
	}
	w = r.w
	r.w = nil
	return w, r.err
}

// readable is called when there may be bytes; false means wait until there are.
func (r *rawReader) readable(fd uintptr) bool {
	w := r.w
	if w == nil {
		w = r.lender.borrow()
	}
	var n int
	var err error
	for {
		if n, err = unix.Read(int(fd), w.room(r.most)); err != unix.EINTR {
			break
		}
	}
	if n > 0 {
		w.in = w.in[:len(w.in)+n]
		r.w, r.n = w, n
		return true
	}
	if r.w == nil {
		r.lender.giveBack(w)
	}
	switch err {
	case unix.EAGAIN:
		return false
	case nil:
		r.err = io.EOF
	default:
		r.err = err
	}
	return true
}
