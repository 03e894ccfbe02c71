package config

import "fmt"

// most is how many findings of one kind are told one by one.
const most = 20

// duplicateNumbers wants each number at one system only (rule NE3). Inside one
// system, Load has seen to it.
func (c *checker) duplicateNumbers() {
	type owner struct {
		cfg  *Config
		what string
		line int
	}
	owners := make(map[string]owner)
	found := 0
	claim := func(cfg *Config, what, number string, line int) {
		before, taken := owners[number]
		switch {
		case !taken:
			owners[number] = owner{cfg, what, line}
		case before.cfg == cfg: // a user, and the extension that comes up as that user
		default:
			if found++; found <= most {
				c.addLine(SeverityError, "NE3", cfg, line, fmt.Sprintf("%s %s is also %s %s of %s (%s:%d)", what, number, before.what, number, before.cfg.System, before.cfg.Path, before.line),
					"give one of them another number: numbers are unique over the network")
			}
		}
	}
	for _, cfg := range c.configs {
		phones := make(map[string]bool, len(cfg.Extensions))
		for i := range cfg.Extensions {
			phones[cfg.Extensions[i].Number] = true
			claim(cfg, "extension", cfg.Extensions[i].Number, cfg.Extensions[i].Line)
		}
		for i := range cfg.Users {
			if user := &cfg.Users[i]; !phones[user.Number] { // else told with the extension
				claim(cfg, "user", user.Number, user.Line)
			}
		}
		for i := range cfg.Groups {
			claim(cfg, "group", cfg.Groups[i].Number, cfg.Groups[i].Line)
		}
	}
	if found > most {
		last := c.configs[len(c.configs)-1]
		c.add(SeverityError, "NE3", last, "users", fmt.Sprintf("%d numbers are given twice over the network; the first %d are told one by one", found, most),
			"give each its own range of numbers")
	}
}

// members wants each member of a group to be a number of one of the systems.
func (c *checker) members() {
	numbers := make(map[string]bool)
	open := false
	for _, cfg := range c.configs {
		for i := range cfg.Users {
			numbers[cfg.Users[i].Number] = true
		}
		for i := range cfg.Extensions {
			numbers[cfg.Extensions[i].Number] = true
		}
		for i := range cfg.Groups {
			numbers[cfg.Groups[i].Number] = true
		}
		for _, line := range cfg.Network.Lines {
			open = open || c.byName[line.System] == nil // a system whose file was not given
		}
	}
	for _, cfg := range c.configs {
		for i := range cfg.Groups {
			for j, member := range cfg.Groups[i].Members {
				if !numbers[member] && !open && !cfg.goesOut(member) {
					c.add(SeverityWarning, "NE3", cfg, fmt.Sprintf("groups[%d].members[%d]", i, j), fmt.Sprintf("member %s of group %s is no number of these systems", member, cfg.Groups[i].Number),
						"remove it, or configure the number")
				}
			}
		}
	}
}

// goesOut tells whether a trunk takes the number.
func (c *Config) goesOut(number string) bool {
	for i := range c.Trunks {
		for j := range c.Trunks[i].Out {
			if c.Trunks[i].Out[j].Match.Matches(number) {
				return true
			}
		}
	}
	return false
}

// licences compares the licences with the phones (rule US4).
func (c *checker) licences(cfg *Config) {
	if have, need := cfg.Licences.Phones, len(cfg.Extensions); have > 0 && need > have {
		c.add(SeverityWarning, "US4", cfg, "licences.phones", fmt.Sprintf("%d phones are configured and %d licensed: the last %d to register are refused", need, have, need-have),
			"raise licences.phones, or remove extensions")
	}
	if room, need := cfg.Capacity.Phones, len(cfg.Extensions); need > room {
		c.add(SeverityError, "GU2", cfg, "capacity.phones", fmt.Sprintf("%d phones are configured, and this system carries %d", need, room),
			"raise capacity.phones if the machine bears it")
	}
}

// capacity says how many of each home's phones its backups can carry (rule GU2).
// Which phones are at which location shows only when they register, so a
// location's backup is measured against all of them.
func (c *checker) capacity() {
	for _, home := range c.configs {
		told := make(map[string]bool)
		for i := range home.Network.Lines {
			if home.Network.Lines[i].BacksUpPhones() {
				told[home.Network.Lines[i].System] = true
				c.carries(home, home.Network.Lines[i].System, fmt.Sprintf("network.lines[%d].backs_up_my", i))
			}
		}
		for i := range home.Locations {
			owners := c.owners(home, home.Locations[i].Backup)
			if len(owners) == 1 && !told[owners[0]] {
				told[owners[0]] = true
				c.carries(home, owners[0], fmt.Sprintf("locations[%d].backup", i))
			}
		}
	}
}

func (c *checker) carries(home *Config, system, key string) {
	backup := c.byName[system]
	if backup == nil || backup == home || len(home.Extensions) == 0 {
		return
	}
	phones := len(home.Extensions)
	room := max(0, backup.Capacity.Phones-len(backup.Extensions))
	text := fmt.Sprintf("%s can carry %d of the %d phones of %s: it has %d of its own and carries %d",
		system, min(room, phones), phones, home.System, len(backup.Extensions), backup.Capacity.Phones)
	if room < phones {
		c.add(SeverityWarning, "GU2", home, key, text, fmt.Sprintf("raise capacity.phones in %s if the machine bears it, or give locations other backups", backup.Path))
		return
	}
	c.add(SeverityNote, "GU2", home, key, text, "")
}
