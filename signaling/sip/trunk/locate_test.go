package trunk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// zone is a Resolver of a few lines.
type zone struct {
	mu    sync.Mutex
	naptr map[string]map[string]string
	srv   map[string][]SRV
	addrs map[string][]string
	ttl   time.Duration
	fails error // instead of any answer
	asked int
}

func (z *zone) answer() (time.Duration, error) {
	z.asked++
	return max(z.ttl, time.Second), z.fails
}

func (z *zone) NAPTR(_ context.Context, domain string) (map[string]string, time.Duration, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	ttl, err := z.answer()
	if err == nil && z.naptr[domain] == nil {
		err = ErrNoRecords
	}
	return z.naptr[domain], ttl, err
}

func (z *zone) SRV(_ context.Context, name string) ([]SRV, time.Duration, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	ttl, err := z.answer()
	if err == nil && len(z.srv[name]) == 0 {
		err = ErrNoRecords
	}
	return z.srv[name], ttl, err
}

func (z *zone) Addresses(_ context.Context, host string) ([]netip.Addr, time.Duration, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	ttl, err := z.answer()
	if err == nil && len(z.addrs[host]) == 0 {
		err = ErrNoRecords
	}
	var all []netip.Addr
	for _, a := range z.addrs[host] {
		all = append(all, netip.MustParseAddr(a))
	}
	return all, ttl, err
}

func (z *zone) fail(err error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.fails = err
}

func placed(all []Server) string {
	var out []string
	for _, s := range all {
		out = append(out, fmt.Sprintf("%s %s %d/%d", s.Host, s.Addr, s.Priority, s.Weight))
	}
	return strings.Join(out, ", ")
}

func TestRFC3263_4_WhereATrunkIs(t *testing.T) {
	z := &zone{
		naptr: map[string]map[string]string{"moved.test": {"SIPS+D2T": "_secure.moved.test", "SIP+D2U": "_plain.moved.test"}},
		srv: map[string][]SRV{
			"_sip._udp.carrier.test":  {{"a.carrier.test", 5070, 10, 1}, {"b.carrier.test", 5060, 20, 2}},
			"_sips._tcp.carrier.test": {{"a.carrier.test", 5071, 10, 1}},
			"_sip._tcp.carrier.test":  {{".", 0, 0, 0}},
			"_secure.moved.test":      {{"b.carrier.test", 5091, 1, 1}},
			"_sip._udp.half.test":     {{"gone.half.test", 5060, 1, 1}, {"a.carrier.test", 5060, 2, 1}},
			"_sip._udp.dead.test":     {{"gone.dead.test", 5060, 1, 1}},
		},
		addrs: map[string][]string{"a.carrier.test": {"127.0.0.1", "::1"}, "b.carrier.test": {"127.0.0.2"}, "carrier.test": {"127.0.0.9"}, "plain.test": {"127.0.0.7"}},
	}
	for _, c := range []struct {
		is   Config
		want string // servers, or an error's words
	}{
		{Config{Peer: "127.0.0.5", Transport: UDP}, "127.0.0.5 127.0.0.5:5060 0/0"},
		{Config{Peer: "::ffff:127.0.0.5", Port: 5080, Transport: TCP}, "::ffff:127.0.0.5 127.0.0.5:5080 0/0"},
		{Config{Peer: "::1", Transport: TLS}, "::1 [::1]:5061 0/0"},
		{Config{Peer: "carrier.test", Transport: UDP}, "carrier.test 127.0.0.9:5060 0/0"},
		{Config{Peer: "carrier.test", Transport: UDP, SRV: true}, "a.carrier.test 127.0.0.1:5070 10/1, a.carrier.test [::1]:5070 10/1, b.carrier.test 127.0.0.2:5060 20/2"},
		{Config{Peer: "carrier.test", Transport: TLS, SRV: true}, "a.carrier.test 127.0.0.1:5071 10/1, a.carrier.test [::1]:5071 10/1"},
		{Config{Peer: "carrier.test", Transport: TCP, SRV: true}, "!no such service"},
		{Config{Peer: "moved.test", Transport: TLS, SRV: true}, "b.carrier.test 127.0.0.2:5091 1/1"},
		{Config{Peer: "plain.test", Transport: TCP, SRV: true}, "plain.test 127.0.0.7:5060 0/0"},
		{Config{Peer: "half.test", Transport: UDP, SRV: true}, "a.carrier.test 127.0.0.1:5060 2/1, a.carrier.test [::1]:5060 2/1"},
		{Config{Peer: "dead.test", Transport: UDP, SRV: true}, "!gone.dead.test"},
		{Config{Peer: "nowhere.test", Transport: UDP, SRV: true}, "!nowhere.test cannot be looked up"},
	} {
		got, ttl, err := Locate(t.Context(), z, &c.is)
		if words, wrong := strings.CutPrefix(c.want, "!"); wrong {
			if err == nil || !strings.Contains(err.Error(), words) || len(got) > 0 {
				t.Errorf("%+v: %v, %v", c.is, placed(got), err)
			}
			continue
		}
		if err != nil || placed(got) != c.want || ttl <= 0 {
			t.Errorf("%s %s: %s for %v, %v, want %s", c.is.Peer, c.is.Transport, placed(got), ttl, err, c.want)
		}
	}
	z.fail(errors.New("no name server answers"))
	if _, _, err := Locate(t.Context(), z, &Config{Peer: "carrier.test", Transport: UDP, SRV: true}); err == nil || !strings.Contains(err.Error(), "no name server answers") {
		t.Errorf("without DNS: %v", err)
	}
}
