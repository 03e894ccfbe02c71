package trunk

import (
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"roost/signaling/sip/message"
)

// Register is a REGISTER to be sent.
type Register struct {
	CSeq uint32
	// Expires in seconds; 0 takes the registration back.
	Expires uint32
	// Header are credentials, where there are any.
	Header []message.HeaderLine
}

// Answer is what came of a Register.
type Answer struct {
	// Status and Reason of the final response, or ours where none came: 408, 430, 503.
	Status int
	Reason string
	// Message is the response, nil where none came.
	Message *message.Message
	// Contact is the URI that was registered.
	Contact string
}

// Standing is how a registration stands.
type Standing uint8

// The states.
const (
	// Unregistered: not yet, or not any more.
	Unregistered Standing = iota
	// Registered until Expires.
	Registered
	// Refused: the carrier said no in a way that time alone does not mend (403, 404, a
	// wrong password); it is asked again seldom.
	Refused
	// Unreachable: no server answered, or they have no service.
	Unreachable
)

// String gives the state in a word.
func (s Standing) String() string {
	switch s {
	case Registered:
		return "registered"
	case Refused:
		return "refused"
	case Unreachable:
		return "unreachable"
	}
	return "unregistered"
}

// RegistrationConfig is what a Registration is made of.
type RegistrationConfig struct {
	Credentials Credentials
	// URI is the Request-URI, the carrier's domain.
	URI string
	// Expires is what is asked for.
	Expires time.Duration
	Timers  Timers
	// Random spreads waits and gives cnonces.
	Random *rand.Rand
}

// Bounds of what a carrier may say.
const (
	maxChallenges = 2 // one for a nonce that went stale, one for the credentials
	maxExpires    = 24 * time.Hour
	hurryLeast    = 5 * time.Second  // between tries before a registration ends
	minExpires    = 10 * time.Second // what is granted below is renewed as if it were that
)

// Registration is this system's registration with one carrier: a state machine that is
// told the time. The caller sends what Next gives and tells what came of it by Answer;
// it is used by one goroutine at a time.
type Registration struct {
	c    RegistrationConfig
	cseq uint32
	due  time.Time
	// asking: a Register is out.
	asking  bool
	ending  bool // Stop was called
	over    bool
	expires uint32 // asked for now
	raised  bool   // by a 423, in this round

	// auth is the last challenge, count how often its nonce was used, header the name of
	// the credentials' header line.
	auth       *challenge
	count      int
	header     string
	sent       bool // the Register that is out has credentials
	challenges int  // answered in this round

	standing Standing
	until    time.Time
	failures int
	why      string
	routes   []string
}

// NewRegistration makes a registration that is due at once.
func NewRegistration(c RegistrationConfig, now time.Time) *Registration {
	c.Timers = c.Timers.orDefault()
	return &Registration{c: c, due: now, expires: seconds(c.Expires)}
}

func seconds(d time.Duration) uint32 { return uint32(max(1, min(d, maxExpires)/time.Second)) }

// Due is when Next has something to send; false while an answer is waited for, and
// after the end.
func (r *Registration) Due() (time.Time, bool) { return r.due, !r.asking && !r.over }

// Next gives the REGISTER that is to be sent now; false if none is.
func (r *Registration) Next(now time.Time) (Register, bool) {
	if !r.until.IsZero() && !now.Before(r.until) {
		r.lapse()
	}
	if due, ok := r.Due(); !ok || now.Before(due) {
		return Register{}, false
	}
	r.cseq++
	r.asking, r.sent = true, false
	out := Register{CSeq: r.cseq, Expires: r.expires}
	if r.ending {
		out.Expires = 0
	}
	if r.auth == nil {
		return out, true
	}
	r.count++
	var b [8]byte
	for i := range b {
		b[i] = byte(r.c.Random.Uint32())
	}
	if value, ok := r.c.Credentials.answer(r.auth, "REGISTER", r.c.URI, r.count, hex.EncodeToString(b[:])); ok {
		out.Header, r.sent = []message.HeaderLine{{Name: r.header, Value: value}}, true
	}
	return out, true
}

// lapse: the registration ran out.
func (r *Registration) lapse() {
	r.until, r.routes = time.Time{}, nil
	if r.standing == Registered {
		r.standing = Unregistered
	}
}

// Answer takes what came of the REGISTER that is out.
func (r *Registration) Answer(a Answer, now time.Time) {
	if !r.asking {
		return
	}
	r.asking = false
	switch {
	case a.Status >= 200 && a.Status < 300:
		r.taken(a, now)
	case a.Status == 401 || a.Status == 407:
		r.challenged(a, now)
	case a.Status == 423 && r.raise(a):
		r.due = now
	case a.Status == 408, a.Status == 430, a.Status >= 500 && a.Status < 600:
		r.failed(a, Unreachable, now)
	default:
		r.failed(a, Refused, now)
	}
}

// round ends the chain of challenges and answers.
func (r *Registration) round() { r.challenges, r.raised = 0, false }

func (r *Registration) taken(a Answer, now time.Time) {
	r.round()
	r.failures, r.why = 0, ""
	if r.ending {
		r.over, r.standing, r.until = true, Unregistered, time.Time{}
		return
	}
	granted := r.granted(a)
	r.standing, r.until = Registered, now.Add(granted)
	r.routes = serviceRoutes(a.Message)
	// At two thirds to three quarters: a lost round and its wait still fit before the end.
	wait := max(granted, minExpires)
	r.due = now.Add(wait*2/3 + time.Duration(r.c.Random.Int64N(int64(wait/12)+1)))
}

