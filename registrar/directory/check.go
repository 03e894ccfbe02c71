package directory

import (
	"fmt"
	"net/netip"
	"strings"

	"roost/registrar"
)

// checker gathers all problems of an Input.
type checker struct {
	in       *Input
	problems []Problem
}

func (c *checker) problem(list List, index int, field, format string, args ...any) {
	c.problems = append(c.problems, Problem{List: list, Index: index, Field: field, Text: fmt.Sprintf(format, args...)})
}

// MaxName bounds the names of users and locations, in bytes.
const MaxName = 128

func (c *checker) number(list List, i int, n registrar.Number, first map[registrar.Number]int) {
	switch {
	case n == "":
		c.problem(list, i, "number", "a number is missing")
	case len(n) > registrar.MaxNumberLength:
		c.problem(list, i, "number", "number has %d characters; at most %d are allowed", len(n), registrar.MaxNumberLength)
	case strings.ContainsFunc(string(n), func(r rune) bool { return !plain(r) }):
		c.problem(list, i, "number", "number %q: only digits, letters and + - . _ * # are allowed", n)
	default:
		if at, ok := first[n]; ok {
			c.problem(list, i, "number", "number %s is there twice; the first is entry %d of %s", n, at+1, list)
			return
		}
		first[n] = i
	}
}

// plain characters need no escape in the user part of a SIP URI but #.
func plain(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("+-._*#", r)
}

func (c *checker) users() {
	first := make(map[registrar.Number]int)
	for i, u := range c.in.Users {
		c.number(Users, i, u.Number, first)
		if u.Secret.IsZero() {
			c.problem(Users, i, "password", "user %s has neither password nor ha1; the phone could not log in", u.Number)
		}
		if len(u.Name) > MaxName {
			c.problem(Users, i, "name", "name of user %s has %d bytes; at most %d are allowed", u.Number, len(u.Name), MaxName)
		}
		if strings.ContainsFunc(u.LoginCode, func(r rune) bool { return r < '0' || r > '9' }) || len(u.LoginCode) > 32 {
			c.problem(Users, i, "login_code", "login code of user %s: it is up to 32 digits", u.Number)
		}
	}
}

func (c *checker) extensions() {
	first := make(map[registrar.Number]int)
	base := make(map[registrar.Number]int)
	known := make(map[registrar.Number]bool)
	for _, u := range c.in.Users {
		known[u.Number] = true
	}
	for i, e := range c.in.Extensions {
		c.number(Extensions, i, e.Number, first)
		if e.Protocol != registrar.SIP && e.Protocol != registrar.H323 {
			c.problem(Extensions, i, "protocol", "extension %s has no protocol; it is sip or h323", e.Number)
		}
		switch at, taken := base[e.BaseUser]; {
		case e.BaseUser == "":
			c.problem(Extensions, i, "base_user", "extension %s has no base user; each extension needs one", e.Number)
		case !known[e.BaseUser] && e.Protocol == registrar.H323 && e.BaseUser == e.Number:
			// An endpoint may register without credentials, by its address; its user is
			// then nothing but its number.
		case !known[e.BaseUser]:
			c.problem(Extensions, i, "base_user", "base user %s of extension %s is not among the users", e.BaseUser, e.Number)
		case taken:
			c.problem(Extensions, i, "base_user", "user %s is the base user of extension %s already; a user has one base extension", e.BaseUser, c.in.Extensions[at].Number)
		default:
			base[e.BaseUser] = i
		}
		if _, ok := c.in.Profiles.ByName(e.Profile); !ok && e.Profile != "" {
			c.problem(Extensions, i, "profile", "profile %q of extension %s is not known; it is one of %s", e.Profile, e.Number, strings.Join(c.in.Profiles.Names(), ", "))
		}
	}
}

func (c *checker) locations() (subnets []subnet) {
	names := make(map[string]int)
	owner := make(map[netip.Prefix]string)
	for i, l := range c.in.Locations {
		if at, ok := names[l.Name]; ok || l.Name == "" || len(l.Name) > MaxName {
			c.problem(Locations, i, "name", "location name %q: a name of its own is needed, up to %d bytes (entry %d)", l.Name, MaxName, at+1)
		}
		names[l.Name] = i
		if len(l.Subnets) == 0 {
			c.problem(Locations, i, "subnets", "location %s has no subnets; no phone could belong to it", l.Name)
		}
		backup := c.backupOf(i, l)
		for _, p := range l.Subnets {
			if !p.IsValid() {
				c.problem(Locations, i, "subnets", "location %s: a subnet is not valid; write it like 10.1.0.0/16", l.Name)
				continue
			}
			if p.Addr().Is4In6() && p.Bits() >= 96 {
				p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
			}
			p = p.Masked()
			if other, ok := owner[p]; ok {
				c.problem(Locations, i, "subnets", "subnet %s is in location %s already", p, other)
			}
			owner[p] = l.Name
			subnets = append(subnets, subnet{prefix: p, location: i, backup: backup})
		}
	}
	return subnets
}

// backupOf is the system that a location names as its backup, by name or by an
// address that exactly one other system has (SH5).
func (c *checker) backupOf(i int, l Location) string {
	if l.Backup == "" {
		return ""
	}
	if l.Backup == c.in.System {
		c.problem(Locations, i, "backup", "location %s names this system, %s, as its backup; it must be another one", l.Name, c.in.System)
		return ""
	}
	addr, err := netip.ParseAddr(l.Backup)
	var found []string
	for _, s := range c.in.Systems {
		if s.Name == l.Backup || err == nil && s.Address.Unmap() == addr.Unmap() {
			found = append(found, s.Name)
		}
	}
	switch len(found) {
	case 1:
		return found[0]
	case 0:
		var names []string
		for _, s := range c.in.Systems {
			names = append(names, s.Name)
		}
		c.problem(Locations, i, "backup", "backup %s of location %s belongs to no other system of the network; there are: %s", l.Backup, l.Name, strings.Join(names, ", "))
	default:
		c.problem(Locations, i, "backup", "backup %s of location %s belongs to more than one system: %s; name the system instead", l.Backup, l.Name, strings.Join(found, ", "))
	}
	return ""
}
