package phone

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// dialer connects phones over TCP and TLS, from their own address.
type dialer struct {
	roots   *x509.CertPool
	timeout time.Duration // wall-clock time for connection and handshake
}

func newDialer(rootFile string, timeout time.Duration) (dialer, error) {
	d := dialer{timeout: timeout}
	if rootFile == "" {
		return d, nil
	}
	pem, err := os.ReadFile(rootFile)
	if err != nil {
		return d, fmt.Errorf("trusted root: %w", err)
	}
	d.roots = x509.NewCertPool()
	if !d.roots.AppendCertsFromPEM(pem) {
		return d, fmt.Errorf("trusted root %s: no certificate in PEM", rootFile)
	}
	return d, nil
}

func (d dialer) dial(ctx context.Context, spec Spec, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	dialer := net.Dialer{}
	if !spec.Address.IsUnspecified() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(spec.Address, 0))
	}
	conn, err := dialer.DialContext(ctx, "tcp", to.String())
	if err != nil || spec.Transport != "tls" {
		return conn, err
	}
	secure := tls.Client(conn, &tls.Config{RootCAs: d.roots, ServerName: to.Addr().String(), MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// eachMessage reads messages until the stream ends or use returns false.
func eachMessage(conn net.Conn, use func(*Message) bool) error {
	stream := bufio.NewReaderSize(conn, 4096)
	for {
		data, err := readMessage(stream)
		if err != nil {
			return err
		}
		message, err := Parse(data)
		if err != nil {
			return err
		}
		if !use(message) {
			return net.ErrClosed
		}
	}
}

// brief says in a few words why a connection failed.
func brief(err error) string {
	var op *net.OpError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return "closed by the server"
	case errors.Is(err, context.DeadlineExceeded):
		return "no connection in time"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
