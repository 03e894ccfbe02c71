package node

import (
	"fmt"
	"slices"
	"time"

	"roost/cmd/roost/config"
	"roost/registrar"
	"roost/registrar/directory"
	"roost/resilience"
)

// What each package is told of the configuration.

// compared are the settings that systems hold against each other (SE1, SE3).
func compared(c *config.Config) map[string]string {
	return map[string]string{
		"realm":          c.Realm,
		"media.security": fmt.Sprint(c.Media.Security),
		"media.suites":   fmt.Sprint(c.Media.Suites),
		"media.srtcp":    fmt.Sprint(c.Media.SRTCP),
	}
}

// wants says what this system asks of each peer; a line that asks for nothing
// stands there too, so that the other end sees that we have it (NE1). Who backs up
// one of our locations backs up phones like any other (SH5).
func wants(c *config.Config, d *directory.Directory) map[string]string {
	asked := map[string]string{}
	for i := range c.Network.Lines {
		line := &c.Network.Lines[i]
		asked[line.System] = ""
		if line.BacksUpPhones() || slices.Contains(d.Backups(), line.System) {
			asked[line.System] = "phones"
		}
	}
	return asked
}

// sets are the sets that this system writes, besides the directory. They are fixed
// at the start, and any peer may become a location's backup by a reload.
func sets(c *config.Config) []string {
	var names []string
	for _, peer := range peersOf(c) {
		names = append(names, cfgSet(peer), bindSet(peer), guestSet(peer), callSet(peer))
	}
	return names
}

// registrarConfig is what the registrar allows. A lab's phones renew faster, so
// there a lease may be as short as a second.
func registrarConfig(c *config.Config) registrar.Config {
	seconds := func(d config.Duration) uint32 {
		return uint32(max(1, d.Std()/time.Second/time.Duration(max(1, c.LabSpeed))))
	}
	longest := seconds(c.SIP.Expires.Max)
	return registrar.Config{
		Licences:       c.Licences.Phones,
		Capacity:       c.Capacity.Phones,
		MaxContacts:    c.SIP.ContactsPerPhone,
		TooBrief:       seconds(c.SIP.Expires.Min),
		DefaultExpires: seconds(c.SIP.Expires.Default),
		MinExpires:     longest - longest/10,
		MaxExpires:     longest,
		Seed:           uint64(time.Now().UnixNano()),
	}
}

// machineConfig is what the resilience machine is told.
func machineConfig(c *config.Config, backedUp []string, systems int) resilience.Config {
	t := c.Timers()
	timers := resilience.DefaultTimers().Faster(float64(max(1, c.LabSpeed)))
	timers.FailoverDelay = c.FailoverDelay(systems)
	timers.VisibleFor = t.VisibleWithin
	timers.AnnounceMax = t.RestartLimit
	timers.FailbackDelay = t.FailbackDelay
	timers.HomelessGrace = t.HomelessGrace
	timers.RetryFirst, timers.RetryMax = t.RetryFirst, t.RetryMax
	timers.MirrorBehind = t.BehindAlarm
	timers.GuestExpiresMin, timers.GuestExpiresMax = t.GuestExpiresMin, t.GuestExpiresMax
	timers.PaceInterval = time.Duration(float64(time.Second) / max(c.Resilience.Pace, 0.001))
	failback := resilience.Automatic
	if c.Resilience.Failback == config.FailbackManual {
		failback = resilience.Manual
	}
	made := resilience.Config{
		Self: resilience.System(c.System), Systems: systems, Timers: timers,
		Limits:        resilience.Limits{MaxGuests: c.Capacity.Phones},
		PhoneEvidence: c.Resilience.PhoneEvidence,
		Seed:          uint64(time.Now().UnixNano()),
	}
	for _, home := range backedUp {
		made.Homes = append(made.Homes, resilience.Home{System: resilience.System(home), Failback: failback})
	}
	return made
}

// sharedSecurity is the system's media security as extensions have it.
func sharedSecurity(c *config.Config) registrar.MediaSecurity {
	switch c.Media.Security {
	case config.SecurityEnforced:
		return registrar.MediaSecurityEnforced
	case config.SecurityPreferred:
		return registrar.MediaSecurityPreferred
	default:
		return registrar.MediaSecurityDisabled
	}
}
