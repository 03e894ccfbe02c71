package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"roost/cmd/roost/console"
	"roost/cmd/roost/console/api"
)

// upWithin bounds how long a system with all its users may take to start.
const upWithin = time.Minute

// peerOf are the two systems of a pair.
var peerOf = map[string]string{"london": "paris", "paris": "london"}

// writeRoost writes a system's configuration; with pair it has a line to the
// other, which backs up its phones. It returns the file's path.
func (b *bench) writeRoost(name string, users int, pair bool) (string, error) {
	var text strings.Builder
	at := b.address(name)
	fmt.Fprintf(&text, `system: %[1]s
address: %[2]s
realm: %[3]s
certificates: {identity: %[1]s.crt, key: %[1]s.key, trusted_root: root.crt}
sip:
  listen: ["udp:5060", "tcp:5060", "tls:5061"]
  digest: [MD5]   # what Kamailio does; the default would offer SHA-256 too
  udp_rate: 0     # the generator is one source
console: {listen: "%[2]s:8080"}
network:
  listen: "%[2]s:7422"
`, name, at, domain)
	if pair {
		fmt.Fprintf(&text, "  lines:\n    - {system: %s, address: \"%s:7422\", networking_level: scn, backs_up_my: [phones]}\n",
			peerOf[name], b.address(peerOf[name]))
	}
	if users > 0 {
		text.WriteString("users:\n")
		for n := firstNumber; n < firstNumber+users; n++ {
			fmt.Fprintf(&text, "  - {number: \"%d\", name: \"Phone %d\", password: \"%s\"}\n", n, n, passwordOf(n))
		}
		text.WriteString("extensions:\n")
		for n := firstNumber; n < firstNumber+users; n++ {
			fmt.Fprintf(&text, "  - {number: \"%d\", protocol: sip, base_user: \"%d\"}\n", n, n)
		}
	}
	path := b.path(name + ".yaml")
	return path, os.WriteFile(path, []byte(text.String()), 0o600)
}

// system is a running roost.
type system struct {
	*process
	b       *bench
	client  *console.Client
	profile string
	upAfter time.Duration // from its start to its console's first answer
}

// startRoost starts a system and waits until it serves. With profile it can tell
// its memory.
func (b *bench) startRoost(ctx context.Context, name, config string, core int, profile bool) (*system, error) {
	began := time.Now()
	s := &system{b: b, client: console.NewClient(b.address(name).String() + ":8080")}
	args := []string{"serve", "-c", config}
	if profile {
		s.profile = b.path(name + "-profile")
		args = append(args, "--profile", s.profile)
	}
	var err error
	if s.process, err = b.start(name, core, b.roost, args...); err != nil {
		return nil, err
	}
	err = s.until(ctx, upWithin, "served", func(ctx context.Context) error {
		status, err := s.client.Status(ctx)
		if err == nil && !status.Ready {
			err = errors.New("not ready: " + status.WhyNotReady)
		}
		return err
	})
	if err != nil {
		s.end()
		return nil, err
	}
	s.upAfter = time.Since(began)
	return s, nil
}

func (s *system) end() {
	s.client.Close()
	s.stop()
}

// pair starts a home with all users and its backup, and waits until the backup
// has everything.
func (b *bench) pair(ctx context.Context, users, homeCore, backupCore int, profile bool) (home, backup *system, err error) {
	defer func() {
		if err != nil && home != nil {
			home.end()
		}
		if err != nil && backup != nil {
			backup.end()
		}
	}()
	var configs [2]string
	if configs[0], err = b.writeRoost("london", users, true); err != nil {
		return nil, nil, err
	}
	if configs[1], err = b.writeRoost("paris", 0, true); err != nil {
		return nil, nil, err
	}
	if home, err = b.startRoost(ctx, "london", configs[0], homeCore, profile); err != nil {
		return home, nil, err
	}
	if backup, err = b.startRoost(ctx, "paris", configs[1], backupCore, profile); err != nil {
		return home, backup, err
	}
	return home, backup, backup.inSync(ctx, 3*users)
}

// inSync waits until the mirror of the other system is complete and holds so many
// records: a user, an extension, a directory entry and a registration a phone.
func (s *system) inSync(ctx context.Context, records int) error {
	return s.until(ctx, upWithin, fmt.Sprintf("mirrored %d records", records), func(ctx context.Context) error {
		status, err := s.client.Status(ctx)
		if err != nil {
			return err
		}
		for _, line := range status.Lines {
			if line.Up && line.InSync && line.Complete && line.Records >= records {
				return nil
			}
			err = fmt.Errorf("line to %s: up %t %s, in sync %t, %d records", line.System, line.Up, line.Why, line.InSync, line.Records)
		}
		return err
	})
}

// serving makes the backup serve a home that is gone, at once.
func (s *system) serving(ctx context.Context, home string) error {
	if _, err := s.client.Command(ctx, "takeover", api.TakeOver{Home: home}); err != nil {
		return err
	}
	return s.until(ctx, upWithin, "taken over", func(ctx context.Context) error {
		status, err := s.client.Status(ctx)
		if err != nil {
			return err
		}
		for _, h := range status.Homes {
			if h.System == home && h.State == "SERVING" {
				return nil
			}
		}
		return errors.New("not serving yet")
	})
}

// memoryOf is what a profiled system says of its memory after a collection.
type memoryOf struct {
	Heap    uint64 `json:"heap_bytes"`
	Objects uint64 `json:"objects"`
	// resident is what is in RAM after that collection, withGarbage before it.
	resident, withGarbage uint64
}

func (s *system) memory(ctx context.Context) (memoryOf, error) {
	var m memoryOf
	path := s.profile + "/memory.json"
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return m, err
	}
	settle(ctx)
	withGarbage := s.resident()
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return m, err
	}
	err := s.until(ctx, upWithin, "told its memory", func(context.Context) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return json.Unmarshal(content, &m)
	})
	m.resident, m.withGarbage = s.resident(), withGarbage
	return m, err
}

// appendTo adds to a file.
func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
