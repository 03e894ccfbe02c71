package directory

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"roost/registrar"
	"roost/registrar/credentials"
)

func user(n registrar.Number) User {
	return User{Number: n, Name: "User " + string(n), Secret: credentials.FromPassword(string(n), "example.test", "secret")}
}

func extension(n, base registrar.Number) Extension {
	return Extension{Number: n, Protocol: registrar.SIP, BaseUser: base}
}

func prefixes(all ...string) (out []netip.Prefix) {
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func sample() Input {
	return Input{
		System: "london", Backup: "paris",
		Systems: []System{{"paris", netip.MustParseAddr("127.0.0.12")}, {"rome", netip.MustParseAddr("127.0.0.13")},
			{"oslo", netip.MustParseAddr("127.0.0.14")}, {"bergen", netip.MustParseAddr("127.0.0.14")}},
		Users:      []User{user("202"), user("201"), user("209")},
		Extensions: []Extension{extension("302", "202"), extension("201", "201")},
		Locations: []Location{
			{Name: "site", Subnets: prefixes("10.1.0.0/16", "2001:db8::/32")},
			{Name: "first floor", Subnets: prefixes("10.1.1.0/24", "2001:db8:0:1::/64"), Backup: "rome"},
			{Name: "lab", Subnets: prefixes("10.1.1.128/25"), Backup: "127.0.0.13"},
			{Name: "barn", Subnets: prefixes("10.9.9.9/32"), Backup: "oslo"},
		},
	}
}

func made(t *testing.T, in Input) *Directory {
	t.Helper()
	d, problems := New(in)
	if len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	return d
}

func TestLookupByNumber(t *testing.T) {
	d := made(t, sample())
	if u, ok := d.User("201"); !ok || u != user("201") {
		t.Errorf("%+v %v", u, ok)
	}
	if e, ok := d.Extension("302"); !ok || e.BaseUser != "202" {
		t.Errorf("%+v %v", e, ok)
	}
	if _, ok := d.Extension("202"); ok {
		t.Error("a user's number is not an extension's")
	}
	if _, ok := d.User("302"); ok {
		t.Error("an extension's number is not a user's")
	}
	if e, ok := d.BaseExtension("202"); !ok || e != "302" {
		t.Errorf("%v %v", e, ok)
	}
	if _, ok := d.BaseExtension("209"); ok {
		t.Error("a user without a phone has a base extension")
	}
	var numbers []string
	for _, u := range d.Users() {
		numbers = append(numbers, string(u.Number))
	}
	for _, e := range d.Extensions() {
		numbers = append(numbers, string(e.Number))
	}
	if got := strings.Join(numbers, " "); got != "201 202 209 201 302" {
		t.Errorf("order %s", got)
	}
}

func TestSH5_LongestSubnetNamesTheBackup(t *testing.T) {
	d := made(t, sample())
	for source, want := range map[string]struct{ location, backup string }{
		"10.1.7.7":            {"site", "paris"}, // a location without its own: the system's
		"10.1.1.7":            {"first floor", "rome"},
		"10.1.1.200":          {"lab", "rome"}, // given by address
		"::ffff:10.1.1.7":     {"first floor", "rome"},
		"10.9.9.9":            {"barn", "oslo"},
		"10.9.9.8":            {"", "paris"},
		"2001:db8:0:1::9":     {"first floor", "rome"},
		"2001:db8:7::1%eth0":  {"site", "paris"},
		"fe80::1%eth0":        {"", "paris"},
		"::ffff:192.168.0.1":  {"", "paris"},
		"2001:db9::1":         {"", "paris"},
		"255.255.255.255":     {"", "paris"},
		"::":                  {"", "paris"},
		"2001:db8:0:1:ffff::": {"first floor", "rome"},
	} {
		a := netip.MustParseAddr(source)
		l, ok := d.LocationOf(a)
		if got := d.BackupFor(a); got != want.backup || l.Name != want.location || ok != (want.location != "") {
			t.Errorf("%s: %q at %q, want %q at %q", source, got, l.Name, want.backup, want.location)
		}
	}
	if got := d.BackupFor(netip.Addr{}); got != "paris" {
		t.Errorf("a phone that was never seen: %q", got)
	}
	if got := d.Backups(); !slices.Equal(got, []string{"oslo", "paris", "rome"}) {
		t.Errorf("backups %v", got)
	}
	in := sample()
	in.Backup = ""
	if got := made(t, in).BackupFor(netip.MustParseAddr("10.1.7.7")); got != "" {
		t.Errorf("a system without a backup: %q", got)
	}
}

func TestSH5_BackupByAddressBelongsToExactlyOneOtherSystem(t *testing.T) {
	for backup, want := range map[string]string{
		"127.0.0.99": "no other system of the network; there are: paris, rome, oslo, bergen",
		"127.0.0.14": "more than one system: oslo, bergen",
		"london":     "names this system",
		"madrid":     "no other system",
	} {
		in := sample()
		in.Locations[2].Backup = backup
		d, problems := New(in)
		if d != nil || len(problems) != 1 || problems[0].List != Locations || problems[0].Index != 2 ||
			problems[0].Field != "backup" || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%s: %+v", backup, problems)
		}
	}
}

