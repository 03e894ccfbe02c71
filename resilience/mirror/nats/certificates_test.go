package natscarrier_test

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"roost/certs"
	natscarrier "roost/resilience/mirror/nats"
)

// refusal waits until c turned somebody away for a reason that contains want.
func refusal(t *testing.T, c *natscarrier.Carrier, want string) natscarrier.Refusal {
	t.Helper()
	var found natscarrier.Refusal
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, r := range c.Refusals() {
			if strings.Contains(r.Reason, want) {
				return r
			}
			found = r
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody was refused because %q; the last: %+v", want, found)
		}
		<-tick.C
	}
}

// why waits until the line to peer is down for a reason that contains want.
func why(t *testing.T, c *natscarrier.Carrier, peer, want string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		line := lineOf(c, peer)
		if !line.Up && strings.Contains(line.Why, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("line to %s: %+v, want it down because %q", peer, line, want)
		}
		<-tick.C
	}
}

func TestSE2_LineDoesNotComeUpAndBothSidesSayWhy(t *testing.T) {
	now := time.Now()
	root, foreign := newCA(t, "Our Root"), newCA(t, "Foreign Root")
	good := func(system string) certs.Request {
		return certs.Request{System: system, Addresses: []string{"127.0.0.1"}, ValidFor: time.Hour}
	}
	short := func(system string) certs.Request {
		r := good(system)
		r.ValidFor = time.Minute
		return r
	}
	for name, c := range map[string]struct {
		dialler, listener *certs.Source // london dials, the other listens
		listens           string
		dialling          string // what london's status says
		accepting         string // what the other's list of refusals says
	}{
		"other root": {
			dialler: issue(t, root, good("london"), now), listener: issue(t, foreign, good("paris"), now), listens: "paris",
			dialling:  "paris presents a certificate signed by another root",
			accepting: "does not accept our certificate",
		},
		"other name": {
			dialler: issue(t, root, good("london"), now), listener: issue(t, root, good("berlin"), now), listens: "berlin",
			dialling:  "paris presents a certificate for berlin",
			accepting: "does not accept our certificate",
		},
		"server's expired": {
			dialler: issue(t, root, good("london"), now), listener: issue(t, root, short("paris"), now.Add(-10*time.Minute)), listens: "paris",
			dialling:  "paris presents an expired certificate",
			accepting: "does not accept our certificate",
		},
		"dialler's expired": {
			dialler: issue(t, root, short("london"), now.Add(-10*time.Minute)), listener: issue(t, root, good("paris"), now), listens: "paris",
			dialling:  "does not accept our certificate",
			accepting: "expired",
		},
		"address not covered": {
			dialler:  issue(t, root, good("london"), now),
			listener: issue(t, root, certs.Request{System: "paris", Addresses: []string{"192.0.2.7"}, ValidFor: time.Hour}, now),
			listens:  "paris",
			dialling: "does not cover 127.0.0.1", accepting: "does not accept our certificate",
		},
		"name right, wrong line": { // a system of our network, but paris has no line to it
			dialler: issue(t, root, good("london"), now), listener: issue(t, root, good("paris"), now), listens: "paris",
			dialling:  "paris does not accept a line from us",
			accepting: "london has no line here",
		},
	} {
		t.Run(name, func(t *testing.T) {
			book := &logBook{}
			cfg := basis(c.listens, c.listener)
			cfg.Log = zerolog.New(book)
			if name != "name right, wrong line" {
				cfg.Peers = []natscarrier.Peer{{System: "london", Address: freePort(t)}}
			}
			listener := start(t, cfg)
			dialCfg := basis("london", c.dialler)
			dialBook := &logBook{}
			dialCfg.Log = zerolog.New(dialBook)
			dialCfg.Peers = []natscarrier.Peer{{System: "paris", Address: listener.Addr().String()}}
			dialler := start(t, dialCfg)

			why(t, dialler, "paris", c.dialling)
			refusal(t, listener, c.accepting)
			until(t, "both logs say why", func() bool {
				return strings.Contains(book.String(), c.accepting) && strings.Contains(dialBook.String(), c.dialling)
			})
			if lineOf(dialler, "paris").Up {
				t.Fatal("the line came up")
			}
		})
	}
}

