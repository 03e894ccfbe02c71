package rtp

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for packets on many sockets.
type poller struct {
	epoll, wakeup int
	events        []unix.EpollEvent
	ready         []int
}

func newPoller() (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wakeup, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		closeSocket(epoll)
		return nil, err
	}
	p := &poller{epoll: epoll, wakeup: wakeup, events: make([]unix.EpollEvent, 512)}
	if err := p.add(wakeup, false); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

var errClosed = errors.New("the phones are switched off")

func (p *poller) add(fd int, closed bool) error {
	if closed {
		return errClosed
	}
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// wait returns the sockets that have something, after limit at the latest, in
// milliseconds rounded up; below 0 is for ever. The slice is valid until the next
// wait.
func (p *poller) wait(limit time.Duration) []int {
	p.ready = p.ready[:0]
	milliseconds := -1
	if limit >= 0 {
		milliseconds = int((limit + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := unix.EpollWait(p.epoll, p.events, milliseconds)
	if err != nil {
		return p.ready // EINTR
	}
	for _, event := range p.events[:n] {
		if int(event.Fd) == p.wakeup {
			var count [8]byte
			_, _ = unix.Read(p.wakeup, count[:])
			continue
		}
		p.ready = append(p.ready, int(event.Fd))
	}
	return p.ready
}

// wake makes wait return.
func (p *poller) wake() {
	_, _ = unix.Write(p.wakeup, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

func (p *poller) close() {
	closeSocket(p.wakeup)
	closeSocket(p.epoll)
}

func closeSocket(fd int) { _ = unix.Close(fd) }

// sockaddr is an address as the kernel takes it.
type sockaddr struct{ to unix.Sockaddr }

func makeSockaddr(to netip.AddrPort) sockaddr {
	if !to.IsValid() {
		return sockaddr{}
	}
	if to.Addr().Unmap().Is4() {
		return sockaddr{&unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().Unmap().As4()}}
	}
	return sockaddr{&unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}}
}

// send drops what the kernel refuses, as a network would.
func (s sockaddr) send(fd int, data []byte) {
	if s.to != nil {
		_ = unix.Sendto(fd, data, 0, s.to)
	}
}

// readSocket gives the size of a packet, 0 or less if there is none.
func readSocket(fd int, into []byte) int {
	n, err := unix.Read(fd, into)
	if err != nil {
		return 0
	}
	return n
}

// bindEven binds a UDP socket to an even port (RFC 3550 11); the next one is
// left to RTCP, which these phones do not speak.
func bindEven(address netip.Addr) (fd int, local netip.AddrPort, err error) {
	for range 64 {
		if fd, local, err = bind(address); err != nil || local.Port()%2 == 0 {
			return fd, local, err
		}
		closeSocket(fd)
	}
	return 0, local, errors.New("64 odd ports in a row")
}

func bind(address netip.Addr) (int, netip.AddrPort, error) {
	address = address.Unmap()
	family := unix.AF_INET
	if !address.Is4() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	if err = unix.Bind(fd, makeSockaddr(netip.AddrPortFrom(address, 0)).to); err != nil {
		closeSocket(fd)
		return 0, netip.AddrPort{}, err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		closeSocket(fd)
		return 0, netip.AddrPort{}, err
	}
	port := 0
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		port = bound.Port
	case *unix.SockaddrInet6:
		port = bound.Port
	}
	return fd, netip.AddrPortFrom(address, uint16(port)), nil
}
