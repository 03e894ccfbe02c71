//go:build !unix

package flow

import (
	"net"
	"syscall"
)

func rawOf(net.Conn) syscall.RawConn { return nil }

func writeNow(syscall.RawConn, []byte) (int, error) { return 0, nil }

type rawReader struct{}

func newRawReader(syscall.RawConn, *lender, int) *rawReader { return nil }

func (*rawReader) fill(w *lent) (*lent, error) { return w, ErrGone }
