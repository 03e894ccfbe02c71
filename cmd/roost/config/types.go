package config

import (
	"time"

	"roost/certs"
)

// Config is the configuration of one system. The yaml tags are the names of the
// keys; docs/configuration.md describes each.
type Config struct {
	// Path is the file it was read from, "" where it was built by a program.
	Path string `yaml:"-"`

	System       string       `yaml:"system"`
	Address      string       `yaml:"address"`
	Lab          bool         `yaml:"lab"`
	LabSpeed     int          `yaml:"lab_speed"`
	Realm        string       `yaml:"realm"`
	Certificates Certificates `yaml:"certificates"`
	SIP          SIP          `yaml:"sip"`
	H323         H323         `yaml:"h323"`
	Media        Media        `yaml:"media"`
	Network      Network      `yaml:"network"`
	Resilience   Resilience   `yaml:"resilience"`
	Licences     Licences     `yaml:"licences"`
	Capacity     Capacity     `yaml:"capacity"`
	Profiles     []Profile    `yaml:"profiles"`
	Locations    []Location   `yaml:"locations"`
	Users        []User       `yaml:"users"`
	Extensions   []Extension  `yaml:"extensions"`
	Groups       []Group      `yaml:"groups"`
	Trunks       []Trunk      `yaml:"trunks"`
	Emergency    Emergency    `yaml:"emergency"`
	Calls        Calls        `yaml:"calls"`
	Console      Console      `yaml:"console"`

	lines map[string]int // the line of each key, but for those inside users and extensions
}

// Certificates are the paths of PEM files; after Load they are relative to the
// working directory, or absolute.
type Certificates struct {
	Identity    string `yaml:"identity"`
	Key         string `yaml:"key"`
	TrustedRoot string `yaml:"trusted_root"`
}

// Files are the paths as the certs package takes them.
func (c Certificates) Files() certs.Files {
	return certs.Files{Identity: c.Identity, Key: c.Key, TrustedRoot: c.TrustedRoot}
}

// SIP is the SIP front-end: where it listens and what it bears.
type SIP struct {
	Listen           []Listen `yaml:"listen"`
	ContactsPerPhone int      `yaml:"contacts_per_phone"`
	Expires          Expires  `yaml:"expires"`
	// Digest are the algorithms that phones are challenged with, the preferred first.
	Digest []Digest `yaml:"digest"`
	// FlowTimer is what RFC 5626 section 4.4 phones are told to keep a flow alive by.
	FlowTimer Duration `yaml:"flow_timer"`
	// Proxies are the edge proxies whose Path is believed (RFC 3327); none by default.
	Proxies []Subnet `yaml:"proxies"`
	// Origins are the web pages that may connect by WebSocket, besides those of the host itself.
	Origins []string `yaml:"origins"`
	// MaxMessage is the largest message in bytes.
	MaxMessage int `yaml:"max_message"`
	// MaxConnections bounds the TCP and TLS connections at a time, MaxConnectionsPerSource
	// those from one IP address, MaxHandshakes the TLS handshakes under way.
	MaxConnections          int `yaml:"max_connections"`
	MaxConnectionsPerSource int `yaml:"max_connections_per_source"`
	MaxHandshakes           int `yaml:"max_handshakes"`
	// UDPRate is how many datagrams a second one IP address may send before a phone
	// behind it has proved itself; 0 for no limit.
	UDPRate int `yaml:"udp_rate"`
}

// Expires are the registration times granted to own phones.
type Expires struct {
	Min     Duration `yaml:"min"`
	Default Duration `yaml:"default"`
	Max     Duration `yaml:"max"`
}

// H323 switches the gatekeeper on.
type H323 struct {
	Listen bool `yaml:"listen"`
	// Open are the networks from which endpoints register without a token (H.235).
	Open []Subnet `yaml:"open"`
	// Discovery answers endpoints that look for their gatekeeper by multicast.
	Discovery bool `yaml:"discovery"`
	// TimeToLive is how long a registration of an own endpoint lasts.
	TimeToLive Duration `yaml:"time_to_live"`
	// Window is how far the time in a token may be off.
	Window Duration `yaml:"token_window"`
}