// granted is for how long the carrier took the registration: its contact's expires, or
// the Expires header, or what was asked for (RFC 3261 §10.3 step 8).
func (r *Registration) granted(a Answer) time.Duration {
	s := r.expires
	if a.Message != nil {
		if v, ok := a.Message.Expires(); ok {
			s = v
		}
		contacts, _, _ := a.Message.Contacts(64)
		for _, c := range contacts {
			if c.HasExpires && sameContact(c.Text, a.Contact) {
				s = c.Expires
			}
		}
	}
	return min(time.Duration(s)*time.Second, maxExpires)
}

// sameContact compares by user, host and port: parameters come back in any form.
func sameContact(a, b string) bool {
	x, err1 := message.ParseURI(a)
	y, err2 := message.ParseURI(b)
	return err1 == nil && err2 == nil && x.User == y.User && x.Host == y.Host && x.Port == y.Port
}

// challenged answers a challenge. Credentials that were refused though their nonce was
// fresh are wrong, and are not tried again soon.
func (r *Registration) challenged(a Answer, now time.Time) {
	id, header := message.HWWWAuthenticate, "Authorization"
	if a.Status == 407 {
		id, header = message.HProxyAuthenticate, "Proxy-Authorization"
	}
	fresh := r.sent && r.count == 1
	r.auth = nil
	if a.Message != nil && r.c.Credentials.User != "" {
		for value := range a.Message.Values(id) {
			if c, ok := parseChallenge(value); ok {
				r.auth, r.count, r.header = &c, 0, header
				break
			}
		}
	}
	switch {
	case r.auth == nil && r.c.Credentials.User == "":
		a.Reason = "credentials are asked for, and there are none: set user and password"
	case r.auth == nil:
		a.Reason = "its challenge has neither MD5 nor SHA-256: it cannot be answered"
	case fresh && !r.auth.Stale:
		r.auth = nil
		a.Reason = "user or password is wrong"
	case r.challenges < maxChallenges:
		r.challenges++
		r.due = now
		return
	default:
		r.auth = nil
		a.Reason = "challenges without end"
	}
	r.failed(a, Refused, now)
}

// raise takes the longer time that a 423 asks for, once a round.
func (r *Registration) raise(a Answer) bool {
	if r.raised || r.ending || a.Message == nil {
		return false
	}
	v, ok := a.Message.Get(message.HMinExpires)
	if !ok {
		return false
	}
	least := message.Seconds(v)
	if least <= r.expires || least > seconds(maxExpires) {
		return false
	}
	r.expires, r.raised = least, true
	return true
}

// failed waits. A registration that still stands is asked for again before it ends.
func (r *Registration) failed(a Answer, as Standing, now time.Time) {
	r.round()
	r.failures++
	if r.ending {
		r.over, r.standing, r.until = true, Unregistered, time.Time{}
		return
	}
	r.why = strconv.Itoa(a.Status) + " " + a.Reason
	wait := backoff(r.c.Timers.RetryMin, r.c.Timers.RetryMax, r.failures, r.c.Random)
	if as == Refused {
		wait = backoff(r.c.Timers.RetryMax, r.c.Timers.RetryMax, 0, r.c.Random)
		r.lapse()
	}
	if a.Message != nil {
		if v, ok := a.Message.Get(message.HRetryAfter); ok && a.Status >= 500 {
			wait = min(max(wait, time.Duration(message.Seconds(v))*time.Second), r.c.Timers.RetryMax)
		}
	}
	if left := r.until.Sub(now); r.standing == Registered && left > 0 {
		r.due = now.Add(min(wait, max(left/2, hurryLeast)))
		return
	}
	r.standing, r.due = as, now.Add(wait)
}

// Hurry makes a registration that waits due now: its servers can be reached again, or
// the flow that it was made over is gone.
func (r *Registration) Hurry(now time.Time) {
	if !r.asking && !r.over && r.due.After(now) {
		r.due = now
	}
}

// Stop takes the registration back: a last REGISTER becomes due if there is one to take
// back. Over tells when that is done.
func (r *Registration) Stop(now time.Time) {
	if r.ending {
		return
	}
	r.ending = true
	r.round()
	if r.until.IsZero() && !r.asking {
		r.over = true
		return
	}
	r.asking, r.due = false, now
}

// Over tells that nothing is left to do.
func (r *Registration) Over() bool { return r.over }

// RegistrationView is how a registration stands.
type RegistrationView struct {
	Standing Standing
	// Until is when it runs out, Next when it is asked for again.
	Until, Next time.Time
	// Why says what the last failure was; empty after a success. Failures are in a row.
	Why      string
	Failures int
	// Routes are the Service-Route that the carrier gave (RFC 3608).
	Routes []string
}

// View is how the registration stands at now.
func (r *Registration) View(now time.Time) RegistrationView {
	v := RegistrationView{Standing: r.standing, Until: r.until, Next: r.due, Why: r.why, Failures: r.failures, Routes: r.routes}
	if !v.Until.IsZero() && !now.Before(v.Until) {
		v.Until, v.Routes = time.Time{}, nil
		if v.Standing == Registered {
			v.Standing = Unregistered
		}
	}
	return v
}

// maxRoutes bounds a Service-Route.
const maxRoutes = 8

// serviceRoutes are the routes that further requests take (RFC 3608 §5).
func serviceRoutes(m *message.Message) (routes []string) {
	if m == nil {
		return nil
	}
	for _, f := range m.Fields {
		if !strings.EqualFold(f.Name, "Service-Route") {
			continue
		}
		for one := range message.Split(f.Value) {
			if _, err := message.ParseAddress(one); err == nil && len(routes) < maxRoutes {
				routes = append(routes, message.Clean(one))
			}
		}
	}
	return routes
}
