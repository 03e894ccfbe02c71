package phone

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"roost/cmd/roost/lab/phone/rtp"
	"roost/cmd/roost/lab/phone/tone"
)

// Habits are how a phone, or the person at it, deals with calls. Durations are
// rule time.
type Habits struct {
	// Answers is what it does when it rings: by-hand (rings until told) if empty,
	// by-itself, busy (486) or reject (603).
	Answers Answers `yaml:"answers,omitempty" json:"answers,omitempty"`
	// After is how long it rings before it answers by itself.
	After time.Duration `yaml:"after,omitempty" json:"after,omitempty"`
	// Talk ends each call so long after it was answered, 0 for never.
	Talk time.Duration `yaml:"talk,omitempty" json:"talk,omitempty"`
	// SRTP is none if empty, optional, capneg or enforced.
	SRTP Security `yaml:"srtp,omitempty" json:"srtp,omitempty"`
	// Suites that it offers and accepts, best first; AES_CM_128_HMAC_SHA1_80 if empty.
	Suites []rtp.Suite `yaml:"suites,omitempty" json:"suites,omitempty"`
	// Tone is what it sends, in Hz; one of its own place in the fleet if 0.
	Tone int `yaml:"tone,omitempty" json:"tone,omitempty"`
	// EarlyMedia: it rings with 183 and its tone.
	EarlyMedia bool `yaml:"early_media,omitempty" json:"early_media,omitempty"`
	// OnLoss overrides what its family does with a call whose registrar is gone.
	OnLoss OnLoss `yaml:"on_loss,omitempty" json:"on_loss,omitempty"`
	// CallsOnly: it never sends a REGISTER to another server than the first; when
	// that one is gone it sends its calls to the next (rule FO8).
	CallsOnly bool `yaml:"calls_only,omitempty" json:"calls_only,omitempty"`
}

// Answers is what a phone does when it rings.
type Answers string

// The ways to answer.
const (
	ByHand   Answers = "by-hand"
	ByItself Answers = "by-itself"
	Busy     Answers = "busy"
	Reject   Answers = "reject"
)

// Security is how a phone protects its voice.
type Security string

// The ways to protect it.
const (
	// NoSRTP: RTP/AVP; what asks for more is refused.
	NoSRTP Security = "none"
	// OptionalSRTP offers RTP/AVP with a=crypto (RFC 8643).
	OptionalSRTP Security = "optional"
	// CapNegSRTP offers RTP/AVP with RTP/SAVP as potential configuration (RFC 5939),
	// as the Avaya J100 with MEDIAENCRYPTION 1,2,9 and SDPCAPNEG 1.
	CapNegSRTP Security = "capneg"
	// EnforcedSRTP: RTP/SAVP and nothing less.
	EnforcedSRTP Security = "enforced"
)

// OnLoss is what a phone does with a call that is up when its registrar is gone.
type OnLoss string

// The ways to deal with it.
const (
	// KeepsCall keeps sending and listening; what the person does next goes to the
	// server where the phone is registered then.
	KeepsCall OnLoss = "keep"
	// StaysForCall does so too, and does not register elsewhere until the call has
	// ended, 120 minutes at most.
	StaysForCall OnLoss = "stay"
	// EndsCall hangs up.
	EndsCall OnLoss = "hang-up"
	// ReInvites asks the next server for the call once it is registered there.
	ReInvites OnLoss = "re-invite"
)

// stayAtMost is how long StaysForCall puts off registering elsewhere.
const stayAtMost = 120 * time.Minute

// Check says what is wrong with habits.
func (h *Habits) Check() error {
	if h.Answers != "" && !slices.Contains([]Answers{ByHand, ByItself, Busy, Reject}, h.Answers) {
		return fmt.Errorf("answers: %q: by-hand, by-itself, busy or reject", h.Answers)
	}
	if h.SRTP != "" && !slices.Contains([]Security{NoSRTP, OptionalSRTP, CapNegSRTP, EnforcedSRTP}, h.SRTP) {
		return fmt.Errorf("srtp: %q: none, optional, capneg or enforced", h.SRTP)
	}
	if h.OnLoss != "" && !slices.Contains([]OnLoss{KeepsCall, StaysForCall, EndsCall, ReInvites}, h.OnLoss) {
		return fmt.Errorf("on_loss: %q: keep, stay, hang-up or re-invite", h.OnLoss)
	}
	for _, suite := range h.Suites {
		if !slices.Contains(rtp.Suites(), suite) {
			return fmt.Errorf("suites: %q: %v", suite, rtp.Suites())
		}
	}
	if h.After < 0 || h.Talk < 0 {
		return fmt.Errorf("after %s, talk %s: not below 0", h.After, h.Talk)
	}
	if h.Tone != 0 {
		return tone.Check(h.Tone)
	}
	return nil
}

func (h *Habits) suites() []rtp.Suite {
	if len(h.Suites) == 0 {
		return []rtp.Suite{rtp.AES128CM80}
	}
	return h.Suites
}

// Media opens what calls' voices run over.
type Media interface {
	// Open takes a port for a call of this phone, which is named by its number, with
	// the number at its far end.
	Open(call int, with string) (Voice, error)
}

// Voice is one call's media; an rtp.Stream is one.
type Voice interface {
	Local() netip.AddrPort
	Set(c rtp.Config) error
	Dial(digits string)
	Report() rtp.Report
	Close() rtp.Report
}

var _ Voice = (*rtp.Stream)(nil)
