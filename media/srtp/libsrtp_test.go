package srtp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"roost/media"
)

// libsrtp is Cisco's implementation, in a process of its own.
type libsrtp struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Scanner
}

func newLibsrtp(t *testing.T, suite string, k media.Key) *libsrtp {
	t.Helper()
	unavailable := func(why string) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("libsrtp must be here: %s", why)
		}
		t.Skipf("not tested against libsrtp (apt-get install python3 libsrtp2-1): %s", why)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		unavailable(err.Error())
	}
	command := exec.Command(python, "testdata/libsrtp.py")
	var trouble bytes.Buffer
	command.Stderr = &trouble
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil && !t.Failed() && !t.Skipped() {
			t.Errorf("libsrtp ended: %v, %s", err, trouble.String())
		}
	})
	p := &libsrtp{t: t, in: in, out: bufio.NewScanner(out)}
	fmt.Fprintf(in, "%s %x\n", suite, k.Master)
	if !p.out.Scan() || p.out.Text() != "ready" {
		in.Close()
		err := command.Wait()
		unavailable(fmt.Sprintf("%v: %s", err, trouble.String()))
	}
	return p
}

// ask gives the answer, nil where libsrtp refuses.
func (p *libsrtp) ask(what string, packet []byte) []byte {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, "%s %x\n", what, packet); err != nil {
		p.t.Fatal(err)
	}
	if !p.out.Scan() {
		p.t.Fatalf("libsrtp says nothing: %v", p.out.Err())
	}
	if strings.HasPrefix(p.out.Text(), "error") {
		return nil
	}
	b, err := hex.DecodeString(p.out.Text())
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// TestLibsrtp_BothWays: an implementation that shares nothing with ours or pion's opens
// what we protect and protects what we open, over a roll of the sequence, RTP and RTCP;
// and it refuses what we refuse.
func TestLibsrtp_BothWays(t *testing.T) {
	for suite, s := range suites {
		t.Run(suite, func(t *testing.T) {
			k := keyFor(s, 11)
			peer := newLibsrtp(t, suite, k)
			p, _ := NewProtector(k)
			u, _ := NewUnprotector(k)
			var sealed []byte
			for i := range 100 {
				for _, packet := range shapes(uint16(65480 + i))[i%3:][:1] {
					b := room(packet)
					n, err := p.RTP(b, len(packet))
					if err != nil {
						t.Fatal(err)
					}
					sealed = append([]byte(nil), b[:n]...)
					if got := peer.ask("unprotect", sealed); !bytes.Equal(got, packet) {
						t.Fatalf("packet %d: libsrtp opened %x to %x", i, sealed, got)
					}
					theirs := peer.ask("protect", packet)
					if !bytes.Equal(theirs, sealed) {
						t.Fatalf("packet %d: libsrtp protects as %x, we as %x", i, theirs, sealed)
					}
					if n, err = u.RTP(theirs); err != nil || !bytes.Equal(theirs[:n], packet) {
						t.Fatalf("packet %d: we open libsrtp's to %x, %v", i, theirs[:n], err)
					}
				}
				control := rtcpPacket(uint32(i % 2))
				b := room(control)
				n, err := p.RTCP(b, len(control))
				if err != nil {
					t.Fatal(err)
				}
				if got := peer.ask("unprotect_rtcp", b[:n]); !bytes.Equal(got, control) {
					t.Fatalf("libsrtp opened SRTCP %x to %x", b[:n], got)
				}
				theirs := peer.ask("protect_rtcp", control)
				if n, err = u.RTCP(theirs); err != nil || !bytes.Equal(theirs[:n], control) {
					t.Fatalf("we open libsrtp's SRTCP to %x, %v", theirs, err)
				}
			}
			if got := peer.ask("unprotect", sealed); got != nil {
				t.Error("libsrtp takes a replay")
			}
			sealed[len(sealed)-1] ^= 1
			if got := peer.ask("unprotect", sealed); got != nil {
				t.Error("libsrtp takes a forged tag")
			}
		})
	}
}