// Media is how voice paths are secured and laid. The systems of a network
// compare it (rule SE1).
type Media struct {
	Security MediaSecurity `yaml:"security"`
	Suites   []Suite       `yaml:"suites"`
	SRTCP    bool          `yaml:"srtcp"`
	Direct   bool          `yaml:"direct"`
	Ports    PortRange     `yaml:"ports"`
	// Relay are the addresses that the relay listens on, one of each family; empty:
	// the system's address.
	Relay []IP `yaml:"relay"`
	// Advertised is what phones are told instead of Relay's address of its family: a
	// NAT stands before this system.
	Advertised []IP `yaml:"advertised"`
	// Timeout ends an anchored call from which no packet came for so long.
	Timeout Duration `yaml:"timeout"`
	// DSCP marks the relay's packets (RFC 2474), 0 to 63.
	DSCP int `yaml:"dscp"`
}

// Network is how this system is linked with others.
type Network struct {
	// Listen is where lines come in; the zero value: nowhere, this system only dials.
	Listen HostPort `yaml:"listen"`
	// SIP is where calls of other systems come in, as written; SIPListen gives it.
	SIP       HostPort `yaml:"sip"`
	Lines     []Line   `yaml:"lines"`
	NATS      NATS     `yaml:"nats"`
	Heartbeat Duration `yaml:"heartbeat"`
}

// Line is a line to another system.
type Line struct {
	System string `yaml:"system"`
	// Address is where to dial; the zero value: the other system dials.
	Address HostPort `yaml:"address"`
	// SIP is where calls to the other system go, as written; SIPAddress gives it.
	SIP             HostPort `yaml:"sip"`
	NetworkingLevel Level    `yaml:"networking_level"`
	// BacksUpMy is what this system asks of the other.
	BacksUpMy []Backed `yaml:"backs_up_my"`
}

// BacksUpPhones tells whether the other system is asked to back up our phones.
func (l *Line) BacksUpPhones() bool {
	for _, what := range l.BacksUpMy {
		if what == BackedPhones {
			return true
		}
	}
	return false
}

// NATS names an outside NATS cluster to carry the lines; without URLs each
// system embeds its own server.
type NATS struct {
	URLs []string `yaml:"urls"`
}

// Resilience are the times and choices of the rules FO and FB, as written.
// Timers gives those in force.
type Resilience struct {
	// FailoverDelay zero: by the size of the network (rule FO2).
	FailoverDelay Duration     `yaml:"failover_delay"`
	Failback      Failback     `yaml:"failback"`
	FailbackDelay Duration     `yaml:"failback_delay"`
	HomelessGrace Duration     `yaml:"homeless_grace"`
	RetryFirst    Duration     `yaml:"retry_first"`
	RetryMax      Duration     `yaml:"retry_max"`
	Pace          float64      `yaml:"pace"` // guests sent home a second
	PhoneEvidence bool         `yaml:"phone_evidence"`
	VisibleWithin Duration     `yaml:"visible_within"`
	RestartLimit  Duration     `yaml:"restart_limit"`
	BehindAlarm   Duration     `yaml:"behind_alarm"`
	GuestExpires  GuestExpires `yaml:"guest_expires"`
}

// GuestExpires is the range out of which a guest's registration time is drawn (rule GU1).
type GuestExpires struct {
	Min Duration `yaml:"min"`
	Max Duration `yaml:"max"`
}

// Licences bounds own registrations (rule US4); 0: no limit.
type Licences struct {
	Phones int `yaml:"phones"`
}

// Capacity is how many phones, guests included, this system can carry (rule GU2).
type Capacity struct {
	Phones int `yaml:"phones"`
}

