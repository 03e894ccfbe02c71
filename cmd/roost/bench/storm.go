package main

import (
	"context"
	"fmt"
	"time"
)

// within is the time in which the phones of a storm begin.
const within = 2 * time.Second

// storms kills a home and lets all its phones register at the backup right when
// that has begun to serve.
func (b *bench) storms(ctx context.Context) error {
	t := newTable("phones, within 2 s", "all served after", "lost", "refused", "retransmissions", "guests", "p50 ms", "p99 ms", "max ms", "backup's CPU each, µs")
	note := ""
	for _, phones := range b.storm {
		phones = min(phones, b.users)
		m, guests, err := b.oneStorm(ctx, phones)
		if err != nil {
			return fmt.Errorf("%d phones: %w", phones, err)
		}
		b.say("%s", m.Text())
		if !m.Good() || guests != phones {
			note = " **Not every phone was served.**"
			b.fault("storm of %d: %d guests; %s", phones, guests, m.Text())
		}
		refused := 0
		for _, n := range m.Refused {
			refused += n
		}
		t.row(fmt.Sprint(phones), fmt.Sprintf("%.2f s", m.Served), fmt.Sprint(m.Lost), fmt.Sprint(refused),
			fmt.Sprintf("%d (%.2f %%)", m.Retransmissions, 100*float64(m.Retransmissions)/float64(max(1, 2*phones))),
			fmt.Sprint(guests), figure(m.P50), figure(m.P99), figure(m.Max), figure(m.cost))
	}
	return b.publish("storm", t.String(), fmt.Sprintf(
		"%s\n\nUDP, full registrations (401, then 200) of phones that the backup has mirrored; the home was killed with SIGKILL and the backup told to take over, "+
			"so that the storm meets it right when it begins to serve. udp_rate: 0, since all come from few addresses. Load average at the end %s.%s",
		b.machine(), loadAverage(), note))
}

func (b *bench) oneStorm(ctx context.Context, phones int) (measured, int, error) {
	b.say("\nstorm: %d phones at the backup within %v", phones, within)
	home, backup, err := b.pair(ctx, b.users, b.cores.server, b.cores.server, b.keep)
	if err != nil {
		return measured{}, 0, err
	}
	defer func() { home.end(); backup.end() }()
	c := b.config("london", "udp")
	c.Users, c.Once, c.For = phones, true, b.spread(phones)
	before, err := measure(ctx, c, home.process)
	if err != nil {
		return measured{}, 0, err
	}
	if !before.Good() {
		return measured{}, 0, fmt.Errorf("not all phones registered at the home: %s", before.Text())
	}
	if err := backup.inSync(ctx, 3*b.users+phones); err != nil {
		return measured{}, 0, err
	}
	home.kill()
	if err := backup.serving(ctx, "london"); err != nil {
		return measured{}, 0, err
	}
	c = b.config("paris", "udp")
	c.Users, c.Once, c.For = phones, true, within
	m, err := measure(ctx, c, backup.process)
	if err != nil {
		return m, 0, err
	}
	status, err := backup.client.Status(ctx)
	return m, status.Phones.Guests, err
}
