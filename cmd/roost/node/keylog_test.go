package node

import (
	"bytes"
	"crypto/tls"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
)

// heardText keeps what is written to it, by whomever.
type heardText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (k *heardText) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.b.Write(p)
}

func (k *heardText) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.b.String()
}

// The keys of TLS connections leave a system only in a lab, and only where they were
// asked for; the log then says so.
func TestSecurity_TLSKeysAreLoggedInALabOnly(t *testing.T) {
	s := newSite(t)
	var keys, log heardText
	c := s.load("london")
	c.Lab = false
	if _, err := New(c, Options{KeyLog: &keys}); err == nil || !strings.Contains(err.Error(), "lab: true") {
		t.Fatalf("without lab: true: %v", err)
	}
	n, err := New(s.load("london"), Options{Log: zerolog.New(&log), KeyLog: &keys})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	s.running["london"] = n
	conn, err := tls.Dial("tcp", s.address("london")+":5061", &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if !strings.Contains(keys.String(), "SERVER_TRAFFIC_SECRET_0 ") {
		t.Errorf("logged: %q", keys.String())
	}
	s.stop("london")
	if !strings.Contains(log.String(), "who has them reads everything") {
		t.Errorf("the log does not tell:\n%s", log.String())
	}
}
