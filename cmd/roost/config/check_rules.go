package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// failback tells of manual failback, which SIP phones do not follow (rule FB9).
func (c *checker) failback(cfg *Config) {
	if cfg.Resilience.Failback != FailbackManual {
		return
	}
	c.add(SeverityWarning, "FB9", cfg, "resilience.failback", "manual failback is not supported for SIP phones: they follow automatic failback all the same, H.323 phones wait until they are logged out or restarted",
		"set failback: automatic to have all phones treated alike")
}

// delay tells the failover delay in force where it is not what is written (rule FO2).
func (c *checker) delay(cfg *Config) {
	systems, r := c.systems(), &cfg.Resilience
	inForce := cfg.FailoverDelay(systems)
	if r.FailoverDelay != 0 && r.FailoverDelay.Std() != inForce && cfg.LabSpeed <= 1 {
		c.add(SeverityWarning, "FO2", cfg, "resilience.failover_delay", fmt.Sprintf("%s is too short for a network of %d systems: %s is in force", r.FailoverDelay, systems, Duration(inForce)),
			fmt.Sprintf("write %s, or leave the key out", Duration(inForce)))
	}
	if !cfg.Lab {
		return
	}
	var short []string
	for _, t := range []struct {
		rule, key string
		is, least time.Duration
	}{
		{"FO2", "failover_delay", inForce, minFailoverDelay},
		{"FB1", "failback_delay", cfg.Timers().FailbackDelay, minFailbackDelay},
		{"FB5", "homeless_grace", cfg.Timers().HomelessGrace, minHomelessGrace},
	} {
		if t.is < t.least {
			short = append(short, fmt.Sprintf("%s is %s instead of %s (%s)", t.key, Duration(t.is), Duration(t.least), t.rule))
		}
	}
	if len(short) > 0 {
		c.add(SeverityNote, "FO2", cfg, "lab", "this is a lab: "+strings.Join(short, ", "), "")
	}
}

// comparePair looks at what two systems with a line between them must have alike.
// The finding stands at the second file and names the value of the first.
func (c *checker) comparePair(a, b *Config) {
	differ := func(severity Severity, rule, key, ofA, ofB, why string) {
		if ofA == ofB {
			return
		}
		c.add(severity, rule, b, key, fmt.Sprintf("%s is %s here and %s at %s (%s:%d)%s", key, ofB, ofA, a.System, a.Path, a.Line(key), why),
			"set the same on both systems")
	}
	differ(SeverityError, "FO5", "realm", a.Realm, b.Realm, ": guests could not prove themselves")
	differ(SeverityWarning, "SE1", "media.security", string(a.Media.Security), string(b.Media.Security), "")
	differ(SeverityWarning, "SE1", "media.suites", fmt.Sprint(a.Media.Suites), fmt.Sprint(b.Media.Suites), "")
	differ(SeverityWarning, "SE1", "media.srtcp", onOff(a.Media.SRTCP), onOff(b.Media.SRTCP), "")
	differ(SeverityError, "FO2", "lab", onOff(a.Lab), onOff(b.Lab), ": a lab and a system in service do not belong together")
	differ(SeverityError, "FO2", "lab_speed", fmt.Sprint(a.LabSpeed), fmt.Sprint(b.LabSpeed), ": their timers run at different speeds")
	differ(SeverityError, "NE1", "network.nats", carrier(a), carrier(b), ": they would not hear each other")
	ra, rb := &a.Resilience, &b.Resilience
	differ(SeverityWarning, "FB5", "resilience.homeless_grace", ra.HomelessGrace.String(), rb.HomelessGrace.String(), ": a phone could be refused at both")
	differ(SeverityNote, "FO2", "resilience.failover_delay", delayText(ra), delayText(rb), "")
	differ(SeverityNote, "FB1", "resilience.failback_delay", ra.FailbackDelay.String(), rb.FailbackDelay.String(), "")
	differ(SeverityNote, "FB8", "resilience.failback", string(ra.Failback), string(rb.Failback), "")
	c.hearing(a, b)
	c.hearing(b, a)
}

// hearing wants a listener to wait for at least two heartbeats of the other.
func (c *checker) hearing(listener, other *Config) {
	within, beat := listener.Resilience.VisibleWithin, other.Network.Heartbeat
	if within < 2*beat {
		c.add(SeverityError, "FO3", listener, "resilience.visible_within", fmt.Sprintf("%s has no room for two heartbeats of %s, one each %s (%s:%d): it would be lost again and again",
			within, other.System, beat, other.Path, other.Line("network.heartbeat")),
			"give at least twice that; 15s with a heartbeat of 5s is usual")
	}
}

func onOff(on bool) string {
	if on {
		return "true"
	}
	return "false"
}

func delayText(r *Resilience) string {
	if r.FailoverDelay == 0 {
		return "by the size of the network"
	}
	return r.FailoverDelay.String()
}

func carrier(cfg *Config) string {
	if len(cfg.Network.NATS.URLs) == 0 {
		return "embedded"
	}
	urls := slices.Sorted(slices.Values(cfg.Network.NATS.URLs))
	return strings.Join(urls, " ")
}

// unserved tells what is configured that this version does not serve.
func (c *checker) unserved(cfg *Config) {
	h323 := 0
	for i := range cfg.Extensions {
		if cfg.Extensions[i].Protocol == ProtocolH323 {
			h323++
		}
	}
	if h323 == 0 && !cfg.H323.Listen {
		return
	}
	if !cfg.H323.Listen {
		c.add(SeverityWarning, "SH1", cfg, "extensions", fmt.Sprintf("the gatekeeper is off: %d H.323 phones can not register", h323), "write h323: {listen: true}")
		return
	}
	c.add(SeverityWarning, "SH1", cfg, "h323.listen", fmt.Sprintf("this version serves no H.323 calls yet: %d H.323 phones register, but can not call", h323), "")
}
