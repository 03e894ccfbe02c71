package flow

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// siocgstampns asks for the time at which the datagram that was read last arrived
// (socket(7), SIOCGSTAMPNS with 64-bit times): _IOR(0x89, 0x07, long long[2]). The first
// time it only switches the stamps on.
const siocgstampns = 2<<30 | 16<<16 | 0x89<<8 | 0x07

func stampOf(fd uintptr) (time.Time, bool) {
	var at [2]int64
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, siocgstampns, uintptr(unsafe.Pointer(&at))); errno != 0 {
		return time.Time{}, false
	}
	return time.Unix(at[0], at[1]), true
}
