package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"roost/media/srtp"
)

const (
	mediaPayload = 160 // octets: 20 ms of G.711
	mediaBatch   = 32
	mediaBuffer  = 16 << 20 // octets that wait for the generator at most
)

// mediaLoad is the far ends of all calls, two sockets in all, on one thread: it sends
// 172-octet RTP evenly at a rate and reads what the relay sends on, in batches. A
// packet's RTP timestamp, which no relay may change, is when it was sent, in µs.
type mediaLoad struct {
	fds   [2]int
	calls []*mediaCall
	seal  []*srtp.Protector // what A of each call sends with, nil: RTP
	open  []*srtp.Unprotector
	seq   []uint16
	to    [2][]unix.RawSockaddrInet4
	from  time.Time

	out, in  [mediaBatch]mmsghdr
	outVec   [mediaBatch]unix.Iovec
	inVec    [mediaBatch]unix.Iovec
	outBytes [mediaBatch][12 + mediaPayload + srtp.Overhead]byte
	inBytes  [mediaBatch][512]byte
	delays   []uint32      // µs
	wrong    int           // packets that were not what should come
	began    uint32        // of this run, µs; what was sent before is not counted
	stalled  time.Duration // the longest that the generator itself was held up
}

// mmsghdr is struct mmsghdr of recvmmsg and sendmmsg.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// newMediaLoad binds the far ends: port and the next but one.
func newMediaLoad(ip netip.Addr, port uint16) (*mediaLoad, [2]netip.AddrPort, error) {
	l := &mediaLoad{from: time.Now(), fds: [2]int{-1, -1}}
	var far [2]netip.AddrPort
	for side := range l.fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, far, err
		}
		l.fds[side] = fd
		// Without root the system's own bound holds; a full queue would count as loss.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, mediaBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, mediaBuffer)
		}
		far[side] = netip.AddrPortFrom(ip, port+uint16(2*side))
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(far[side].Port()), Addr: ip.As4()}); err != nil {
			return nil, far, errors.Join(err, l.close())
		}
	}
	for i := range l.out {
		l.outVec[i].Base = &l.outBytes[i][0]
		l.out[i].header = unix.Msghdr{Iov: &l.outVec[i], Iovlen: 1, Namelen: unix.SizeofSockaddrInet4}
		l.inVec[i] = unix.Iovec{Base: &l.inBytes[i][0], Len: uint64(len(l.inBytes[i]))}
		l.in[i].header = unix.Msghdr{Iov: &l.inVec[i], Iovlen: 1}
	}
	return l, far, nil
}

func (l *mediaLoad) close() error {
	var err error
	for _, fd := range l.fds {
		if fd >= 0 {
			err = errors.Join(err, unix.Close(fd))
		}
	}
	return err
}

// add takes a call that a relay has opened.
func (l *mediaLoad) add(c *mediaCall) error {
	var seal *srtp.Protector
	var open *srtp.Unprotector
	if c.theirs != nil {
		var err error
		if seal, err = srtp.NewProtector(*c.theirs); err != nil {
			return err
		}
		if open, err = srtp.NewUnprotector(*c.ours); err != nil {
			return err
		}
	}
	l.calls, l.seal, l.open, l.seq = append(l.calls, c), append(l.seal, seal), append(l.open, open), append(l.seq, 0, 0)
	for side, at := range c.local {
		to := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: at.Addr().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], at.Port())
		l.to[side] = append(l.to[side], to)
	}
	return nil
}

func (l *mediaLoad) micros() uint32 { return uint32(time.Since(l.from).Microseconds()) }

// mediaResult is one run of a load.
type mediaResult struct {
	sent, received, wrong int
	p50, p99              float64 // ms
	took                  time.Duration
	busy                  bool // the generator could not send as fast as it should
	stalled               time.Duration
}

func (r mediaResult) lost() float64 {
	if r.sent == 0 {
		return 0
	}
	return 1 - float64(r.received)/float64(r.sent)
}

