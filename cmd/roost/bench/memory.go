package main

import (
	"context"
	"fmt"
	"time"
)

// memory registers all phones at a home with a backup, and measures what a
// registration costs in memory at both, what sharing costs the home, and how soon
// a backup that starts anew has everything.
func (b *bench) memory(ctx context.Context) error {
	b.say("\nmemory: %d registrations at a home, mirrored by its backup", b.users)
	home, backup, err := b.pair(ctx, b.users, b.cores.server, b.cores.server, true)
	if err != nil {
		return err
	}
	defer func() { home.end(); backup.end() }()
	before, err := memories(ctx, home, backup)
	if err != nil {
		return err
	}
	c := b.config("london", "udp")
	c.Once, c.For = true, b.spread(b.users)
	first, err := measure(ctx, c, home.process)
	if err != nil {
		return err
	}
	if !first.Good() {
		return fmt.Errorf("not all phones registered: %s", first.Text())
	}
	if err := backup.inSync(ctx, 4*b.users); err != nil {
		return err
	}
	after, err := memories(ctx, home, backup)
	if err != nil {
		return err
	}
	c.Once, c.Refresh, c.For, c.Rate = false, true, b.each, 10_000
	shared, err := measure(ctx, c, home.process)
	if err != nil {
		return err
	}
	if !shared.Good() {
		b.fault("shared refreshes: %s", shared.Text())
	}
	synced, up, err := b.resync(ctx, &backup)
	if err != nil {
		return err
	}
	t := newTable("with "+fmt.Sprint(b.users)+" registrations", "home", "mirrored at the backup")
	each := func(after, before uint64) string {
		return fmt.Sprintf("%.0f B", (float64(after)-float64(before))/float64(b.users))
	}
	t.row("live heap a registration", each(after[0].Heap, before[0].Heap), each(after[1].Heap, before[1].Heap))
	t.row("resident a registration", each(after[0].resident, before[0].resident), each(after[1].resident, before[1].resident))
	t.row("heap objects a registration", objects(after[0], before[0], b.users), objects(after[1], before[1], b.users))
	t.row("live heap before (users, extensions, directory)", mega(before[0].Heap), mega(before[1].Heap))
	t.row("live heap, all in", mega(after[0].Heap), mega(after[1].Heap))
	t.row("resident, all in", mega(after[0].resident), mega(after[1].resident))
	t.row("the same with its garbage", mega(after[0].withGarbage), mega(after[1].withGarbage))
	return b.publish("memory", t.String(), fmt.Sprintf(
		"%s\n\nUDP, two processes; heap and resident after a forced collection, and resident as it stood before that. "+
			"The home answered %.1f s after its start with %d users in YAML. "+
			"A backup that starts anew was in sync with %d records %.2f s after its process began (its console answered after %.2f s). "+
			"A refresh that is shared costs the home %.1f µs of processor time at %.0f a second (p99 %.2f ms), with profiling on. Load average at the end %s.",
		b.machine(), home.upAfter.Seconds(), b.users, 4*b.users, synced.Seconds(), up.Seconds(),
		shared.cost, shared.PerSecond, shared.P99, loadAverage()))
}

// resync kills the backup and starts it again; it tells how long after the start
// it was in sync, and when it first answered.
func (b *bench) resync(ctx context.Context, backup **system) (synced, up time.Duration, err error) {
	(*backup).kill()
	(*backup).client.Close()
	began := time.Now()
	again, err := b.startRoost(ctx, "paris", b.path("paris.yaml"), b.cores.server, true)
	if err != nil {
		return 0, 0, err
	}
	*backup = again
	err = again.inSync(ctx, 4*b.users)
	return time.Since(began), again.upAfter, err
}

func memories(ctx context.Context, systems ...*system) ([]memoryOf, error) {
	var all []memoryOf
	for _, s := range systems {
		m, err := s.memory(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func objects(after, before memoryOf, users int) string {
	return fmt.Sprintf("%.1f", (float64(after.Objects)-float64(before.Objects))/float64(users))
}

func mega(bytes uint64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }
