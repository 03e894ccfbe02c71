package directory

// Refusal is how a phone is refused so that it goes, or stays, home (FO1).
type Refusal uint8

// The refusals.
const (
	Refuse503    Refusal = iota + 1 // 503 without Retry-After
	RefuseSilent                    // no answer at all
	RefusePhrase                    // Profile.Status and Profile.Phrase
)

// Trigger is a way to make a guest go home (FB4).
type Trigger uint8

// The triggers, in the order in which they are tried.
const (
	TriggerNotify   Trigger = iota + 1 // reg-event NOTIFY, deactivated
	TriggerRefuse                      // refusal at the next refresh
	TriggerClose                       // closing its TCP or TLS flow
	TriggerRedirect                    // 302 to the home
)

// Profile is what is known of a family of phones.
type Profile struct {
	Name string
	// Agents: prefixes of the User-Agent, compared without case.
	Agents  []string
	Refusal Refusal
	// Status and Phrase are the answer of RefusePhrase; 503 by default.
	Status int
	Phrase string
	// RetryAfter: a 503 with Retry-After does not park this phone.
	RetryAfter bool
	// FollowsRedirect: it follows a 302 to its REGISTER.
	FollowsRedirect bool
	// RegEvent: it subscribes to reg by default.
	RegEvent bool
	// ReturnsAlone: it tries its home again by itself.
	ReturnsAlone bool
	// CallsOnly: in its default setting it only sends calls to the backup and
	// does not REGISTER there (FO8).
	CallsOnly bool
	// PollsWithExpiresZero: it polls a better system with Expires: 0 (FO9).
	PollsWithExpiresZero bool
	// Triggers that are worth trying, in order.
	Triggers []Trigger
}

// Profiles are the known families, to be looked up by user agent or name.
type Profiles struct{}

// NewProfiles are the built-in families with the overrides put over them by
// name; an override with a new name is added and is asked first.
func NewProfiles(overrides ...Profile) (Profiles, error) { panic("being written") }

// ByAgent finds the family of a User-Agent; the generic profile if unknown.
func (p Profiles) ByAgent(userAgent string) Profile { panic("being written") }

// ByName finds a profile by its name.
func (p Profiles) ByName(name string) (Profile, bool) { panic("being written") }

// Names are all names, the built-in order first.
func (p Profiles) Names() []string { panic("being written") }
