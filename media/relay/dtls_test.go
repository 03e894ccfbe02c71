package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	pion "github.com/pion/srtp/v2"
	"github.com/pion/stun/v3"

	"roost/media"
)

// web is a far end like a browser: STUN, DTLS and SRTP on one socket.
type web struct {
	*end
	to    netip.AddrPort
	mail  *mailbox
	other chan []byte // what is no DTLS
	cert  tls.Certificate
	done  chan struct{}
}

func newWeb(t *testing.T, at string) *web {
	t.Helper()
	cert, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	w := &web{end: newEnd(t, at), other: make(chan []byte, 100), cert: cert, done: make(chan struct{})}
	w.mail = newMailbox(func(b []byte) { w.conn.WriteToUDPAddrPort(b, w.to) })
	go func() {
		defer close(w.done)
		b := make([]byte, 4096)
		for {
			n, _, err := w.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			one := append([]byte(nil), b[:n]...)
			if kindOf(one) == kindDTLS {
				w.mail.put(one)
			} else {
				w.other <- one
			}
		}
	}()
	t.Cleanup(func() {
		w.conn.Close()
		<-w.done
	})
	return w
}

func (w *web) fingerprint() [32]byte { return sha256.Sum256(w.cert.Certificate[0]) }

// next gives the next packet that is no DTLS.
func (w *web) next() []byte {
	w.t.Helper()
	select {
	case b := <-w.other:
		return b
	case <-time.After(patience):
		w.t.Fatal("nothing came")
		return nil
	}
}

// shake does the handshake and gives contexts for what this end sends and takes.
func (w *web) shake(client bool, want [32]byte) (sends, takes *pion.Context, err error) {
	both := []dtls.Option{
		dtls.WithCertificates(w.cert), dtls.WithInsecureSkipVerify(true), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if sha256.Sum256(raw[0]) != want {
				return errFingerprint
			}
			return nil
		}),
	}
	var conn *dtls.Conn
	if client {
		var options []dtls.ClientOption
		for _, o := range both {
			options = append(options, o)
		}
		conn, err = dtls.ClientWithOptions(w.mail, &net.UDPAddr{}, options...)
	} else {
		options := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
		for _, o := range both {
			options = append(options, o)
		}
		conn, err = dtls.ServerWithOptions(w.mail, &net.UDPAddr{}, options...)
	}
	if err != nil {
		return nil, nil, err
	}
	w.t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	state, _ := conn.ConnectionState()
	c := pion.Config{Profile: pion.ProtectionProfileAes128CmHmacSha1_80}
	if err := c.ExtractSessionKeysFromDTLS(&state, client); err != nil {
		return nil, nil, err
	}
	if sends, err = pion.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, c.Profile); err != nil {
		return nil, nil, err
	}
	takes, err = pion.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, c.Profile)
	return sends, takes, err
}

// check sends a connectivity check and gives the answer.
func (w *web) check(ice *media.ICE, more ...stun.Setter) *stun.Message {
	w.t.Helper()
	w.send(w.to, checkOf(w.t, ice, more...))
	m := &stun.Message{Raw: w.next()}
	if err := m.Decode(); err != nil {
		w.t.Fatal(err)
	}
	return m
}

