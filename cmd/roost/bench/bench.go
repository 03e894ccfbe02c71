package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"roost/certs"
	"roost/cmd/roost/lab/load"
)

// What all phones have in common.
const (
	domain      = "example.test"
	firstNumber = 100_000
	password    = "secret{number}"
)

func passwordOf(number int) string { return fmt.Sprintf("secret%d", number) }

// bench is the set-up that all parts share.
type bench struct {
	options
	cores     cores
	folder    string
	kept      bool
	block     byte // addresses are 127.78.block.x
	roots     *x509.CertPool
	rivalEnds []string // runs that Kamailio did not stand
	faults    []string // of roost: what a measurement should not have shown
}

// fault notes what makes the run a failure, once all is measured and written.
func (b *bench) fault(format string, args ...any) {
	b.faults = append(b.faults, fmt.Sprintf(format, args...))
}

// spread is the time over which phones register that are only to be there.
func (b *bench) spread(phones int) time.Duration {
	const aSecond = 20_000
	return time.Duration(phones) * time.Second / aSecond
}

func newBench(o options, c cores) (*bench, error) {
	folder, err := os.MkdirTemp("", "roost-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, cores: c, folder: folder, kept: o.keep, block: byte(1 + os.Getpid()%250), roots: x509.NewCertPool()}
	if b.roost, err = filepath.Abs(o.roost); err == nil {
		_, err = os.Stat(b.roost)
	}
	if err == nil {
		err = b.certificates()
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) close() {
	if b.kept {
		b.say("configurations, logs and profiles are in %s", b.folder)
		return
	}
	if err := os.RemoveAll(b.folder); err != nil {
		b.say("%v", err)
	}
}

func (b *bench) keepFolder() string {
	b.kept = true
	return b.folder
}

func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

func (b *bench) say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// The servers' addresses, by their last byte.
var hosts = map[string]byte{"london": 11, "paris": 12, "kamailio": 13, "floor": 14, "relay": 15, "rtpengine": 16, "far": 17}

func (b *bench) address(server string) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 78, b.block, hosts[server]})
}

// certificates makes one lab CA and an identity of the same kind for each server.
func (b *bench) certificates() error {
	now := time.Now()
	ca, err := certs.InitDir(b.folder, now, 24*time.Hour)
	if err != nil {
		return err
	}
	for server := range hosts {
		request := certs.Request{System: server, Addresses: []string{b.address(server).String()}, Domain: domain, ValidFor: 24 * time.Hour}
		if _, err := ca.IssueInto(b.folder, request, now); err != nil {
			return err
		}
	}
	b.roots.AppendCertsFromPEM(ca.RootPEM())
	return nil
}

// target is where a server takes a transport.
func (b *bench) target(server, transport string) netip.AddrPort {
	port := uint16(5060)
	if transport == "tls" {
		port = 5061
	}
	return netip.AddrPortFrom(b.address(server), port)
}

// config is what every measurement has in common.
func (b *bench) config(server, transport string) load.Config {
	return load.Config{
		Target: b.target(server, transport), Transport: transport, First: firstNumber, Users: b.users,
		Password: password, Domain: domain, For: b.each,
		TLS: &tls.Config{RootCAs: b.roots, MinVersion: tls.VersionTLS12},
	}
}

// measured is one run against one server.
type measured struct {
	load.Result
	// cost is the server's processor time a registration, in microseconds.
	cost float64
}

// measure runs one load against a server.
func measure(ctx context.Context, c load.Config, p *process) (measured, error) {
	var before, after time.Duration
	c.Measuring = func(begins bool) {
		if begins {
			before = p.used()
		} else {
			after = p.used()
		}
	}
	result, err := load.Run(ctx, c)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return measured{}, fmt.Errorf("%s: %w", p.name, err)
	}
	m := measured{Result: result}
	if result.OK > 0 {
		m.cost = float64(after-before) / float64(time.Microsecond) / float64(result.OK)
	}
	return m, nil
}
