package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// arena is the pair that everything is thrown at, one thing after the other, while its
// phones are served.
type arena struct {
	*site
	london, paris *system
	victim        string // a number of london's that no phone has
}

// on has all that fails fail t, until the function returned is called.
func (a *arena) on(t *testing.T, p *phones) (done func()) {
	before := a.site.t
	set := func(t *testing.T) { a.site.t, a.london.t, a.paris.t, p.t = t, t, t, t }
	set(t)
	return func() { set(before) }
}

// attack is one kind of bad input. Each counter named must move, and a line that
// matches each pattern must be logged.
type attack struct {
	name     string
	do       func(t *testing.T, a *arena)
	counters []string
	lines    []string
}

// most is what a system may weigh at any time, in bytes.
const most = 160 << 20

func attacks() []attack {
	return []attack{
		{"malformed messages", malformed, []string{"sip_invalid", "sip_unparsable"},
			[]string{"invalid request", "no message that can be read"}},
		{"messages that are too large", oversized, []string{"sip_invalid", "flow_header_too_large", "flow_body_too_large", "flow_closed_bad_framing"},
			[]string{"message on a stream cannot be cut"}},
		{"TLS that is none", noTLS, []string{"flow_closed_handshake_failed"}, []string{"TLS handshake failed"}},
		{"a flood of TLS handshakes", handshakes, []string{"flow_handshakes_done"}, nil},
		{"wrong passwords of one source", crackOne, []string{"sip_wrong_password", "sip_bans", "sip_banned"},
			[]string{"too many wrong passwords", "credentials that prove nothing"}},
		{"wrong passwords of many sources", crackMany, []string{"sip_wrong_password"}, nil},
		{"spoofed sources", spoofed, []string{"sip_challenged", "flow_udpkeep_alives"}, nil},
		{"a flood of one source", flood, []string{"flow_dropped_rate"}, []string{"datagrams dropped: too many from one source"}},
		{"replayed credentials", replayed, []string{"sip_replayed", "sip_stale"}, nil},
		{"other methods of strangers", otherMethods, []string{"sip_challenged", "sip_options", "sip_method_not_allowed", "sip_unknown_dialog", "sip_stray_responses"}, nil},
		{"garbage at the console", consoleGarbage, []string{"console_useless", "console_refused"},
			[]string{"console: connection without", "console: connection refused"}},
		{"garbage where lines come in", lineGarbage, []string{"line_refused"}, []string{"line refused: does not speak TLS"}},
		{"certificates of strangers", lineStrangers, []string{"line_refused"},
			[]string{"line refused: .*(presents no certificate|no certificate)", "line refused: .*other root", "line refused: .*expired", "line refused: rome has no line here"}},
		{"half-open connections", halfOpen, []string{"flow_refused_per_source", "flow_gave_way"},
			[]string{"too many connections of one source", "too many connections: the oldest without a registered phone gave way"}},
	}
}

// Real phones over all transports are served while bad input of each kind arrives: no
// phone loses its registration or is refused, each goes on to renew it, the process
// stays within its memory, the line stays up, every limit that strikes is counted and
// told, and no log has a secret (that is looked for at the end of every test here).
func TestFloods_PhonesAreServedMeanwhile(t *testing.T) {
	s := newSite(t)
	s.phoneSpeed = patient
	numbers := append(six(201), six(211)...)
	// A line is down after 4 s of silence, and a failover comes after 20 s.
	london, paris := s.pair(append(six(291), numbers...), six(251), func(set *settings) {
		set.rules = "failover_delay: 400s, failback_delay: 40s, homeless_grace: 60s, visible_within: 80s, behind_alarm: 200s, guest_expires: {min: 20s, max: 40s}"
		set.sip = "  max_message: 8192\n  max_connections: 8000\n"
	})
	a := &arena{site: s, london: london, paris: paris, victim: "291"}
	// What takes long to be noticed begins first: deadlines are 10 and 15 s.
	idle := silent(t, a)
	defer idle.close()
	p := s.phones(numbers, []string{"london", "paris"}, nil)
	mark := p.mark()
	for _, attack := range attacks() {
		t.Run(attack.name, func(t *testing.T) {
			defer a.on(t, p)()
			before := london.status().Counters
			began := time.Now()
			attack.do(t, a)
			took := time.Since(began)
			until(t, "its counters moved", func() (bool, string) {
				now, still := london.status().Counters, []string{}
				for _, name := range attack.counters {
					if now[name] <= before[name] {
						still = append(still, fmt.Sprintf("%s: still %v", name, now[name]))
					}
				}
				return len(still) == 0, strings.Join(still, "\n")
			})
			for _, line := range attack.lines {
				london.logs(line)
			}
			p.serves(london, mark)
			mark = p.mark()
			status := london.status()
			if panics := status.Counters["panics_recovered"] + status.Counters["sip_panics"] + status.Counters["flow_panics"]; panics > 0 {
				t.Errorf("%v panics", panics)
			}
			if weighs := max(london.memory(), paris.memory()); weighs > most {
				t.Errorf("a system weighed %d MiB", weighs>>20)
			}
			t.Logf("%v; london weighed %d MiB at most", took.Round(time.Millisecond), london.memory()>>20)
		})
	}
	t.Run("slow and silent clients", func(t *testing.T) {
		defer a.on(t, p)()
		idle.areDropped(t, a)
	})
	p.serves(london, mark)
	paris.until("london is in sync", func(st api.Status) bool {
		return homeOf(st, "london").State == "SYNCED" && lineTo(st, "london").InSync
	})
}
