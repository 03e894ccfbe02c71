package phone

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Profile is how a family of phones behaves; notes/phones.md says whence. All
// durations are rule time.
type Profile struct {
	Name  string
	Agent string // User-Agent

	// Algorithms it can do digest with; the server's topmost one is used
	// (RFC 8760 2.4).
	Algorithms []string
	Expires    int // seconds asked for

	// Unanswered is how long a REGISTER stays without an answer until the
	// server counts as gone.
	Unanswered time.Duration
	// LossWait is waited, at random within the range, after a registration was
	// lost, before the list is tried from its top.
	LossWait Range
	// CycleWait is waited after every server of the list has failed.
	CycleWait Range
	// DirtyFor is how long a server that failed is passed over.
	DirtyFor time.Duration

	// Dual phones are registered at every server at once.
	Dual bool
	// Subscribes to the reg event (RFC 3680) where it is registered.
	Subscribes bool
	// KeepAlive is the interval of its CRLF (UDP, TCP, TLS), 0 for none.
	KeepAlive time.Duration
	// Polls is the interval of Cisco's REGISTER with cisco-keep-alive to every
	// server of the list, 0 for none. An unanswered poll to the server in use
	// means that it is gone.
	Polls time.Duration
	// MovesOnPhrase: only a refusal with this reason phrase sends it to the
	// next server; other refusals are tried again at the same one.
	MovesOnPhrase string
	// ParksOnRetryAfter: a refusal with Retry-After makes it wait there instead
	// of moving on.
	ParksOnRetryAfter bool

	Return Return
	// OnLoss is what becomes of a call when the server is gone that the phone is
	// registered at. Avaya and Cisco document theirs; of the others nothing is
	// known, and each way is given to one so that it is tried.
	OnLoss OnLoss
	// Outbound sends reg-id and asks for RFC 5626.
	Outbound bool
}

// Range is a span of which a phone picks at random.
type Range struct{ Min, Max time.Duration }

// Return is how a phone goes back to the top of its list by itself.
type Return struct {
	How   How
	Every time.Duration // between two probes, for Probe
	// Stable is how long the first server must have answered polls, for Poll.
	Stable time.Duration
	// IdleOnly: not while a call is up.
	IdleOnly bool
}

// How is a way to return.
type How string

// The ways to return.
const (
	ByServer  How = "by-server"  // never by itself; waits to be told
	AtRefresh How = "at-refresh" // each refresh is tried at the first server first
	Probe     How = "probe"      // a REGISTER to the first server now and then
	Poll      How = "poll"       // when the first server has answered its polls long enough
)

// profiles is the table of families.
func profiles() []Profile {
	const s = time.Second
	modern, old := []string{"SHA-256", "MD5"}, []string{"MD5"}
	return []Profile{
		{ // SIP_CONTROLLER_LIST, RECOVERYREGISTERWAIT 60 (waits 50–90 % of it), FAILBACK_POLICY auto.
			Name: "avaya-j100", Agent: "Avaya J179 IP Phone 4.1.3.0.6", Algorithms: modern, Expires: 300,
			Unanswered: 32 * s, LossWait: Range{30 * s, 54 * s}, CycleWait: Range{30 * s, 54 * s},
			Subscribes: true, Return: Return{How: Probe, Every: 60 * s, IdleOnly: true}, OnLoss: StaysForCall,
		},
		{ // sip_server.1/.2, 3 retries, failback_mode 0 (newRequests), reg_fail_retry_interval 30.
			Name: "yealink", Agent: "Yealink SIP-T54W 96.86.0.100", Algorithms: modern, Expires: 180,
			Unanswered: 7500 * time.Millisecond, CycleWait: Range{25 * s, 35 * s},
			KeepAlive: 30 * s, Return: Return{How: AtRefresh}, OnLoss: KeepsCall,
		},
		{ // server.1/.2 with reRegisterOn=1, 3 retries, failBack.mode newRequests.
			Name: "poly", Agent: "PolycomVVX-VVX_450-UA/6.4.6.2494", Algorithms: old, Expires: 180,
			Unanswered: 7500 * time.Millisecond, CycleWait: Range{30 * s, 60 * s},
			Return: Return{How: AtRefresh}, OnLoss: KeepsCall,
		},
		{ // call-manager group; keep-alive REGISTERs to all, back after 120 s of answers.
			Name: "cisco", Agent: "Cisco-CP8841/14.2.1", Algorithms: old, Expires: 120,
			Unanswered: 20 * s, CycleWait: Range{15 * s, 30 * s}, Polls: 30 * s, ParksOnRetryAfter: true,
			Return: Return{How: Poll, Stable: 120 * s, IdleOnly: true}, OnLoss: KeepsCall,
		},
		{ // GRP26xx registers at both servers at once; no answer within 20 s is a failure.
			Name: "grandstream-dual", Agent: "Grandstream GRP2616 1.0.11.64", Algorithms: old, Expires: 180,
			Unanswered: 20 * s, CycleWait: Range{20 * s, 30 * s}, Dual: true, KeepAlive: 30 * s, OnLoss: EndsCall,
		},
		{ // 32 s a host, dirty-host cache 5 min, moves on a magic answer only.
			Name: "snom", Agent: "snomD785/10.1.175.16", Algorithms: modern, Expires: 120,
			Unanswered: 32 * s, CycleWait: Range{20 * s, 40 * s}, DirtyFor: 5 * time.Minute, KeepAlive: 30 * s,
			MovesOnPhrase: "please failover", Return: Return{How: AtRefresh}, Outbound: true, OnLoss: ReInvites,
		},
	}
}

// Profiles names the families, in the order of the table.
func Profiles() []string {
	var names []string
	for _, profile := range profiles() {
		names = append(names, profile.Name)
	}
	return names
}

// ProfileByName finds a family.
func ProfileByName(name string) (Profile, error) {
	all := profiles()
	at := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if at < 0 {
		return Profile{}, fmt.Errorf("no phone profile %q: there are %s", name, strings.Join(Profiles(), ", "))
	}
	return all[at], nil
}