// run sends at a rate for a time, then waits a moment for what is under way.
func (l *mediaLoad) run(rate int, during time.Duration) (mediaResult, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.delays, l.wrong, l.stalled, l.began = l.delays[:0], 0, 0, l.micros()
	total := int(float64(rate) * during.Seconds())
	begin := time.Now()
	sent, last := 0, begin
	for sent < total {
		now := time.Now()
		l.stalled, last = max(l.stalled, now.Sub(last)), now
		due := min(total, int(time.Since(begin).Seconds()*float64(rate)))
		for side := range 2 {
			if err := l.send(side, sent, due); err != nil {
				return mediaResult{}, err
			}
		}
		sent = min(due, sent+2*mediaBatch)
		if err := l.receive(); err != nil {
			return mediaResult{}, err
		}
	}
	took := time.Since(begin)
	for last := time.Now(); time.Since(last) < 200*time.Millisecond; {
		before := len(l.delays)
		if err := l.receive(); err != nil {
			return mediaResult{}, err
		}
		if len(l.delays) > before {
			last = time.Now()
		}
	}
	r := mediaResult{sent: total, received: len(l.delays), wrong: l.wrong, took: took, busy: took > during+during/20, stalled: l.stalled}
	if len(l.delays) > 0 {
		slices.Sort(l.delays)
		r.p50 = float64(l.delays[len(l.delays)/2]) / 1000
		r.p99 = float64(l.delays[len(l.delays)*99/100]) / 1000
	}
	return r, nil
}

// send sends packets from..due of a side: an even number is A's, an odd one B's.
func (l *mediaLoad) send(side, from, due int) error {
	n := 0
	for k := from; k < min(due, from+2*mediaBatch); k++ {
		if k&1 != side {
			continue
		}
		call := k / 2 % len(l.calls)
		length, err := l.build(n, side, call)
		if err != nil {
			return err
		}
		l.outVec[n].Len = uint64(length)
		l.out[n].header.Name = (*byte)(unsafe.Pointer(&l.to[side][call]))
		n++
	}
	for done := 0; done < n; {
		r, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(l.fds[side]), uintptr(unsafe.Pointer(&l.out[done])), uintptr(n-done), 0, 0, 0)
		switch errno {
		case 0:
			done += int(r)
		case syscall.EAGAIN, syscall.EINTR:
		default:
			return fmt.Errorf("sending: %w", errno)
		}
	}
	return nil
}

func (l *mediaLoad) build(slot, side, call int) (int, error) {
	b := l.outBytes[slot][:]
	b[0], b[1] = 0x80, 0
	l.seq[2*call+side]++
	binary.BigEndian.PutUint16(b[2:], l.seq[2*call+side])
	binary.BigEndian.PutUint32(b[4:], l.micros())
	binary.BigEndian.PutUint32(b[8:], uint32(2*call+side+1))
	for i := range mediaPayload {
		b[12+i] = byte(i)
	}
	if side == 0 && l.seal[call] != nil {
		return l.seal[call].RTP(b, 12+mediaPayload)
	}
	return 12 + mediaPayload, nil
}

// receive reads what is there. Every 64th packet is looked into.
func (l *mediaLoad) receive() error {
	for side := range l.fds {
		for {
			r, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(l.fds[side]), uintptr(unsafe.Pointer(&l.in[0])), mediaBatch, unix.MSG_DONTWAIT, 0, 0)
			if errno == syscall.EAGAIN || errno == syscall.EINTR {
				break
			}
			if errno != 0 {
				return fmt.Errorf("receiving: %w", errno)
			}
			now := l.micros()
			for i := range int(r) {
				l.took(side, l.inBytes[i][:l.in[i].length], now)
			}
			if int(r) < mediaBatch {
				break
			}
		}
	}
	return nil
}

func (l *mediaLoad) took(side int, b []byte, now uint32) {
	if len(b) < 12+mediaPayload {
		l.wrong++
		return
	}
	stamp := binary.BigEndian.Uint32(b[4:])
	if int32(stamp-l.began) < 0 {
		return
	}
	l.delays = append(l.delays, now-stamp)
	call := int(binary.BigEndian.Uint32(b[8:])-1) / 2
	if len(l.delays)%64 != 0 || call < 0 || call >= len(l.calls) {
		return
	}
	n := len(b)
	if side == 0 && l.open[call] != nil {
		var err error
		if n, err = l.open[call].RTP(b); err != nil {
			l.wrong++
			return
		}
	}
	if n != 12+mediaPayload || b[12] != 0 || b[n-1] != mediaPayload-1 {
		l.wrong++
	}
}
