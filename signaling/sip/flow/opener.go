package flow

import (
	"context"
	"fmt"
	"net"
	"time"
)

// socketBuffer is asked for on UDP sockets, so that a storm of registrations waits in
// the kernel and is not lost; the system may give less (net.core.rmem_max).
const socketBuffer = 8 << 20

// OpenUDP binds a UDP socket with buffers for a storm of registrations. addr is
// "host:port", the host an IP address or empty.
func OpenUDP(ctx context.Context, addr string) (net.PacketConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return nil, fmt.Errorf("UDP socket %s: %w", addr, err)
	}
	if uc, ok := pc.(*net.UDPConn); ok {
		_ = uc.SetReadBuffer(socketBuffer) // as much as the system gives
		_ = uc.SetWriteBuffer(socketBuffer)
	}
	return pc, nil
}

// OpenTCP binds a listener for TCP, or for ServeTLS. The kernel probes connections
// that are silent, so that a dead peer is found in about two minutes.
func OpenTCP(ctx context.Context, addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4,
	}}
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("TCP listener %s: %w", addr, err)
	}
	return l, nil
}
