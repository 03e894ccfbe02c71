package relay

import (
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openSocket makes a UDP socket that never blocks, bound to an address.
func openSocket(local netip.AddrPort, dscp int) (int, error) {
	family := unix.AF_INET
	if local.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("media socket: %w", err)
	}
	if err := prepare(fd, local, dscp); err != nil {
		unix.Close(fd) //nolint:errcheck // it is not used
		return -1, fmt.Errorf("media socket %s: %w", local, err)
	}
	return fd, nil
}

func prepare(fd int, local netip.AddrPort, dscp int) error {
	if local.Addr().Is6() {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return err
		}
		if dscp >= 0 {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp<<2); err != nil {
				return err
			}
		}
		return unix.Bind(fd, &unix.SockaddrInet6{Port: int(local.Port()), Addr: local.Addr().As16()})
	}
	// SRTP makes packets longer: what no longer fits the path is cut, not lost.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT); err != nil {
		return err
	}
	if dscp >= 0 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, dscp<<2); err != nil {
			return err
		}
	}
	return unix.Bind(fd, &unix.SockaddrInet4{Port: int(local.Port()), Addr: local.Addr().As4()})
}

// openPair binds a pair of ports: RTP and RTCP.
func openPair(ip netip.Addr, port uint16, dscp int) (fds [2]int, err error) {
	for i := range fds {
		fds[i], err = openSocket(netip.AddrPortFrom(ip, port+uint16(i)), dscp)
		if err != nil {
			if i > 0 {
				unix.Close(fds[0]) //nolint:errcheck // it is not used
			}
			return [2]int{-1, -1}, err
		}
	}
	return fds, nil
}

// receive reads one datagram without waiting: n is its whole length, also where it is
// longer than b. These calls are raw: they do not wait, so the scheduler need not know.
func receive(fd int32, b []byte, from *address) (n int, errno syscall.Errno) {
	from.n = uint32(len(from.raw))
	r, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		syscall.MSG_DONTWAIT|syscall.MSG_TRUNC, uintptr(unsafe.Pointer(&from.raw)), uintptr(unsafe.Pointer(&from.n)))
	return int(r), errno
}

// transmit sends one datagram without waiting. b is not empty.
func transmit(fd int32, b []byte, to *address) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&to.raw)), uintptr(to.n))
	return errno
}

// poll asks epoll what is there, and waits for it not at all or as long as said. The
// scheduler does not know that it waits. An old kernel (before 5.11) does not wait.
func poll(epoll int, events []unix.EpollEvent, wait *unix.Timespec) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(wait)), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
