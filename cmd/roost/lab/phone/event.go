package phone

import (
	"net/netip"
)

// Spec is one phone: who it is and where it may register.
type Spec struct {
	Number   string     `yaml:"number" json:"number"`
	User     string     `yaml:"user,omitempty" json:"user,omitempty"` // user of the digest, Number if empty
	Password string     `yaml:"password" json:"password"`
	Profile  string     `yaml:"profile" json:"profile"`
	Address  netip.Addr `yaml:"address" json:"address,omitzero"` // its own; chosen by the kernel if empty
	// Transport is udp, tcp or tls.
	Transport string `yaml:"transport" json:"transport"`
	// Returns overrides the profile's way to go home by itself: by-server,
	// at-refresh, probe (each 60 s) or poll.
	Returns How `yaml:"returns,omitempty" json:"returns,omitempty"`
	// Subscribes overrides whether it subscribes to the reg event.
	Subscribes *bool `yaml:"subscribes,omitempty" json:"subscribes,omitempty"`
	Expires    int   `yaml:"expires,omitempty" json:"expires,omitempty"` // asked for, seconds of rule time
	// Calls is how it deals with calls.
	Calls Habits `yaml:"calls,omitempty" json:"calls,omitzero"`
}

// Server is one entry of a phone's list, best first.
type Server struct {
	Name string `yaml:"name" json:"name"`
	// UDP, TCP and TLS are where it listens; what the fleet's phones do not use
	// may be left out.
	UDP netip.AddrPort `yaml:"udp" json:"udp,omitzero"`
	TCP netip.AddrPort `yaml:"tcp" json:"tcp,omitzero"`
	TLS netip.AddrPort `yaml:"tls" json:"tls,omitzero"`
}

// Event is what happens to a Machine.
type Event interface{ event() }

// The kinds of event.
type (
	// PowerOn starts the phone.
	PowerOn struct{}
	// PowerOff ends it and its calls, without a word to anybody.
	PowerOff struct{}
	// Received is a message from a server.
	Received struct {
		Server  int
		Message *Message
	}
	// LinkDown says that the TCP or TLS connection to a server ended or could
	// not be made.
	LinkDown struct {
		Server int
		Why    string
	}
	// SetBusy begins or ends a call, as far as moving is concerned.
	SetBusy struct{ On bool }
	// SetDeaf makes the phone ignore every way to tell it to go elsewhere.
	SetDeaf struct{ On bool }
	// Reboot forgets everything and starts again after BootTime.
	Reboot struct{}
	// Unregister takes the phone out of service (RFC 3261 10.2.2).
	Unregister struct{}
	// Tick is due at Next.
	Tick struct{}
)

func (PowerOn) event()    {}
func (PowerOff) event()   {}
func (Received) event()   {}
func (LinkDown) event()   {}
func (SetBusy) event()    {}
func (SetDeaf) event()    {}
func (Reboot) event()     {}
func (Unregister) event() {}
func (Tick) event()       {}

// Effect is what the caller must do.
type Effect interface{ effect() }

// The kinds of effect.
type (
	// Send hands bytes to a server, connecting first where need be.
	Send struct {
		Server int
		Data   []byte
	}
	// Hangup closes the connection to a server without an event.
	Hangup struct{ Server int }
	// Report tells the person or program that watches.
	Report struct {
		Phone  string `json:"phone"`
		Event  Kind   `json:"event"`
		Server string `json:"server,omitempty"`
		From   string `json:"from,omitempty"` // the server that it was registered at before
		Code   int    `json:"code,omitempty"` // of a refusal
		Text   string `json:"text,omitempty"` // reason phrase of a refusal, cause of a loss
		// Why the phone came here: power on, no answer, connection closed,
		// refused, reg-event NOTIFY, by itself.
		Why     string `json:"why,omitempty"`
		Expires int    `json:"expires,omitempty"` // granted, seconds of rule time
		// Call numbers the phone's calls from 1, With is the number of its far end.
		Call int    `json:"call,omitempty"`
		With string `json:"with,omitempty"`
		// Hz is the tone that began or was lost, MS the length of a gap, or how long the
		// voice was awaited; wall-clock milliseconds.
		Hz int `json:"hz,omitempty"`
		MS int `json:"ms,omitempty"`
		// Voice is what was heard, of a call that is up or has ended.
		Voice *VoiceReport `json:"voice,omitempty"`
		// At is rule time in seconds since the fleet started.
		At float64 `json:"at"`
	}
)

func (Send) effect()   {}
func (Hangup) effect() {}
func (Report) effect() {}

// Kind is what a Report reports.
type Kind string

// The kinds of report.
const (
	Registered Kind = "registered" // at a server where it was not before
	Refused    Kind = "refused"    // a REGISTER was answered 3xx–6xx
	Unanswered Kind = "unanswered" // a REGISTER was not answered
	Lost       Kind = "lost"       // it is no longer registered at Server
	Told       Kind = "told"       // a server told it to go elsewhere
	Ignored    Kind = "ignored"    // it was told, and is deaf
	Waits      Kind = "waits"      // parked by Retry-After
	Rebooted   Kind = "rebooted"
	Summary    Kind = "summary" // of a fleet, at its end
)

// The kinds of report about calls.
const (
	Dialling    Kind = "dialling"     // an INVITE was sent
	Alerting    Kind = "alerting"     // the far end rings
	Rings       Kind = "rings"        // this phone rings
	CallUp      Kind = "call-up"      // answered, either way
	CallRefused Kind = "call-refused" // Code and Why by Server
	Leaves      Kind = "leaves"       // it hangs up, because of Why; call-ended follows with the answer
	CallEnded   Kind = "call-ended"   // Code is the answer to this phone's BYE, by Server
	Held        Kind = "held"         // by this phone; Code is the answer
	Resumed     Kind = "resumed"      // by this phone; Code is the answer
	IsHeld      Kind = "is-held"      // by the far end, or no longer
	Transferred Kind = "transferred"  // by this phone; Code is the outcome
	Digit       Kind = "digit"        // Text was dialled at the far end
	VoiceBegan  Kind = "voice-began"  // Hz is heard, after MS
	VoiceGap    Kind = "voice-gap"    // MS long
	VoiceLost   Kind = "voice-lost"   // At is when it was heard last
	VoiceSoFar  Kind = "voice-so-far" // asked for by the command "report"
	Cannot      Kind = "cannot"       // a command about calls that the phone is in no state for
)
