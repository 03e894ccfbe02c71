package relay

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/logging"

	"roost/media"
	"roost/media/srtp"
)

const (
	// handshakeWithin bounds a handshake, linger how long the far end may ask for
	// our last flight again, handshakeTries how often one may begin anew.
	handshakeWithin = 30 * time.Second
	linger          = 20 * time.Second
	handshakeTries  = 3
)

// errFingerprint: the certificate is not the one of the session description.
var errFingerprint = errors.New("the far end's certificate is not the one whose fingerprint was signalled")

// handshake is the DTLS of one side (RFC 5764). A goroutine of its own runs it, from
// the first record (or from Set, where we are the client) until linger after its end.
type handshake struct {
	stream *stream
	side   media.Side
	want   media.DTLS
	ctx    context.Context
	cancel context.CancelFunc
	tries  int      // the worker's
	mail   *mailbox // the worker's; nil: none is under way
	keyed  bool     // the worker's
}

// newHandshake prepares a side's handshake; the worker begins it.
func newHandshake(s *stream, side media.Side, want media.DTLS) *handshake {
	h := &handshake{stream: s, side: side, want: want}
	h.ctx, h.cancel = context.WithCancel(s.relay.ctx)
	return h
}

// record takes a record on the worker.
func (h *handshake) record(b []byte) {
	h.begin()
	if h.mail != nil {
		h.mail.put(b)
	}
}

// begin starts a handshake on the worker, unless one is under way or done.
func (h *handshake) begin() {
	if h.mail != nil || h.keyed || h.tries >= handshakeTries || h.ctx.Err() != nil {
		return
	}
	h.tries++
	h.mail = newMailbox(h.send)
	h.stream.relay.tasks.Add(1)
	go h.run(h.mail)
}

// send has the worker send a record.
func (h *handshake) send(b []byte) {
	h.stream.worker.post(func(int64) {
		w, s := h.stream.worker, &h.stream.lane.sides[h.side]
		if w.slots[h.stream.slot] != h.stream || !s.rtp.to.sends() {
			return
		}
		if transmit(s.fds[viaRTP], b, &s.rtp.to) != 0 {
			s.stats.unsent++
		}
	})
}

func (h *handshake) run(mail *mailbox) {
	defer h.stream.relay.tasks.Done()
	conn, err := h.shake(mail)
	if err == nil {
		err = h.install(conn)
	}
	if err != nil && h.ctx.Err() == nil {
		h.stream.relay.log.Warn().Str("call", h.stream.call).Stringer("side", h.side).Err(err).Msg("the DTLS handshake for media failed; nothing is carried on this side")
	}
	if err == nil {
		wait := time.NewTimer(linger)
		defer wait.Stop()
		select {
		case <-wait.C:
			mail.mute() // the far end would take close_notify for the end of the media
		case <-h.ctx.Done():
		}
	}
	if conn != nil {
		conn.Close() //nolint:errcheck // its only fault would be that it is closed
	}
	mail.Close() //nolint:errcheck // never fails
	h.stream.worker.post(func(int64) { h.mail = nil })
}

func (h *handshake) shake(mail *mailbox) (*dtls.Conn, error) {
	conn, err := h.conn(mail)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(h.ctx, handshakeWithin)
	defer cancel()
	return conn, conn.HandshakeContext(ctx)
}

// conn makes the end of the handshake that we are.
func (h *handshake) conn(mail *mailbox) (*dtls.Conn, error) {
	both := []dtls.Option{
		dtls.WithCertificates(*h.stream.relay.config.Certificate),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_32),
		dtls.WithInsecureSkipVerify(true), // the fingerprint proves it
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || sha256.Sum256(raw[0]) != h.want.Fingerprint {
				return errFingerprint
			}
			return nil
		}),
		dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}),
	}
	if h.want.Client {
		var options []dtls.ClientOption
		for _, o := range both {
			options = append(options, o)
		}
		return dtls.ClientWithOptions(mail, mail.RemoteAddr(), options...)
	}
	options := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
	for _, o := range both {
		options = append(options, o)
	}
	return dtls.ServerWithOptions(mail, mail.RemoteAddr(), options...)
}

// install gives the keys of RFC 5764 §4.2 to the lane.
func (h *handshake) install(conn *dtls.Conn) error {
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("no state after the handshake")
	}
	if len(state.PeerCertificates) == 0 || sha256.Sum256(state.PeerCertificates[0]) != h.want.Fingerprint {
		return errFingerprint
	}
	profile, ok := conn.SelectedSRTPProtectionProfile()
	suite := suiteOf(profile)
	n, salt, known := srtp.KeyLengths(suite)
	if !ok || !known {
		return fmt.Errorf("the far end offers no SRTP profile of ours (%d)", profile)
	}
	material, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(n+salt))
	if err != nil {
		return fmt.Errorf("exporting keys: %w", err)
	}
	client := media.Key{Suite: suite, Master: append(append([]byte{}, material[:n]...), material[2*n:2*n+salt]...)}
	server := media.Key{Suite: suite, Master: append(append([]byte{}, material[n:2*n]...), material[2*n+salt:]...)}
	ours, theirs := server, client
	if h.want.Client {
		ours, theirs = client, server
	}
	protector, err := srtp.NewProtector(ours)
	if err != nil {
		return err
	}
	unprotector, err := srtp.NewUnprotector(theirs)
	if err != nil {
		return err
	}
	if err := h.stream.relay.keys.use(&ours); err != nil {
		return err
	}
	h.stream.worker.call(func(int64) {
		if h.ctx.Err() != nil {
			return // another handshake took its place
		}
		h.keyed = true
		s := &h.stream.lane.sides[h.side]
		s.protect, s.unprotect = protector, unprotector
	})
	return nil
}

func suiteOf(p dtls.SRTPProtectionProfile) media.Suite {
	switch p {
	case dtls.SRTP_AES128_CM_HMAC_SHA1_80:
		return media.AES128CM80
	case dtls.SRTP_AES128_CM_HMAC_SHA1_32:
		return media.AES128CM32
	case dtls.SRTP_AEAD_AES_128_GCM:
		return media.AES128GCM
	case dtls.SRTP_AEAD_AES_256_GCM:
		return media.AES256GCM
	}
	return 0
}

// certificate makes the certificate that DTLS shows, where none is configured.
func certificate() (*tls.Certificate, error) {
	c, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return nil, fmt.Errorf("a certificate for DTLS: %w", err)
	}
	return &c, nil
}

// Fingerprint is the SHA-256 of the certificate that the relay shows in DTLS.
func (r *Relay) Fingerprint() [32]byte { return sha256.Sum256(r.config.Certificate.Certificate[0]) }
