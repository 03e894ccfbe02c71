//go:build !linux

package rtp

import (
	"errors"
	"net/netip"
	"time"
)

var errLinux = errors.New("simulated phones have calls on Linux only: their media waits by epoll")

type poller struct{}

func newPoller() (*poller, error)          { return nil, errLinux }
func (*poller) add(int, bool) error        { return errLinux }
func (*poller) wait(time.Duration) []int   { return nil }
func (*poller) wake()                      {}
func (*poller) close()                     {}
func closeSocket(int)                      {}
func makeSockaddr(netip.AddrPort) sockaddr { return sockaddr{} }
func readSocket(int, []byte) int           { return 0 }

type sockaddr struct{}

func (sockaddr) send(int, []byte) {}

func bindEven(netip.Addr) (int, netip.AddrPort, error) { return 0, netip.AddrPort{}, errLinux }
