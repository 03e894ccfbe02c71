package config

import (
	"fmt"
	"slices"
	"strings"
)

// lines looks at each line of a system from its end (rule NE1).
func (c *checker) lines(cfg *Config) {
	for i := range cfg.Network.Lines {
		line, key := &cfg.Network.Lines[i], fmt.Sprintf("network.lines[%d]", i)
		other := c.byName[line.System]
		if other == nil {
			severity := SeverityWarning
			if len(c.configs) == 1 {
				severity = SeverityNote
			}
			c.add(severity, "NE1", cfg, key+".system", fmt.Sprintf("no file given here is that of %s: the other end of the line is not checked", line.System),
				fmt.Sprintf("name its file too, or mend the name; given are: %s", strings.Join(c.given(), ", ")))
			continue
		}
		back := other.lineTo(cfg.System)
		if back < 0 {
			c.add(SeverityError, "NE1", other, "network.lines", fmt.Sprintf("%s has a line to %s (%s:%d), but %s has none to %s: the line is one-sided and will not come up",
				cfg.System, other.System, cfg.Path, cfg.Line(key), other.System, cfg.System),
				fmt.Sprintf("add a line with system: %s here, or remove the other", cfg.System))
			continue
		}
		c.level(cfg, line, other, key, back)
		c.reach(cfg, line, other, key)
	}
}

func (c *checker) given() []string {
	names := make([]string, len(c.configs))
	for i, cfg := range c.configs {
		names[i] = cfg.System
	}
	return names
}

func (c *checker) level(cfg *Config, line *Line, other *Config, key string, back int) {
	theirs := &other.Network.Lines[back]
	if line.NetworkingLevel != theirs.NetworkingLevel && line.NetworkingLevel == LevelSCN {
		c.add(SeverityError, "NE1", other, fmt.Sprintf("network.lines[%d].networking_level", back),
			fmt.Sprintf("networking_level is %s here and %s at %s (%s:%d)", theirs.NetworkingLevel, line.NetworkingLevel, cfg.System, cfg.Path, cfg.Line(key+".networking_level")),
			"set both ends to scn: resilience works over these lines only")
	}
	if line.BacksUpPhones() && theirs.NetworkingLevel != LevelSCN {
		c.add(SeverityError, "NE1", cfg, key+".backs_up_my", fmt.Sprintf("%s is asked to back up the phones, but does not agree: its line has networking_level %s", other.System, theirs.NetworkingLevel),
			fmt.Sprintf("set networking_level: scn in %s, or remove backs_up_my", other.Path))
	}
}

// reach compares where a line dials with where the other end listens.
func (c *checker) reach(cfg *Config, line *Line, other *Config, key string) {
	if len(cfg.Network.NATS.URLs) > 0 {
		return // an outside cluster carries the line
	}
	listen := other.Network.Listen
	if line.Address.IsZero() {
		back := other.Network.Lines[other.lineTo(cfg.System)]
		if back.Address.IsZero() {
			c.add(SeverityError, "NE1", cfg, key, fmt.Sprintf("neither %s nor %s has an address for the line: neither dials", cfg.System, other.System),
				"give the address of the other system in one of them")
		}
		return
	}
	if listen.IsZero() {
		c.add(SeverityError, "NE1", cfg, key+".address", fmt.Sprintf("it dials %s, but network.listen is off at %s", line.Address, other.System),
			fmt.Sprintf("set network.listen in %s, or leave the address out here", other.Path))
		return
	}
	hosts := []string{other.Address, listen.Host}
	if line.Address.Port != listen.Port || !slices.Contains(hosts, line.Address.Host) {
		c.add(SeverityWarning, "NE1", cfg, key+".address", fmt.Sprintf("it dials %s, but %s listens on %s (%s:%d)", line.Address, other.System, listen.At(other.Address), other.Path, other.Line("network.listen")),
			"mend one of them, unless a NAT or a name in the DNS stands between them")
	}
	c.callsDial(cfg, other, line, key)
}

// callsDial wants calls to go where the other system takes them.
func (c *checker) callsDial(cfg, other *Config, line *Line, key string) {
	to := line.SIPAddress()
	at, on := other.SIPListen()
	switch {
	case to.IsZero():
	case !on:
		c.add(SeverityWarning, "NE1", cfg, key, fmt.Sprintf("%s takes no calls of other systems: network.sip is off there", other.System),
			fmt.Sprintf("set network.sip in %s", other.Path))
	case to.Port != at.Port:
		c.add(SeverityWarning, "NE1", cfg, key, fmt.Sprintf("calls to %s go to %s, but it takes them on %s (%s:%d)", other.System, to, at.At(other.Address), other.Path, other.Line("network.sip")),
			"set sip: on the line, unless a NAT stands between them")
	}
}

// backups says who backs up a system's phones, and looks at its locations (rule SH5).
func (c *checker) backups(cfg *Config) {
	if cfg.Backup() == "" && len(cfg.Extensions) > 0 {
		c.add(SeverityWarning, "NE1", cfg, "network.lines", fmt.Sprintf("nobody is asked to back up the phones of %s: they have no service when it is down", cfg.System),
			"set backs_up_my: [phones] on the line to the system that should")
	}
	for i := range cfg.Locations {
		location := &cfg.Locations[i]
		if location.Backup == "" {
			continue
		}
		key := fmt.Sprintf("locations[%d].backup", i)
		owners := c.owners(cfg, location.Backup)
		if len(owners) > 1 {
			c.add(SeverityError, "SH5", cfg, key, fmt.Sprintf("the backup %s of location %s belongs to several systems: %s", location.Backup, location.Name, strings.Join(owners, ", ")),
				"name the system instead of the address")
			continue
		}
		if len(owners) == 1 {
			c.locationBackup(cfg, location, key, owners[0])
		}
	}
}

// locationBackup wants a line of level scn to a location's backup.
func (c *checker) locationBackup(cfg *Config, location *Location, key, owner string) {
	index := cfg.lineTo(owner)
	switch {
	case owner == cfg.System:
		c.add(SeverityError, "SH5", cfg, key, fmt.Sprintf("location %s names %s itself as its backup", location.Name, owner), "name another system")
	case index < 0:
		c.add(SeverityError, "SH5", cfg, key, fmt.Sprintf("location %s is backed up by %s, but there is no line to it", location.Name, owner), "add a line to "+owner)
	case cfg.Network.Lines[index].NetworkingLevel != LevelSCN:
		c.add(SeverityError, "NE1", cfg, key, fmt.Sprintf("location %s is backed up by %s, whose line has networking_level %s", location.Name, owner, cfg.Network.Lines[index].NetworkingLevel),
			"set networking_level: scn on both ends")
	}
}

// owners are the systems that a location's backup can mean: by name, or all that
// have the address in any of the files.
func (c *checker) owners(cfg *Config, backup string) []string {
	if c.byName[backup] != nil || cfg.lineTo(backup) >= 0 {
		return []string{backup}
	}
	var found []string
	note := func(system, address string) {
		if strings.EqualFold(strings.Trim(address, "[]"), strings.Trim(backup, "[]")) && !slices.Contains(found, system) {
			found = append(found, system)
		}
	}
	for _, other := range c.configs {
		note(other.System, other.Address)
	}
	for _, line := range cfg.Network.Lines {
		note(line.System, line.Address.Host)
	}
	return found
}