// Profile is how phones are treated whose User-Agent begins with Match, without
// regard to case. The first that matches counts, before the built-in ones.
type Profile struct {
	Match  string  `yaml:"match"`
	Refuse Refusal `yaml:"refuse"`
	// Phrase is the reason phrase of the 503, for RefusePhrase.
	Phrase string `yaml:"phrase"`
	// FollowsRedirect: a 302 to its REGISTER takes it home (rule FB4).
	FollowsRedirect bool `yaml:"follows_redirect"`
}

// Location is a part of the system's phones, known by their addresses.
type Location struct {
	Name    string   `yaml:"name"`
	Subnets []Subnet `yaml:"subnets"`
	// Backup is another system's name or address, "" for the system's own backup (rule SH5).
	Backup string `yaml:"backup"`

	Line int `yaml:"-"`
}

// User is a person; the number is also the number that calls reach.
type User struct {
	Number    string `yaml:"number"`
	Name      string `yaml:"name"`
	LoginCode Secret `yaml:"login_code"`
	Password  Secret `yaml:"password"`
	// DND: calls are refused as if the phone were busy.
	DND     bool    `yaml:"dnd"`
	Forward Forward `yaml:"forward"`

	Line int `yaml:"-"`
}

// Extension is a phone: the number it registers as and the user it comes up with.
type Extension struct {
	Number   string   `yaml:"number"`
	Protocol Protocol `yaml:"protocol"`
	BaseUser string   `yaml:"base_user"`
	// MediaSecurity "" is the system's.
	MediaSecurity MediaSecurity `yaml:"media_security"`
	// Profile names a phone profile, "" to go by the User-Agent.
	Profile string `yaml:"profile"`

	Line int `yaml:"-"`
}

// Console is the local HTTP API.
type Console struct {
	// Listen zero: off.
	Listen HostPort `yaml:"listen"`
}

// Default is the configuration that a file's keys are laid over.
func Default() *Config {
	return &Config{
		LabSpeed: 1,
		SIP: SIP{
			Listen: []Listen{
				{Transport: UDP, Port: 5060},
				{Transport: TCP, Port: 5060},
				{Transport: TLS, Port: 5061},
			},
			ContactsPerPhone:        1,
			Expires:                 Expires{Min: Duration(time.Minute), Default: Duration(3 * time.Minute), Max: Duration(3 * time.Minute)},
			Digest:                  []Digest{DigestSHA256, DigestMD5},
			FlowTimer:               Duration(2 * time.Minute),
			MaxMessage:              65535,
			MaxConnections:          20_000,
			MaxConnectionsPerSource: 2_000,
			MaxHandshakes:           256,
			UDPRate:                 1_000,
		},
		H323: H323{TimeToLive: Duration(20 * time.Second), Window: Duration(10 * time.Minute)},
		Media: Media{
			Security: SecurityPreferred,
			Suites:   []Suite{"AES_CM_128_HMAC_SHA1_80"},
			SRTCP:    true,
			Direct:   true,
			Ports:    PortRange{First: 20000, Last: 29999},
			Timeout:  Duration(time.Minute),
			DSCP:     46,
		},
		Network: Network{Listen: HostPort{Port: 7422}, Heartbeat: Duration(5 * time.Second)},
		Resilience: Resilience{
			Failback:      FailbackAutomatic,
			FailbackDelay: Duration(minFailbackDelay),
			HomelessGrace: Duration(minHomelessGrace),
			RetryFirst:    Duration(5 * time.Minute),
			RetryMax:      Duration(time.Hour),
			Pace:          10,
			VisibleWithin: Duration(15 * time.Second),
			RestartLimit:  Duration(15 * time.Minute),
			BehindAlarm:   Duration(30 * time.Second),
			GuestExpires:  GuestExpires{Min: Duration(time.Minute), Max: Duration(2 * time.Minute)},
		},
		Capacity: Capacity{Phones: 100_000},
		Calls: Calls{
			RingTimeout: Duration(2 * time.Minute), NoAnswer: Duration(20 * time.Second),
			Max: 10_000, PerPhone: 8, Log: 50,
		},
		Console: Console{Listen: HostPort{Host: "127.0.0.1", Port: 8080}},
	}
}
