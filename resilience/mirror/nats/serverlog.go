package natscarrier

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"

	"github.com/rs/zerolog"

	"roost/certs"
)

// serverLog takes what the embedded server has to say. Its lines are for developers of
// NATS; an administrator gets refusals in words, once a minute, and the rest on debug.
type serverLog struct {
	log      zerolog.Logger
	refusals *refusals
	count    *counters

	mu    sync.Mutex
	fatal string
}

// Noticef is for starts, stops and slow consumers.
func (l *serverLog) Noticef(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.Contains(text, "Slow Consumer") && !strings.Contains(text, "Recovered") {
		l.count.slowPeers.Add(1)
		l.log.Warn().Msg("a peer does not read what it is sent and was cut off: " + text)
		return
	}
	l.log.Debug().Msg("lines: " + text)
}

// Warnf is for the server's own worries.
func (l *serverLog) Warnf(format string, v ...any) { l.Noticef(format, v...) }

// Fatalf does not end the process: that is not for a library to decide.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		l.fatal = fmt.Sprintf(format, v...)
	}
}

// Errorf is for connections that fail.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	remote, rest, ok := splitServerLine(text)
	if reason, tls := strings.CutPrefix(rest, "TLS handshake error: "); ok && tls {
		l.handshakeFailed(remote, reason, v)
		return
	}
	if strings.Contains(text, "ublish Violation") || strings.Contains(text, "ubscription Violation") {
		l.count.violations.Add(1)
		l.log.Warn().Msg("a peer tried what its certificate does not allow: " + text)
		return
	}
	l.log.Debug().Msg("lines: " + text)
}

// Debugf is of use for one thing: there the server tells of connections that stay
// silent or do not speak TLS.
func (l *serverLog) Debugf(format string, v ...any) {
	if strings.Contains(format, "TLS handshake error") {
		l.Errorf(format, v...)
	}
}

// Tracef is not asked for.
func (l *serverLog) Tracef(string, ...any) {}

// handshakeFailed notes what crypto/tls found before our own check could: that has
// noted its refusals itself, with errors of package certs, which are skipped here.
func (l *serverLog) handshakeFailed(remote net.Addr, reason string, v []any) {
	for _, argument := range v {
		err, ok := argument.(error)
		if !ok {
			continue
		}
		if ofCerts(err) || errors.Is(err, errHandshakes) {
			return
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			l.refusals.add(remote, "", "said nothing, or began TLS and did not go on")
			return
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
			l.refusals.add(remote, "", "hung up before TLS was agreed")
			return
		}
		if errors.As(err, new(tls.RecordHeaderError)) {
			l.refusals.add(remote, "", "does not speak TLS")
			return
		}
		if alert := tlsAlert(err); alert != "" {
			l.refusals.add(remote, "", "it does not accept our certificate ("+alert+"); its log says why")
			return
		}
	}
	if strings.Contains(reason, "didn't provide a certificate") {
		reason = "presents no certificate"
	}
	l.refusals.add(remote, "", reason)
}

func (l *serverLog) fatalError() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		return nil
	}
	return errors.New(l.fatal)
}

// splitServerLine reads "127.0.0.1:4711 - cid:5 - text" of a line about a connection.
func splitServerLine(text string) (remote net.Addr, rest string, ok bool) {
	address, rest, ok := strings.Cut(text, " - ")
	if !ok {
		return nil, text, false
	}
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, text, false
	}
	if i := strings.LastIndex(rest, "TLS handshake error: "); i >= 0 {
		rest = rest[i:]
	}
	return net.TCPAddrFromAddrPort(parsed), rest, true
}

// ofCerts reports whether an error is a verdict of package certs.
func ofCerts(err error) bool {
	for _, known := range []error{
		certs.ErrNoCertificate, certs.ErrOtherRoot, certs.ErrOtherName,
		certs.ErrExpired, certs.ErrNotYetValid, certs.ErrUsage,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
