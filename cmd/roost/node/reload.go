package node

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"roost/cmd/roost/config"
	"roost/resilience"
)

// Reload takes a new configuration over while phones are served: users,
// extensions, locations, profiles, licences, capacity and the times of the rules.
// What needs sockets or lines of its own needs a restart; a configuration that
// changes such is refused whole, naming the keys.
func (n *Node) Reload(c *config.Config) error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	before := n.config()
	if fixed := needRestart(before, c); len(fixed) > 0 {
		return fmt.Errorf("%s: a change of %s takes a restart; announce it to the backups first", c.Path, strings.Join(fixed, ", "))
	}
	dir, err := c.Directory()
	if err != nil {
		return err
	}
	profiles, err := c.PhoneProfiles()
	if err != nil {
		return err
	}
	machine := machineConfig(c, n.homes.all(), n.homes.network())
	if err := machine.Validate(); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	from := n.directory()
	n.cfg.Store(c)
	n.dir.Store(dir)
	n.profiles.Store(&profiles)
	n.registrar.Configure(registrarConfig(c))
	now := time.Now()
	for _, e := range from.Extensions() {
		if _, stays := dir.Extension(e.Number); !stays {
			n.changed(n.registrar.Drop(e.Number, "extension removed", now), now)
		}
	}
	n.share.directory(from, dir)
	n.share.secured(sharedSecurity(c), dir)
	n.share.groups(groupNumbers(before), groupNumbers(c))
	if err := n.voice.records.reopen(c.Calls.Records); err != nil {
		n.log.Error().Err(err).Msg("the records of calls go on in the old file")
	}
	n.trunks.set.Configure(n.trunkConfigs(c))
	n.reviewNumbers(from, dir, now)
	n.mirror.SetCompared(wants(c, dir), compared(c))
	n.keeper.step(resilience.Reconfigure{Config: machine})
	n.reloadCertificates(now)
	n.journal.happened("reloaded", n.name, "the configuration was read again", now)
	return nil
}

// startOf is the part of the SIP settings that is read at the start only.
func startOf(s config.SIP) config.SIP {
	s.Expires, s.ContactsPerPhone = config.Expires{}, 0
	return s
}

// relayOf is the part of the media settings that is read at the start only.
func relayOf(m config.Media) config.Media {
	m.Security, m.Suites, m.SRTCP, m.Direct = "", nil, false, false
	return m
}

// reconfigure tells the machine which homes there are now.
func (n *Node) reconfigure() {
	n.keeper.step(resilience.Reconfigure{Config: machineConfig(n.config(), n.homes.all(), n.homes.network())})
	mirrored{n}.mirrorStates()
}

// needRestart names the keys that differ and are only read at the start.
func needRestart(before, after *config.Config) []string {
	var keys []string
	for _, k := range []struct {
		name      string
		old, next any
	}{
		{"system", before.System, after.System},
		{"address", before.Address, after.Address},
		{"realm", before.Realm, after.Realm},
		{"lab", before.Lab, after.Lab},
		{"lab_speed", before.LabSpeed, after.LabSpeed},
		{"certificates", before.Certificates, after.Certificates},
		{"sip", startOf(before.SIP), startOf(after.SIP)},
		{"h323", before.H323, after.H323},
		{"network", before.Network, after.Network},
		{"media.ports, relay, advertised, timeout and dscp", relayOf(before.Media), relayOf(after.Media)},
		{"console", before.Console, after.Console},
	} {
		if !reflect.DeepEqual(k.old, k.next) {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// noticeCold remembers whether some home was never mirrored whole: then a number
// that nobody knows may be one of its phones (GU3).
func (n *Node) noticeCold() {
	view, _ := n.keeper.view()
	cold := false
	for _, h := range view.Homes {
		cold = cold || h.Phase == resilience.Cold
	}
	n.cold.Store(cold)
}
