package main

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"strings"

	"roost/media"
	"roost/media/relay"
)

// relayWord is the argument with which this program is the relay alone: package
// media/relay with no signalling, so that nothing but it is measured.
const relayWord = "media-relay"

// Ports of the relays that are measured.
const (
	mediaFirst = 30_000
	mediaLast  = 49_999
)

// mediaCall is what a relay needs of a call: where the far ends are, and the keys of
// side A (none: RTP). Local is where the far ends send to.
type mediaCall struct {
	far          [2]netip.AddrPort
	theirs, ours *media.Key // of A
	local        [2]netip.AddrPort
}

// serveRelay opens a stream for each line of standard input and says its addresses:
// "farA farB [theirKey ourKey]" gives "localA localB". It ends with its input.
func serveRelay(address string) error {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	const workers = 1
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + workers) // see relay.Config.Eager
	r, err := relay.New(relay.Config{Address: ip, First: mediaFirst, Last: mediaLast, Workers: workers, Eager: true})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // never an error
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		local, err := openRelayed(r, strings.Fields(lines.Text()))
		if err != nil {
			return err
		}
		fmt.Println(local)
	}
	return lines.Err()
}

func openRelayed(r *relay.Relay, words []string) (string, error) {
	if len(words) != 2 && len(words) != 4 {
		return "", fmt.Errorf("two addresses, or with two keys, not %q", words)
	}
	s, err := r.Open(media.OpenStream{Call: words[0]})
	if err != nil {
		return "", err
	}
	for side := range 2 {
		far, err := netip.ParseAddrPort(words[side])
		if err != nil {
			return "", err
		}
		c := media.SideConfig{RTP: far, Send: true, Receive: true, Latch: true, Payloads: []uint8{0}}
		if side == 0 && len(words) == 4 {
			c.Unprotect = &media.Key{Suite: media.AES128CM80, Master: []byte(words[2])}
			c.Protect = &media.Key{Suite: media.AES128CM80, Master: []byte(words[3])}
		}
		if err := s.Set(media.Side(side), c); err != nil {
			return "", err
		}
	}
	a, _ := s.Local(media.A)
	b, _ := s.Local(media.B)
	return fmt.Sprintf("%s %s", a, b), nil
}

// ownRelay is serveRelay as a process.
type ownRelay struct {
	*process
	in  io.WriteCloser
	out *bufio.Scanner
}

func (b *bench) startOwnRelay() (*ownRelay, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	in, toIt, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	fromIt, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p, err := b.startWith("relay", b.cores.server, in, out, self, relayWord, b.address("relay").String())
	if err != nil {
		return nil, err
	}
	return &ownRelay{process: p, in: toIt, out: bufio.NewScanner(fromIt)}, nil
}

// open has the relay open a call.
func (r *ownRelay) open(c *mediaCall) error {
	line := fmt.Sprintf("%s %s", c.far[0], c.far[1])
	if c.theirs != nil {
		line += fmt.Sprintf(" %s %s", c.theirs.Master, c.ours.Master)
	}
	if _, err := fmt.Fprintln(r.in, line); err != nil {
		return err
	}
	if !r.out.Scan() {
		return fmt.Errorf("the relay ended: its log is %s", r.log)
	}
	words := strings.Fields(r.out.Text())
	if len(words) != 2 {
		return fmt.Errorf("the relay said %q", r.out.Text())
	}
	for side := range c.local {
		var err error
		if c.local[side], err = netip.ParseAddrPort(words[side]); err != nil {
			return err
		}
	}
	return nil
}

func (r *ownRelay) end() {
	r.in.Close()
	r.stop()
}
