package config

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"roost/certs"
)

func (v *validator) network() {
	n := &v.cfg.Network
	if !n.Listen.IsZero() {
		v.port("network.listen", n.Listen.Port)
	}
	if at, on := v.cfg.SIPListen(); on {
		v.port("network.sip", at.Port)
	}
	seen := make(map[string]string)
	askedBefore := ""
	for i := range n.Lines {
		line, key := &n.Lines[i], fmt.Sprintf("network.lines[%d]", i)
		v.line(line, key, seen)
		if !line.BacksUpPhones() {
			continue
		}
		if askedBefore != "" {
			v.bad(key+".backs_up_my", fmt.Sprintf("%s and %s are both asked to back up the phones", askedBefore, line.System),
				"ask one; other backups are named by locations[].backup (rule SH5)")
		}
		askedBefore = line.System
	}
	for i, address := range n.NATS.URLs {
		v.natsURL(fmt.Sprintf("network.nats.urls[%d]", i), address)
	}
	v.between("network.heartbeat", n.Heartbeat, 100*time.Millisecond, time.Minute, "5s is usual")
	if within := v.cfg.Resilience.VisibleWithin; within < 2*n.Heartbeat {
		v.bad("resilience.visible_within", fmt.Sprintf("%s has no room for two heartbeats of %s", within, n.Heartbeat),
			"give at least twice network.heartbeat; 15s with 5s is usual")
	}
}

func (v *validator) line(line *Line, key string, seen map[string]string) {
	if line.NetworkingLevel == "" {
		line.NetworkingLevel = LevelSCN
	}
	switch before, twice := seen[line.System]; {
	case line.System == "":
		v.bad(key+".system", "is missing", "name the system at the other end, as its certificate does")
	case line.System == v.cfg.System:
		v.bad(key+".system", "this is the system itself", "name the system at the other end")
	case twice:
		v.bad(key+".system", fmt.Sprintf("there is a line to %s already, %s", line.System, before), "remove one: two systems have one line")
	default:
		if err := certs.CheckSystemName(line.System); err != nil {
			v.bad(key+".system", err.Error(), "name the system at the other end, as its certificate does")
		}
	}
	seen[line.System] = key
	n := &v.cfg.Network
	switch {
	case line.Address.IsZero() && n.Listen.IsZero() && len(n.NATS.URLs) == 0:
		v.bad(key+".address", "is missing, and network.listen is off: neither end could dial", "give host:port of "+line.System+", or network.listen")
	case !line.Address.IsZero() && (line.Address.Host == "" || line.Address.Port == 0):
		v.bad(key+".address", fmt.Sprintf("%q lacks the host or the port", line.Address), "give host:port of "+line.System+", or leave the key out where only the other end dials")
	}
	if !line.SIP.IsZero() && (line.SIP.Host == "" || line.SIP.Port == 0) {
		v.bad(key+".sip", fmt.Sprintf("%q lacks the host or the port", line.SIP), "give host:port of network.sip at "+line.System+", or leave the key out")
	}
	if line.BacksUpPhones() && line.NetworkingLevel != LevelSCN {
		v.bad(key+".backs_up_my", "resilience works over lines of networking_level scn only (rule NE1)", "set networking_level: scn, or remove backs_up_my")
	}
}

func (v *validator) natsURL(key, address string) {
	right := "write nats://host:4222 or tls://host:4222"
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Host == "" || parsed.Scheme != "nats" && parsed.Scheme != "tls":
		v.bad(key, "this is no address of a NATS server", right)
	case parsed.User != nil:
		v.bad(key, "it carries a user or password", right+"; systems prove themselves by their certificates")
	}
}

func (v *validator) resilience() {
	r := &v.cfg.Resilience
	if r.FailoverDelay != 0 || v.cfg.lines["resilience.failover_delay"] != 0 {
		v.ruleTime("resilience.failover_delay", r.FailoverDelay, minFailoverDelay, time.Hour, "FO2")
	}
	v.ruleTime("resilience.failback_delay", r.FailbackDelay, minFailbackDelay, 24*time.Hour, "FB1")
	v.ruleTime("resilience.homeless_grace", r.HomelessGrace, minHomelessGrace, time.Hour, "FB5")
	v.between("resilience.retry_first", r.RetryFirst, time.Second, 24*time.Hour, "rule FB5 begins with 5m")
	v.between("resilience.retry_max", r.RetryMax, r.RetryFirst.Std(), 24*time.Hour, "it is not less than resilience.retry_first")
	if math.IsNaN(r.Pace) || r.Pace < 0.1 || r.Pace > 1000 {
		v.bad("resilience.pace", fmt.Sprintf("%g guests a second are out of range", r.Pace), "give a number from 0.1 to 1000; 10 is usual (rule FB3)")
	}
	v.between("resilience.visible_within", r.VisibleWithin, time.Second, 5*time.Minute, "15s is usual")
	v.between("resilience.restart_limit", r.RestartLimit, time.Second, 15*time.Minute, "rule FO4 allows 15m at most")
	v.between("resilience.behind_alarm", r.BehindAlarm, time.Second, time.Hour, "rule SH3 has 30s")
	shortest := 30 * time.Second
	if v.cfg.Lab {
		shortest = time.Second
	}
	v.between("resilience.guest_expires.min", r.GuestExpires.Min, shortest, time.Hour, "rule GU1 has 60s to 120s")
	v.between("resilience.guest_expires.max", r.GuestExpires.Max, r.GuestExpires.Min.Std(), time.Hour, "it is not less than resilience.guest_expires.min")
}

// ruleTime is a time that only a lab may shorten.
func (v *validator) ruleTime(key string, value Duration, least, most time.Duration, rule string) {
	switch {
	case value.Std() > most:
		v.bad(key, fmt.Sprintf("%s is out of range", value), fmt.Sprintf("give at most %s", Duration(most)))
	case v.cfg.Lab && value.Std() < time.Second:
		v.bad(key, fmt.Sprintf("%s is out of range", value), "a lab may go down to 1s; lab_speed divides further")
	case !v.cfg.Lab && value.Std() < least:
		v.bad(key, fmt.Sprintf("%s is shorter than rule %s allows", value, rule),
			fmt.Sprintf("give at least %s; only lab: true may shorten it", Duration(least)))
	}
}

func (v *validator) profiles() {
	for i := range v.cfg.Profiles {
		profile, key := &v.cfg.Profiles[i], fmt.Sprintf("profiles[%d]", i)
		if profile.Match == "" {
			v.bad(key+".match", "is missing", `give the begin of the phones' User-Agent, such as match: "Snom"`)
		}
		if profile.Refuse == "" {
			profile.Refuse = Refuse503
			if profile.Phrase != "" {
				profile.Refuse = RefusePhrase
			}
		}
		switch {
		case profile.Refuse == RefusePhrase && profile.Phrase == "":
			v.bad(key+".phrase", "is missing, and refuse: phrase needs it", "give the phrase that the phones are configured for, such as Please failover")
		case profile.Refuse != RefusePhrase && profile.Phrase != "":
			v.bad(key+".phrase", "has no effect with refuse: "+string(profile.Refuse), "remove it, or set refuse: phrase")
		case len(profile.Phrase) > 100 || strings.ContainsFunc(profile.Phrase, isControl):
			v.bad(key+".phrase", "is too long or has control characters", "give one line of at most 100 bytes")
		}
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
