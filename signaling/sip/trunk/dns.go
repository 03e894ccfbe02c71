package trunk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// DNS is a Resolver that asks name servers, and the machine's own way (its hosts file)
// for the address of a host that they do not know.
type DNS struct {
	// Servers are name servers as host:port, asked one after the other.
	Servers []string
	// Within bounds one question to one server, 2 s where 0.
	Within time.Duration
	// Hosts finds addresses that the servers do not know; nil: nobody.
	Hosts *net.Resolver
}

// Bounds of what one answer may have.
const (
	maxRecords = 16
	hostsTTL   = time.Minute
)

// DNSFrom reads the name servers out of a file like /etc/resolv.conf.
func DNSFrom(path string) (*DNS, error) {
	c, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("name servers: %w", err)
	}
	d := &DNS{Hosts: net.DefaultResolver}
	for _, s := range c.Servers {
		d.Servers = append(d.Servers, net.JoinHostPort(s, c.Port))
	}
	return d, nil
}

// ask puts one question, and gives the records of the answer.
func (d *DNS) ask(ctx context.Context, name string, kind uint16) ([]dns.RR, error) {
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, fmt.Errorf("%q is no domain name", name)
	}
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), kind)
	question.SetEdns0(1232, false)
	last := errors.New("no name server is known")
	for _, server := range d.Servers {
		answer, err := d.exchange(ctx, question, server)
		switch {
		case err != nil:
			last = err
		case answer.Rcode == dns.RcodeNameError, answer.Rcode == dns.RcodeSuccess && len(answer.Answer) == 0:
			return nil, ErrNoRecords
		case answer.Rcode == dns.RcodeSuccess:
			return answer.Answer, nil
		default:
			last = fmt.Errorf("name server %s says %s", server, dns.RcodeToString[answer.Rcode])
		}
	}
	return nil, last
}

func (d *DNS) exchange(ctx context.Context, question *dns.Msg, server string) (*dns.Msg, error) {
	within := d.Within
	if within <= 0 {
		within = 2 * time.Second
	}
	client := dns.Client{Timeout: within}
	answer, _, err := client.ExchangeContext(ctx, question, server)
	if err == nil && answer.Truncated {
		client.Net = "tcp"
		answer, _, err = client.ExchangeContext(ctx, question, server)
	}
	return answer, err
}

// records are those of a type, at most maxRecords, and the least time that they live.
func records[T dns.RR](all []dns.RR) (found []T, ttl time.Duration) {
	ttl = 24 * time.Hour
	for _, rr := range all {
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
		if one, ok := rr.(T); ok && len(found) < maxRecords {
			found = append(found, one)
		}
	}
	return found, ttl
}

// NAPTR implements Resolver. Only records that lead to SRV (flag "s") count.
func (d *DNS) NAPTR(ctx context.Context, domain string) (map[string]string, time.Duration, error) {
	all, err := d.ask(ctx, domain, dns.TypeNAPTR)
	if err != nil {
		return nil, 0, err
	}
	found, ttl := records[*dns.NAPTR](all)
	slices.SortStableFunc(found, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	out := map[string]string{}
	for _, one := range found {
		service := strings.ToUpper(one.Service)
		if strings.EqualFold(one.Flags, "s") && out[service] == "" {
			out[service] = one.Replacement
		}
	}
	return out, ttl, nil
}

// SRV implements Resolver.
func (d *DNS) SRV(ctx context.Context, name string) ([]SRV, time.Duration, error) {
	all, err := d.ask(ctx, name, dns.TypeSRV)
	if err != nil {
		return nil, 0, err
	}
	found, ttl := records[*dns.SRV](all)
	var out []SRV
	for _, one := range found {
		out = append(out, SRV{Host: one.Target, Port: one.Port, Priority: one.Priority, Weight: one.Weight})
	}
	if len(out) == 0 {
		return nil, 0, ErrNoRecords
	}
	return out, ttl, nil
}

// Addresses implements Resolver.
func (d *DNS) Addresses(ctx context.Context, host string) ([]netip.Addr, time.Duration, error) {
	four, err := d.ask(ctx, host, dns.TypeA)
	six, err6 := d.ask(ctx, host, dns.TypeAAAA)
	if err != nil && err6 != nil {
		return d.fromHosts(ctx, host, err)
	}
	a, ttl := records[*dns.A](four)
	aaaa, ttl6 := records[*dns.AAAA](six)
	var out []netip.Addr
	for _, one := range a {
		if addr, ok := netip.AddrFromSlice(one.A); ok {
			out = append(out, addr.Unmap())
		}
	}
	for _, one := range aaaa {
		if addr, ok := netip.AddrFromSlice(one.AAAA); ok {
			out = append(out, addr.Unmap())
		}
	}
	if len(out) == 0 {
		return d.fromHosts(ctx, host, ErrNoRecords)
	}
	return out, min(ttl, ttl6), nil
}

func (d *DNS) fromHosts(ctx context.Context, host string, err error) ([]netip.Addr, time.Duration, error) {
	if d.Hosts == nil {
		return nil, 0, err
	}
	found, own := d.Hosts.LookupNetIP(ctx, "ip", strings.TrimSuffix(host, "."))
	if own != nil || len(found) == 0 {
		return nil, 0, err
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found[:min(len(found), maxRecords)], hostsTTL, nil
}