func TestSE2_SignedByAnotherRootIsRefusedByTheListenerToo(t *testing.T) {
	root, foreign := newCA(t, "Our Root"), newCA(t, "Foreign Root")
	listener := start(t, withPeer(basis("paris", identity(t, root, "paris")), "london"))
	// A dialler that does not look at the server's certificate, so that only the listener can refuse.
	pair := identity(t, foreign, "london").Current().TLSCertificate()
	probe(t, listener, &tls.Config{
		InsecureSkipVerify:   true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
	})
	if r := refusal(t, listener, "other root"); r.Remote != "127.0.0.1" || !strings.Contains(r.Reason, "Foreign Root") {
		t.Fatalf("%+v", r)
	}
}

func TestSE2_NoCertificateAndOldTLSAreRefused(t *testing.T) {
	root := newCA(t, "root")
	listener := start(t, withPeer(basis("paris", identity(t, root, "paris")), "london"))
	probe(t, listener, &tls.Config{InsecureSkipVerify: true})
	refusal(t, listener, "presents no certificate")
	pair := identity(t, root, "london").Current().TLSCertificate()
	probe(t, listener, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	refusal(t, listener, "unsupported versions")
}

// withPeer lets a system in that is never dialled.
func withPeer(cfg natscarrier.Config, system string) natscarrier.Config {
	cfg.Peers = append(cfg.Peers, natscarrier.Peer{System: system})
	return cfg
}

// probe dials like a stranger and fails the test if it hears a single byte.
func probe(t *testing.T, c *natscarrier.Carrier, config *tls.Config) {
	t.Helper()
	raw, err := net.Dial("tcp", c.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(raw, config)
	if err := conn.Handshake(); err != nil {
		return
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Fatalf("a stranger was told %d bytes", n)
	}
}

func TestSE2_ARelaysAddressMayBeAllowed(t *testing.T) {
	root := newCA(t, "root")
	id := issue(t, root, certs.Request{System: "paris", Addresses: []string{"192.0.2.7"}, ValidFor: time.Hour}, time.Now())
	paris := start(t, withPeer(basis("paris", id), "london"))
	cfg := basis("london", identity(t, root, "london"))
	cfg.Peers = []natscarrier.Peer{{System: "paris", Address: paris.Addr().String(), AnyAddress: true}}
	awaitLine(t, start(t, cfg), "paris", true)
}

func TestSE2_ALineEndsWhenTheCertificateDoesAndTheRenewedOneIsTaken(t *testing.T) {
	for _, side := range []string{"dialler", "listener"} {
		t.Run(side, func(t *testing.T) {
			root := newCA(t, "root")
			dir := t.TempDir()
			expiring := onDisk(t, root, dir, "london", 2*time.Second)
			steady := identity(t, root, "paris")
			london, paris := expiring, steady
			if side == "listener" {
				expiring = onDisk(t, root, dir, "paris", 2*time.Second)
				london, paris = identity(t, root, "london"), expiring
			}
			listener := start(t, withPeer(basis("paris", paris), "london"))
			cfg := basis("london", london)
			cfg.Peers = []natscarrier.Peer{{System: "paris", Address: listener.Addr().String()}}
			dialler := start(t, cfg)
			awaitLine(t, dialler, "paris", true)

			awaitLine(t, dialler, "paris", false) // under load or not: the certificate is over
			why(t, dialler, "paris", "")
			system := map[string]string{"dialler": "london", "listener": "paris"}[side]
			reissue(t, root, dir, system, time.Hour)
			if changed, err := expiring.Reload(time.Now()); !changed || err != nil {
				t.Fatalf("reload: %v %v", changed, err)
			}
			awaitLine(t, dialler, "paris", true)
		})
	}
}

func onDisk(t *testing.T, ca *certs.CA, dir, system string, validFor time.Duration) *certs.Source {
	t.Helper()
	source, err := certs.Open(reissue(t, ca, dir, system, validFor))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func reissue(t *testing.T, ca *certs.CA, dir, system string, validFor time.Duration) certs.Files {
	t.Helper()
	issued, err := ca.Issue(certs.Request{System: system, Addresses: []string{"127.0.0.1"}, ValidFor: validFor}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	path := func(name string) string { return filepath.Join(dir, system+name) }
	files := certs.Files{Identity: path(".crt"), Key: path(".key"), TrustedRoot: path("-root.crt")}
	for name, content := range map[string][]byte{
		files.Identity: issued.Certificate, files.Key: issued.Key, files.TrustedRoot: ca.RootPEM(),
	} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
