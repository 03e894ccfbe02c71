package natscarrier_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
	"roost/resilience/mirror/service"
)

// The mirror's service over this carrier, as a system runs them.

// clerk takes what a service calls back.
type clerk struct {
	changed func(mirror.RecordsChanged)
}

func (c *clerk) Changed(r mirror.RecordsChanged) {
	if c.changed != nil {
		c.changed(r)
	}
}
func (c *clerk) Heard(mirror.Heard)                     {}
func (c *clerk) StateChanged(mirror.StateChanged)       {}
func (c *clerk) LineChanged(mirror.LineState)           {}
func (c *clerk) Alarm(mirror.Alarm)                     {}
func (c *clerk) Panicked(where string, v any, _ []byte) { panic(fmt.Sprint(where, v)) }

func serve(t testing.TB, c *natscarrier.Carrier, self, peer string, at *clerk, sets ...string) *service.Service {
	t.Helper()
	s, err := service.New(service.Options{
		Config:  mirror.Config{Self: self, Sets: sets, Peers: []string{peer}, HeartbeatEvery: 100 * time.Millisecond},
		Carrier: c, Callbacks: at,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// fill writes so many records of 400 bytes.
func fill(t testing.TB, s *service.Service, set string, records int) {
	t.Helper()
	for i := range records {
		if err := s.Put(set, fmt.Sprintf("reg/%06d", i), make([]byte, 400), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

func inSync(s *service.Service, peer string, records int) bool {
	for _, line := range s.Status() {
		if line.Peer == peer {
			return line.InSync && line.Records == records
		}
	}
	return false
}

// restart starts a backup anew, carrier and service, and returns when it is in sync.
func restart(t testing.TB, cfg natscarrier.Config, home string, records int) (stop func()) {
	t.Helper()
	c, err := natscarrier.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, c, cfg.System, home, &clerk{})
	until(t, "the backup is in sync", func() bool { return inSync(s, home, records) })
	return func() { s.Stop(); c.Close() }
}

func TestSH3_ARestartedBackupIsInSyncByItself(t *testing.T) {
	const records = 5_000
	ca := newCA(t, "root")
	home := start(t, withPeer(basis("home", identity(t, ca, "home")), "backup"))
	atHome := serve(t, home, "home", "backup", &clerk{}, "bind/backup")
	defer atHome.Stop()
	fill(t, atHome, "bind/backup", records)
	cfg := basis("backup", identity(t, ca, "backup"))
	cfg.Peers = []natscarrier.Peer{{System: "home", Address: home.Addr().String()}}
	for range 2 {
		restart(t, cfg, "home", records)()
	}
}

// BenchmarkRestartedBackup is from the start of a backup's process (carrier and service)
// until it has all of its home's 100,000 registrations of 400 bytes.
func BenchmarkRestartedBackup_100000(b *testing.B) {
	const records = 100_000
	ca := newCA(b, "root")
	homeCfg := withPeer(basis("home", identity(b, ca, "home")), "backup")
	unhurried(&homeCfg)
	home := start(b, homeCfg)
	atHome := serve(b, home, "home", "backup", &clerk{}, "bind/backup")
	defer atHome.Stop()
	fill(b, atHome, "bind/backup", records)
	cfg := basis("backup", identity(b, ca, "backup"))
	unhurried(&cfg)
	cfg.Peers = []natscarrier.Peer{{System: "home", Address: home.Addr().String()}}
	b.SetBytes(records * 400)
	for b.Loop() {
		stop := restart(b, cfg, "home", records)
		b.StopTimer()
		stop()
		b.StartTimer()
	}
}

// BenchmarkUpdate_5000ASecond is from Put at the home to Changed at the backup, with
// 5,000 updates a second; the service gathers changes for 3 ms.
func BenchmarkUpdate_5000ASecond(b *testing.B) {
	n := network(b, unhurried, "home", "backup")
	zero := time.Now()
	took := make(chan time.Duration, 1<<20)
	at := &clerk{changed: func(r mirror.RecordsChanged) {
		for _, c := range r.Changes {
			if put := binary.BigEndian.Uint64(c.Value); put > 0 { // not those of the filling
				took <- time.Since(zero) - time.Duration(put) // a test's own clock
			}
		}
	}}
	home := serve(b, n["home"], "home", "backup", &clerk{}, "bind/backup")
	defer home.Stop()
	backup := serve(b, n["backup"], "backup", "home", at)
	defer backup.Stop()
	fill(b, home, "bind/backup", 10_000)
	until(b, "in sync", func() bool { return inSync(backup, "home", 10_000) })
	var all []time.Duration
	next := 0
	for b.Loop() {
		const updates, everyMS = 5000, 5
		tick := time.NewTicker(time.Millisecond)
		for range updates / everyMS {
			<-tick.C
			for range everyMS {
				value := make([]byte, 400)
				binary.BigEndian.PutUint64(value, uint64(time.Since(zero))) // not negative
				if err := home.Put("bind/backup", fmt.Sprintf("reg/%06d", next%10_000), value, time.Time{}); err != nil {
					b.Fatal(err)
				}
				next++
			}
		}
		tick.Stop()
		for range updates {
			all = append(all, <-took)
		}
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2])/1e3, "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100])/1e3, "p99-µs")
}