func TestProblemsSayWhereAndWhatWouldBeRight(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		want   string // list index field: part of the text
	}{
		"user twice":       {func(in *Input) { in.Users[2].Number = "202" }, "users 2 number: there twice; the first is entry 1 of users"},
		"extension twice":  {func(in *Input) { in.Extensions[1].Number = "302" }, "extensions 1 number: twice"},
		"no number":        {func(in *Input) { in.Users[2].Number = "" }, "users 2 number: missing"},
		"bad number":       {func(in *Input) { in.Extensions[0].Number = "3 02" }, "extensions 0 number: only digits"},
		"smuggled number":  {func(in *Input) { in.Extensions[0].Number = "302\r\n" }, "extensions 0 number: only digits"},
		"long number":      {func(in *Input) { in.Extensions[0].Number = registrar.Number(strings.Repeat("1", 65)) }, "extensions 0 number: at most 64"},
		"no secret":        {func(in *Input) { in.Users[1].Secret = credentials.Secret{} }, "users 1 password: neither password nor ha1"},
		"login code":       {func(in *Input) { in.Users[1].LoginCode = "abc" }, "users 1 login_code: digits"},
		"long name":        {func(in *Input) { in.Users[1].Name = strings.Repeat("é", 100) }, "users 1 name: at most 128"},
		"base user":        {func(in *Input) { in.Extensions[0].BaseUser = "999" }, "extensions 0 base_user: 999 of extension 302 is not among the users"},
		"no base user":     {func(in *Input) { in.Extensions[0].BaseUser = "" }, "extensions 0 base_user: needs one"},
		"base user twice":  {func(in *Input) { in.Extensions[1].BaseUser = "202" }, "extensions 1 base_user: user 202 is the base user of extension 302 already"},
		"protocol":         {func(in *Input) { in.Extensions[1].Protocol = 0 }, "extensions 1 protocol: sip or h323"},
		"profile":          {func(in *Input) { in.Extensions[1].Profile = "yeelink" }, "extensions 1 profile: one of avaya-j100"},
		"no subnets":       {func(in *Input) { in.Locations[0].Subnets = nil }, "locations 0 subnets: no phone could belong"},
		"subnet twice":     {func(in *Input) { in.Locations[3].Subnets = prefixes("10.1.1.3/24") }, "locations 3 subnets: 10.1.1.0/24 is in location first floor already"},
		"zero subnet":      {func(in *Input) { in.Locations[3].Subnets = []netip.Prefix{{}} }, "locations 3 subnets: not valid"},
		"location twice":   {func(in *Input) { in.Locations[3].Name = "lab" }, "locations 3 name: a name of its own"},
		"location no name": {func(in *Input) { in.Locations[3].Name = "" }, "locations 3 name: a name of its own"},
	} {
		in := sample()
		c.change(&in)
		where, text, _ := strings.Cut(c.want, ": ")
		d, problems := New(in)
		if d != nil || len(problems) != 1 {
			t.Errorf("%s: %+v", name, problems)
			continue
		}
		p := problems[0]
		if got := fmt.Sprintf("%s %d %s", p.List, p.Index, p.Field); got != where || !strings.Contains(p.Text, text) {
			t.Errorf("%s: %s: %s\nwant %s", name, got, p.Text, c.want)
		}
	}
	in := sample()
	in.Users[0].Number, in.Extensions[1].Protocol, in.Locations[3].Name = "", 0, ""
	if _, problems := New(in); len(problems) != 4 { // the first extension lost its base user too
		t.Errorf("not all at once: %+v", problems)
	}
}

func TestReloadSaysWhatChanged(t *testing.T) {
	from := made(t, sample())
	if d := Compare(from, made(t, sample())); !d.Empty() {
		t.Errorf("nothing changed: %+v", d)
	}
	if d := Compare(nil, from); len(d.UsersAdded) != 3 || len(d.ExtensionsAdded) != 2 || !d.LocationsChanged || d.Empty() {
		t.Errorf("at the start: %+v", d)
	}
	in := sample()
	in.Users = append(in.Users[:1], user("210"), user("209")) // 201 goes, 210 comes
	in.Users[0].Secret = credentials.FromPassword("202", "example.test", "new")
	in.Extensions = []Extension{extension("302", "209"), extension("401", "202")} // 302 gets another user, 201 goes
	in.Locations[0].Backup = "rome"
	to := made(t, in)
	d := Compare(from, to)
	numbers := func(users []User) (s []registrar.Number) {
		for _, u := range users {
			s = append(s, u.Number)
		}
		return s
	}
	got := fmt.Sprint(numbers(d.UsersAdded), numbers(d.UsersChanged), d.UsersRemoved,
		d.ExtensionsAdded, d.ExtensionsChanged, d.ExtensionsRemoved, d.LocationsChanged)
	want := fmt.Sprint("[210] [202 209] [201] ", []Extension{extension("401", "202")}, []Extension{extension("302", "209")}, " [201] true")
	if got != want || d.Empty() {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	// The directory does not follow later changes of what it was made of.
	in.Users[0].Name, in.Locations[1].Subnets[0] = "changed", netip.MustParsePrefix("0.0.0.0/0")
	if u, _ := to.User("202"); u.Name == "changed" || to.BackupFor(netip.MustParseAddr("10.1.1.7")) != "rome" {
		t.Error("it does")
	}
}

func BenchmarkBackupFor(b *testing.B) {
	in := sample()
	for i := range 200 {
		in.Locations = append(in.Locations, Location{Name: fmt.Sprint(i), Subnets: prefixes(fmt.Sprintf("172.16.%d.0/24", i)), Backup: "rome"})
	}
	d, problems := New(in)
	if problems != nil {
		b.Fatal(problems)
	}
	a := netip.MustParseAddr("10.1.7.7")
	b.ReportAllocs()
	for b.Loop() {
		if d.BackupFor(a) != "paris" {
			b.Fatal("wrong")
		}
	}
}
