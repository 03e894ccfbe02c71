package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/directory"
)

// Directory turns users, extensions and locations into what the registrar works
// with. After Load it gives no error; for a Config built by a program it may, and
// the error is Errors.
func (c *Config) Directory() (*directory.Directory, error) {
	made, problems, err := c.directory()
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, c.directoryErrors(problems)
	}
	return made, nil
}

func (c *Config) directory() (*directory.Directory, []directory.Problem, error) {
	profiles, err := c.PhoneProfiles()
	if err != nil {
		return nil, nil, err
	}
	in := directory.Input{System: c.System, Backup: c.Backup(), Profiles: profiles}
	for _, line := range c.Network.Lines {
		address, _ := netip.ParseAddr(strings.Trim(line.Address.Host, "[]")) // a host name is resolved by backupName
		in.Systems = append(in.Systems, directory.System{Name: line.System, Address: address})
	}
	for i := range c.Locations {
		in.Locations = append(in.Locations, c.location(&c.Locations[i]))
	}
	h323 := c.h323Users()
	for i := range c.Users {
		user, err := c.user(&c.Users[i], h323[c.Users[i].Number])
		if err != nil {
			return nil, nil, err
		}
		in.Users = append(in.Users, user)
	}
	for i := range c.Extensions {
		extension, err := c.extension(&c.Extensions[i])
		if err != nil {
			return nil, nil, err
		}
		in.Extensions = append(in.Extensions, extension)
	}
	made, problems := directory.New(in)
	return made, problems, nil
}

// Backup is the system that is asked to back up the phones, "" if none is.
func (c *Config) Backup() string {
	for i := range c.Network.Lines {
		if c.Network.Lines[i].BacksUpPhones() {
			return c.Network.Lines[i].System
		}
	}
	return ""
}

// PhoneProfiles are the built-in phone profiles with those of the file before
// them. One of the file takes from the built-in family that its match names what
// it does not say itself.
func (c *Config) PhoneProfiles() (directory.Profiles, error) {
	builtin, err := directory.NewProfiles()
	if err != nil {
		return directory.Profiles{}, fmt.Errorf("built-in profiles: %w", err)
	}
	overrides := make([]directory.Profile, 0, len(c.Profiles))
	for _, written := range c.Profiles {
		profile := builtin.ByAgent(written.Match)
		profile.Name = written.Match
		profile.Agents = []string{written.Match}
		profile.Phrase = written.Phrase
		profile.FollowsRedirect = profile.FollowsRedirect || written.FollowsRedirect
		switch written.Refuse {
		case Refuse503:
			profile.Refusal = directory.Refuse503
		case RefuseSilent:
			profile.Refusal = directory.RefuseSilent
		case RefusePhrase:
			profile.Refusal = directory.RefusePhrase
		}
		overrides = append(overrides, profile)
	}
	profiles, err := directory.NewProfiles(overrides...)
	if err != nil {
		return directory.Profiles{}, Errors{{File: c.Path, Line: c.Line("profiles"), What: "profiles: " + err.Error()}}
	}
	return profiles, nil
}

func (c *Config) location(written *Location) directory.Location {
	location := directory.Location{Name: written.Name, Backup: c.backupName(written.Backup)}
	for _, subnet := range written.Subnets {
		location.Subnets = append(location.Subnets, subnet.Prefix())
	}
	return location
}

// backupName is the system whose line has that host name as its address; anything
// else, IP addresses too, is left to the directory.
func (c *Config) backupName(backup string) string {
	for _, line := range c.Network.Lines {
		if backup != "" && strings.EqualFold(line.Address.Host, backup) && !isIP(backup) {
			return line.System
		}
	}
	return backup
}

