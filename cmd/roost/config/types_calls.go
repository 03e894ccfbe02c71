package config

// Forward are numbers that a user's calls go to instead; "" for none.
type Forward struct {
	Always   string `yaml:"always"`
	Busy     string `yaml:"busy"`
	NoAnswer string `yaml:"no_answer"`
	// After is how long it rings before NoAnswer; zero: calls.no_answer.
	After Duration `yaml:"after"`
}

// Group is a number that rings several phones.
type Group struct {
	Number  string   `yaml:"number"`
	Name    string   `yaml:"name"`
	Ring    Order    `yaml:"ring"`
	Members []string `yaml:"members"`
	// Timeout is how long each member rings, or with ring: all the whole group.
	Timeout Duration `yaml:"timeout"`

	Line int `yaml:"-"`
}

// Trunk is a carrier or another PBX.
type Trunk struct {
	Name string `yaml:"name"`
	// Peer is its host, or host:port.
	Peer      Peer      `yaml:"peer"`
	Transport Transport `yaml:"transport"`
	// SRV: Peer is a domain whose SRV records name the hosts (RFC 3263).
	SRV bool `yaml:"srv"`
	// Register: we register there as User; else it knows us by our address.
	Register bool     `yaml:"register"`
	Expires  Duration `yaml:"expires"`
	User     string   `yaml:"user"`
	Password Secret   `yaml:"password"`
	// Realm is its SIP domain; "" for Peer's host.
	Realm string `yaml:"realm"`
	// Sources are the networks that its calls come from besides Peer's addresses.
	Sources []Subnet `yaml:"sources"`
	// Out are the numbers that go to it, In those that it may call here, each by the
	// longest pattern that matches (Translate).
	Out []Translation `yaml:"out"`
	In  []Translation `yaml:"in"`
	// CallerID is what is shown to it as the caller; "" for the caller's number.
	CallerID      string        `yaml:"caller_id"`
	MediaSecurity MediaSecurity `yaml:"media_security"`

	Line int `yaml:"-"`
}

// Translation makes another number of those that match.
type Translation struct {
	Match Pattern `yaml:"match"`
	// Strip is how many characters are taken away in front, before Prepend comes there.
	Strip   int    `yaml:"strip"`
	Prepend string `yaml:"prepend"`
}

// Apply gives the number that calls go to; false where n does not match.
func (t *Translation) Apply(n string) (string, bool) {
	if !t.Match.Matches(n) {
		return "", false
	}
	return t.Prepend + n[min(t.Strip, len(n)):], true
}

// Emergency are the numbers that are never refused, and where they go by the
// caller's home location (rule GU6).
type Emergency struct {
	Numbers []string         `yaml:"numbers"`
	Routes  []EmergencyRoute `yaml:"routes"`
}

// EmergencyRoute is where the emergency calls of a location go. The first that
// fits the caller counts.
type EmergencyRoute struct {
	// System is the caller's home; "" for any.
	System string `yaml:"system"`
	// Location is the caller's location at its home; "" for any.
	Location string `yaml:"location"`
	// Trunk takes the call as it was dialled, or To is the number that it goes to.
	Trunk string `yaml:"trunk"`
	To    string `yaml:"to"`
	// CallerID is shown instead of the caller's number, so that it can be called back.
	CallerID string `yaml:"caller_id"`
}

// Calls are the bounds of calls, and what is written of them.
type Calls struct {
	// RingTimeout ends a call that nobody answers.
	RingTimeout Duration `yaml:"ring_timeout"`
	// NoAnswer is how long a phone rings before the call is forwarded.
	NoAnswer Duration `yaml:"no_answer"`
	Max      int      `yaml:"max"`
	PerPhone int      `yaml:"per_phone"`
	// Records is the file that gets a JSON line a call; "" for none.
	Records string `yaml:"records"`
	// Log is how many calls are kept in memory for each user.
	Log int `yaml:"log"`
}
