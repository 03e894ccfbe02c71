package relay

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"
)

// address is a socket address as the kernel has it: sockaddr_in or sockaddr_in6.
// The zero address is none.
type address struct {
	raw [syscall.SizeofSockaddrInet6]byte
	n   uint32 // octets used
}

const (
	family4 = syscall.SizeofSockaddrInet4
	family6 = syscall.SizeofSockaddrInet6
)

func addressOf(a netip.AddrPort) (s address) {
	ip := a.Addr().Unmap()
	if !ip.IsValid() {
		return s
	}
	binary.BigEndian.PutUint16(s.raw[2:], a.Port())
	if ip.Is4() {
		s.n = family4
		binary.NativeEndian.PutUint16(s.raw[:], syscall.AF_INET)
		four := ip.As4()
		copy(s.raw[4:], four[:])
		return s
	}
	s.n = family6
	binary.NativeEndian.PutUint16(s.raw[:], syscall.AF_INET6)
	sixteen := ip.As16()
	copy(s.raw[8:], sixteen[:])
	return s
}

func (s *address) addrPort() netip.AddrPort {
	switch s.n {
	case family4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s.raw[4:8])), s.port())
	case family6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s.raw[8:24])), s.port())
	}
	return netip.AddrPort{}
}

func (s *address) port() uint16 { return binary.BigEndian.Uint16(s.raw[2:]) }

// sends tells whether there is somebody at the address to send to.
func (s *address) sends() bool { return s.n != 0 && s.raw[2]|s.raw[3] != 0 }

// is compares family, port and address; not flow label and scope.
func (s *address) is(o *address) bool {
	if s.n != o.n {
		return false
	}
	if s.n == family4 {
		return *(*uint64)(unsafe.Pointer(&s.raw)) == *(*uint64)(unsafe.Pointer(&o.raw))
	}
	return [4]byte(s.raw[:4]) == [4]byte(o.raw[:4]) && [16]byte(s.raw[8:24]) == [16]byte(o.raw[8:24])
}

// sameHost compares the addresses without their ports.
func (s *address) sameHost(o *address) bool {
	switch {
	case s.n != o.n:
		return false
	case s.n == family4:
		return [4]byte(s.raw[4:8]) == [4]byte(o.raw[4:8])
	case s.n == family6:
		return [16]byte(s.raw[8:24]) == [16]byte(o.raw[8:24])
	}
	return false
}
