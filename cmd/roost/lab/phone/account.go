package phone

import (
	"fmt"
	"math"
	"strings"
	"time"

	"roost/cmd/roost/lab/phone/rtp"
)

// VoiceReport is what one phone heard of one call. Lengths are wall-clock
// milliseconds, since voices are not sped up; instants are rule time in seconds
// since the fleet started, as Report.At.
type VoiceReport struct {
	// Tones that were heard, in the order of their first frame.
	Tones []HeardTone `json:"tones,omitempty"`
	// VoiceMS is how much voice was heard.
	VoiceMS int `json:"voice_ms"`
	// Gaps of 60 ms and more, the first 64; GapCount, GapMS and LongestMS are of all.
	Gaps      []HeardGap `json:"gaps,omitempty"`
	GapCount  int        `json:"gap_count"`
	GapMS     int        `json:"gap_ms"`
	LongestMS int        `json:"longest_ms"`
	// Lost: nothing was heard at the end, although a voice was to be; LostAt is since
	// when.
	Lost   bool    `json:"lost"`
	LostAt float64 `json:"lost_at,omitempty"`
	// Packets by their fate: see rtp.Report.
	Sent     int    `json:"sent"`
	Received int    `json:"received"`
	Missing  int    `json:"missing"`
	Repeated int    `json:"repeated,omitempty"`
	Forged   int    `json:"forged,omitempty"`
	Bad      int    `json:"bad,omitempty"`
	Silent   int    `json:"silent,omitempty"`
	Echoed   int    `json:"echoed,omitempty"` // frames with the phone's own tone
	Digits   string `json:"digits,omitempty"`
	// LateMS is how late this process was with a frame of its own, at most: gaps up
	// to this are not the network's.
	LateMS int `json:"late_ms"`
	// Secure is the SRTP suite, empty for RTP; Remote where the voice goes to.
	Secure string `json:"secure,omitempty"`
	Remote string `json:"remote,omitempty"`
}

// HeardTone is a tone and how much of it there was.
type HeardTone struct {
	Hz int `json:"hz"`
	MS int `json:"ms"`
}

// HeardGap is a gap and when it began.
type HeardGap struct {
	At float64 `json:"at"`
	MS int     `json:"ms"`
}

// heard makes the report of a call; account is nil while it goes on.
func (m *Machine) heard(c *call, account *rtp.Report) *VoiceReport {
	if account == nil {
		so := c.voice.Report()
		account = &so
	}
	r := &VoiceReport{
		VoiceMS: account.Good * 20, GapCount: account.Count, GapMS: milliseconds(account.Sum), LongestMS: milliseconds(account.Longest),
		Lost: !account.LostAt.IsZero(), LostAt: m.instant(account.LostAt),
		Sent: account.Sent, Received: account.Received, Missing: account.Missing, Repeated: account.Repeated,
		Forged: account.Forged, Bad: account.Bad, Silent: account.Silent, Echoed: account.Echoed, Digits: account.Digits,
		LateMS: milliseconds(account.Late), Secure: string(c.terms.suite),
	}
	if c.terms.agreed {
		r.Remote = fmt.Sprintf("%s:%d", c.terms.remote.address, c.terms.remote.port)
	}
	for _, t := range account.Tones {
		r.Tones = append(r.Tones, HeardTone{int(math.Round(t.Hz)), t.Frames * 20})
	}
	for _, g := range account.Gaps {
		r.Gaps = append(r.Gaps, HeardGap{m.instant(g.At), milliseconds(g.For)})
	}
	return r
}

// instant is a wall-clock instant as reports have it.
func (m *Machine) instant(at time.Time) float64 {
	if at.IsZero() || m.RuleTime == nil {
		return 0
	}
	return m.RuleTime(at)
}

func milliseconds(d time.Duration) int { return int(d / time.Millisecond) }

// String says in a line what was heard.
func (r *VoiceReport) String() string {
	var parts []string
	for _, t := range r.Tones {
		parts = append(parts, fmt.Sprintf("%d Hz for %.1f s", t.Hz, float64(t.MS)/1000))
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	text := "heard " + strings.Join(parts, ", ")
	if r.GapCount > 0 {
		text += fmt.Sprintf("; %d gaps, the longest %d ms", r.GapCount, r.LongestMS)
	}
	if r.Missing > 0 {
		text += fmt.Sprintf("; %d packets missing", r.Missing)
	}
	if r.Digits != "" {
		text += "; digits " + r.Digits
	}
	if r.Secure != "" {
		text += "; " + r.Secure
	}
	if r.Lost {
		return text + fmt.Sprintf("; lost at %.1f s", r.LostAt)
	}
	return text + "; kept"
}
