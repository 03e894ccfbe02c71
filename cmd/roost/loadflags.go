package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"roost/cmd/roost/lab/load"
)

// loadFlags are those of `roost phone --load`.
type loadFlags struct {
	Load      string        `help:"Measure the server instead, with as many REGISTERs as it takes: full (401, then 200) or refresh (credentials kept). Numbers count up from --number, {number} in --password stands for each. Loopback only." placeholder:"full|refresh" group:"Load:"`
	Users     int           `help:"How many phones there are." default:"1000" group:"Load:"`
	New       bool          `help:"A new connection for each registration (TCP, TLS)." group:"Load:"`
	Sockets   int           `help:"UDP sockets or connections that the phones share; 0: 8, or 64 connections." group:"Load:"`
	Window    int           `help:"Registrations outstanding at a time." default:"64" group:"Load:"`
	Rate      float64       `help:"Registrations begun a second, whatever is outstanding; 0: as the window allows." group:"Load:"`
	For       time.Duration `help:"How long; with --once how long the phones' beginnings are spread." default:"5s" group:"Load:"`
	Once      bool          `help:"Each phone registers once: a storm." group:"Load:"`
	GiveUp    time.Duration `help:"How long an answer is waited for." default:"32s" group:"Load:"`
	Algorithm string        `help:"Digest algorithm: MD5 or SHA-256." enum:"MD5,SHA-256" default:"MD5" group:"Load:"`
	JSON      bool          `help:"Write the outcome as one JSON object." group:"Load:"`
}

// load measures the first server. The exit status is 0 only if every registration
// that was begun succeeded.
func (c *phoneCmd) load(ctx context.Context, w *world) error {
	made, err := c.loadConfig()
	if err != nil {
		return err
	}
	result, err := load.Run(ctx, made)
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(w.out).Encode(result)
	} else {
		_, err = fmt.Fprint(w.out, result.Text())
	}
	if err == nil && !result.Good() {
		return exitStatus(1)
	}
	return err
}

func (c *phoneCmd) loadConfig() (load.Config, error) {
	if c.Load != "full" && c.Load != "refresh" {
		return load.Config{}, fmt.Errorf("--load %q: full or refresh", c.Load)
	}
	if len(c.Server) != 1 {
		return load.Config{}, errors.New("--load needs one server, such as 127.0.0.11:5060")
	}
	target, err := serverAddress(c.Server[0], c.Transport)
	if err != nil {
		return load.Config{}, err
	}
	first, err := strconv.Atoi(c.Number)
	if err != nil {
		return load.Config{}, fmt.Errorf("--number %q: digits, since the other phones' numbers are counted up from it", c.Number)
	}
	made := load.Config{
		Target: target, Transport: c.Transport, Refresh: c.Load == "refresh", NewConnection: c.New,
		First: first, Users: c.Users, Password: c.Password, Domain: c.Domain, Algorithm: c.Algorithm, Lease: c.Expires,
		Sockets: c.Sockets, Window: c.Window, Rate: c.Rate, For: c.For, Once: c.Once, GiveUp: c.GiveUp,
	}
	if c.Transport == "tls" {
		made.TLS, err = rootOnly(c.TrustedRoot)
	}
	return made, err
}

// rootOnly is a TLS client that trusts one root.
func rootOnly(path string) (*tls.Config, error) {
	if path == "" {
		return nil, errors.New("--transport tls needs --trusted-root, the PEM file with the root that the server is verified against")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s: no PEM certificate in it", path)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