func (c *Config) user(written *User, h323 bool) (directory.User, error) {
	user := directory.User{
		Number:    registrar.Number(written.Number),
		Name:      written.Name,
		LoginCode: written.LoginCode.Plain,
		Settings: directory.Settings{DoNotDisturb: written.DND, Forwards: directory.Forwards{
			Always: written.Forward.Always, Busy: written.Forward.Busy, NoAnswer: written.Forward.NoAnswer,
			NoAnswerAfter: uint16(min(written.Forward.After.Std()/time.Second, 600)),
		}},
	}
	var err error
	switch {
	case written.Password.HA1 != "":
		user.Secret, err = credentials.ParseHA1(written.Password.HA1)
	case written.Password.Plain != "":
		user.Secret = credentials.FromPassword(written.Number, c.Realm, written.Password.Plain)
		if h323 {
			user.H235 = credentials.Password(written.Password.Plain)
		}
	}
	if err != nil {
		return user, Errors{{File: c.Path, Line: written.Line, What: "users: password: " + err.Error()}}
	}
	return user, nil
}

// h323Users are the base users of H.323 extensions.
func (c *Config) h323Users() map[string]bool {
	users := map[string]bool{}
	for i := range c.Extensions {
		if c.Extensions[i].Protocol == ProtocolH323 {
			users[c.Extensions[i].BaseUser] = true
		}
	}
	return users
}

func (c *Config) extension(written *Extension) (directory.Extension, error) {
	fail := func(err error) (directory.Extension, error) {
		return directory.Extension{}, Errors{{File: c.Path, Line: written.Line, What: "extensions: " + err.Error()}}
	}
	protocol, err := registrar.ParseProtocol(string(written.Protocol))
	if err != nil {
		return fail(err)
	}
	security, err := registrar.ParseMediaSecurity(string(written.MediaSecurity))
	if err != nil {
		return fail(err)
	}
	return directory.Extension{
		Number:        registrar.Number(written.Number),
		Protocol:      protocol,
		BaseUser:      registrar.Number(written.BaseUser),
		MediaSecurity: security,
		Profile:       written.Profile,
	}, nil
}

// directoryErrors puts file, line and remedy to what the directory says.
func (c *Config) directoryErrors(problems []directory.Problem) Errors {
	errs := make(Errors, 0, len(problems))
	for _, problem := range problems {
		key := fmt.Sprintf("%s[%d]", problem.List, problem.Index)
		if problem.Field != "" {
			key += "." + problem.Field
		}
		what, right, _ := strings.Cut(problem.Text, "; ")
		if better := c.remedy(problem); better != "" {
			right = better
		}
		errs = append(errs, &Error{File: c.Path, Line: c.elementLine(problem.List, problem.Index), What: key + ": " + what, Right: right})
	}
	errs.sort()
	return errs
}

// elementLine is the line of an element of a list.
func (c *Config) elementLine(list directory.List, index int) int {
	switch {
	case list == directory.Users && index < len(c.Users):
		return c.Users[index].Line
	case list == directory.Extensions && index < len(c.Extensions):
		return c.Extensions[index].Line
	case list == directory.Locations && index < len(c.Locations):
		return c.Locations[index].Line
	}
	return c.Line(string(list))
}

// remedy says in terms of the file what would be right, "" where the directory
// knows better.
func (c *Config) remedy(problem directory.Problem) string {
	switch string(problem.List) + "." + problem.Field {
	case "users.number":
		return firstOf(c.Users, problem.Index, func(u *User) (string, int) { return u.Number, u.Line })
	case "users.name":
		return "shorten it"
	case "users.login_code":
		return `write up to 32 digits in quotes, such as "4711"`
	case "extensions.number":
		return firstOf(c.Extensions, problem.Index, func(e *Extension) (string, int) { return e.Number, e.Line })
	case "extensions.base_user":
		return "name a user of this file, whom no other extension has"
	case "locations.name":
		return "give each location a name of its own"
	case "locations.subnets":
		return "give each location its subnets, each to one location"
	case "locations.backup":
		return "name another system that a line goes to, by name or by an address of one line only"
	}
	return ""
}

// firstOf is the remedy for a bad number: where the same one stands before, or
// what a number looks like.
func firstOf[T any](list []T, index int, number func(*T) (string, int)) string {
	bad, _ := number(&list[index])
	for i := range list[:index] {
		if same, line := number(&list[i]); same == bad && bad != "" {
			return fmt.Sprintf("remove it, or give another number: the first is on line %d", line)
		}
	}
	return `write it in quotes, such as "201"`
}

func isIP(written string) bool {
	_, err := netip.ParseAddr(strings.Trim(written, "[]"))
	return err == nil
}