func checkOf(t testing.TB, ice *media.ICE, more ...stun.Setter) []byte {
	t.Helper()
	setters := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(ice.LocalUfrag + ":" + ice.RemoteUfrag)}, more...)
	m, err := stun.Build(append(setters, stun.NewShortTermIntegrity(ice.LocalPwd), stun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

var useCandidate = stun.RawAttribute{Type: stun.AttrUseCandidate}

func TestDTLS_BothRolesToPlain(t *testing.T) {
	for _, c := range []struct{ client, ice bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		r := newRelay(t, nil)
		s := open(t, r, media.OpenStream{})
		w, b := newWeb(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
		w.to, _ = s.Local(media.A)
		bLocal, _ := s.Local(media.B)
		side := talk(w.addr)
		side.Mux = true
		side.DTLS = &media.DTLS{Client: c.client, Fingerprint: w.fingerprint()}
		if c.ice {
			side.ICE = &media.ICE{LocalUfrag: "ours", LocalPwd: "0123456789012345678901", RemoteUfrag: "their", RemotePwd: "abcdefabcdefabcdefabcd"}
			side.RTP = netip.MustParseAddrPort("192.0.2.9:9") // as browsers say it
		}
		mustSet(t, s, media.A, side)
		mustSet(t, s, media.B, talk(b.addr))
		if c.ice {
			var mapped stun.XORMappedAddress
			m := w.check(side.ICE, useCandidate)
			if err := mapped.GetFrom(m); m.Type != stun.BindingSuccess || err != nil || mapped.Port != int(w.addr.Port()) {
				t.Fatalf("%+v: the check's answer: %v, %v", c, m, err)
			}
			if err := stun.NewShortTermIntegrity(side.ICE.LocalPwd).Check(m); err != nil {
				t.Fatal(err)
			}
		}
		sends, takes, err := w.shake(!c.client, r.Fingerprint())
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		// Our keys may be installed a moment after the far end's.
		sealed, err := sends.EncryptRTP(nil, rtp(1, 1, 0), nil)
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint16(2); ; seq++ {
			held := s.Stats().Sides[0].Held
			w.send(w.to, sealed)
			stats := until(t, s, "a packet", func(m media.StreamStats) bool { return m.Sides[0].Packets == 1 || m.Sides[0].Held > held })
			if stats.Sides[0].Packets == 1 {
				break
			}
		}
		if got, _ := b.receive(); !bytes.Equal(got, rtp(1, 1, 0)) {
			t.Errorf("%+v: B got %x", c, got)
		}
		mustSet(t, s, media.A, side) // an unchanged re-INVITE
		b.send(bLocal, rtp(2, 1, 0))
		if got, err := takes.DecryptRTP(nil, w.next(), nil); err != nil || !bytes.Equal(got, rtp(2, 1, 0)) {
			t.Errorf("%+v: the browser got %x, %v", c, got, err)
		}
		w.send(w.to, rtp(1, 2, 0))
		until(t, s, "plain RTP refused", func(m media.StreamStats) bool { return m.Sides[0].Forged == 1 })
		b.nothing()
		r.Close()
	}
}

func TestDTLS_WrongFingerprint(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	w, b := newWeb(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
	w.to, _ = s.Local(media.A)
	side := talk(w.addr)
	side.Mux, side.DTLS = true, &media.DTLS{Fingerprint: [32]byte{1}}
	mustSet(t, s, media.A, side)
	mustSet(t, s, media.B, talk(b.addr))
	if _, _, err := w.shake(true, r.Fingerprint()); err == nil {
		t.Fatal("a certificate of somebody else's was taken")
	}
	w.send(w.to, rtp(1, 1, 0))
	until(t, s, "RTP held", func(m media.StreamStats) bool { return m.Sides[0].Held == 1 })
	b.nothing()
}

// TestDTLS_StrangersHello: a hello from somewhere else begins nothing.
func TestDTLS_StrangersHello(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	w, stranger := newWeb(t, "127.0.0.1:0"), newEnd(t, "127.0.0.9:0")
	w.to, _ = s.Local(media.A)
	side := talk(w.addr)
	side.Mux, side.Latch, side.DTLS = true, true, &media.DTLS{Fingerprint: w.fingerprint()}
	mustSet(t, s, media.A, side)
	mustSet(t, s, media.B, talk(stranger.addr))
	for range 10 {
		stranger.send(w.to, []byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0})
	}
	for r.Counters().Foreign < 10 {
		s.Stats()
	}
	stranger.nothing()
	if _, _, err := w.shake(true, r.Fingerprint()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestICE_ChecksOfStrangersAreNotAnswered(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	w := newWeb(t, "127.0.0.1:0")
	w.to, _ = s.Local(media.A)
	good := &media.ICE{LocalUfrag: "ours", LocalPwd: "0123456789012345678901", RemoteUfrag: "their", RemotePwd: "abcdefabcdefabcdefabcd"}
	side := talk(saidA)
	side.Mux, side.ICE = true, good
	mustSet(t, s, media.A, side)
	mustSet(t, s, media.B, talk(phoneB))
	otherName, otherPassword := *good, *good
	otherName.LocalUfrag, otherPassword.LocalPwd = "else", "xxxxxxxxxxxxxxxxxxxxxx"
	indication, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication))
	if err != nil {
		t.Fatal(err)
	}
	bare, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		t.Fatal(err)
	}
	tampered := checkOf(t, good, useCandidate)
	tampered[len(tampered)-1] ^= 1
	bad := [][]byte{checkOf(t, &otherName, useCandidate), checkOf(t, &otherPassword, useCandidate), indication.Raw, bare.Raw, tampered, tampered[:24]}
	for _, b := range bad {
		w.send(w.to, b)
	}
	for r.Counters().Foreign < uint64(len(bad)) {
		s.Stats()
	}
	if len(w.other) != 0 {
		t.Error("a stranger was answered")
	}
	if got := s.Stats().Sides[0].Remote; got.IsValid() {
		t.Errorf("a stranger was nominated: %s", got)
	}
	if m := w.check(good, stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}); m.Type != stun.BindingError {
		t.Errorf("two controlled ends: %v", m)
	}
	if m := w.check(good); m.Type != stun.BindingSuccess {
		t.Errorf("%v", m)
	}
	if s.Stats().Sides[0].Remote.IsValid() {
		t.Error("nominated without USE-CANDIDATE")
	}
	w.check(good, useCandidate)
	if got := s.Stats().Sides[0].Remote; got != w.addr {
		t.Errorf("nominated: %s", got)
	}
}
