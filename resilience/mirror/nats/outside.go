package natscarrier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/nats-io/nats.go"
)

// outside connects to any server of the outside cluster.
func (c *Carrier) outside(ctx context.Context, from *source, k kind, subjects []string) (*link, error) {
	o := c.cfg.Outside
	options := []nats.Option{
		nats.DontRandomize(), // the order in the configuration is the operator's: nearest first
		nats.SetCustomDialer(&plainDialer{ctx: ctx, dialer: net.Dialer{Timeout: c.cfg.Timing.Dial}}),
		func(n *nats.Options) error { n.TLSConfig = c.outsideTLS(); return nil },
	}
	for _, url := range o.URLs {
		if strings.HasPrefix(url, "tls://") {
			options = append(options, nats.Secure(c.outsideTLS()))
			break
		}
	}
	if o.Credentials != "" {
		options = append(options, nats.UserCredentials(o.Credentials))
	}
	return c.connect(strings.Join(o.URLs, ","), from, k, subjects, options...)
}

// outsideTLS is made anew for each try, so that a renewed certificate or root is taken.
func (c *Carrier) outsideTLS() *tls.Config {
	if given := c.cfg.Outside.TLS; given != nil {
		return given.Clone()
	}
	if c.cfg.Identity == nil {
		return nil
	}
	identity := c.cfg.Identity.Current()
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Time:         c.cfg.Clock,
		RootCAs:      identity.RootPool(),
		Certificates: []tls.Certificate{identity.TLSCertificate()},
	}
}

// outsideWords is why there is no connection to the cluster.
func (c *Carrier) outsideWords(err error) string {
	urls := make([]string, len(c.cfg.Outside.URLs))
	for i, url := range c.cfg.Outside.URLs {
		urls[i] = redact(url)
	}
	list := strings.Join(urls, ", ")
	switch {
	case err == nil:
		return "the connection to the NATS cluster ended"
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return fmt.Sprintf("the NATS cluster (%s) does not accept this system's user or certificate", list)
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Sprintf("no server of the NATS cluster (%s) can be reached", list)
	}
	return fmt.Sprintf("NATS cluster (%s): %v", list, err)
}

// plainDialer is a dialer that ends with the carrier.
type plainDialer struct {
	ctx    context.Context
	dialer net.Dialer
}

// Dial is called by the NATS client, which does TLS on the connection itself.
func (d *plainDialer) Dial(network, address string) (net.Conn, error) {
	return d.dialer.DialContext(d.ctx, network, address)
}
