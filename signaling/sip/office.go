package sip

import (
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/signaling/sip/flow"
)

// Office is whom the endpoint asks; node implements it. Every method is called
// from the goroutine that reads a flow, many at once for different flows, and
// must return without waiting for a network: the flow reads nothing meanwhile.
// What is passed by pointer, and every string in it, is lent until the method
// returns.
type Office interface {
	// Ask is asked before credentials are examined, once for each request that
	// needs them: does this system deal with this number now, and if not, how
	// is the phone told (rule FO1)? For numbers that nobody knows the answer is
	// Proceed, so that known and unknown numbers cannot be told apart.
	Ask(*Question) Decision

	// Secret returns what the credentials of a user are checked against; the
	// user's name is its number. For an unknown one it returns false; the
	// answer is then that to a wrong password, in the same time.
	Secret(user string) (credentials.Secret, bool)

	// Register admits and records in one step, and sets Answer. It is called
	// with proven credentials only. Answer comes empty, its slices with room. The
	// endpoint itself tells the phone's subscriptions of Answer.Result.Changes, after
	// the answer: Endpoint.Changed is for changes of any other cause.
	Register(*Registering, *Answer)

	// Lookup returns the bindings of a phone that stand at now, for the body of
	// a reg-event NOTIFY. It changes nothing.
	Lookup(n registrar.Number, now time.Time) []registrar.Registration

	// FlowClosed says that a TCP or TLS flow is gone: the bindings made over it
	// die with it. It is not called for UDP.
	FlowClosed(registrar.FlowID, flow.Reason)
}

// Kind says what a request is about, as far as admission is concerned.
type Kind uint8

// The kinds of question.
const (
	// KindRegister binds or refreshes at least one contact (expires above 0).
	KindRegister Kind = iota
	// KindQuery is a REGISTER without Contact.
	KindQuery
	// KindUnregister removes contacts and binds none.
	KindUnregister
	// KindKeepAlive is Cisco's poll: Contact with expires=0 and
	// cisco-keep-alive (rule FO9). Only Ask is called for it; with Proceed the
	// answer is 200 with a Date, without a look at credentials.
	KindKeepAlive
	// KindRequest is a request of any other method, say SUBSCRIBE or INVITE;
	// Question.Method says which.
	KindRequest
)

// String names the kind for logs and history.
func (k Kind) String() string {
	switch k {
	case KindRegister:
		return "register"
	case KindQuery:
		return "query"
	case KindUnregister:
		return "unregister"
	case KindKeepAlive:
		return "keep-alive"
	case KindRequest:
		return "request"
	}
	return "unknown"
}

// Question is what Ask is asked.
type Question struct {
	// Number is the user part of To for a REGISTER, of From for all else. It is
	// what the request claims, not proven.
	Number registrar.Number
	Kind   Kind
	Method string // "REGISTER", "SUBSCRIBE"…
	// Emergency: an INVITE for an emergency number (Calls.Emergency).
	Emergency bool
	// Agent is the User-Agent as sent, cut to registrar.MaxUserAgentLength; the
	// phone's profile follows from it.
	Agent string
	Peer  Peer
	// Authorized says that the request carries an Authorization, unchecked.
	Authorized bool
	Now        time.Time
}

// Verdict is how to go on with a request.
type Verdict uint8

// The verdicts.
const (
	// Proceed: go on, to the credentials (Ask) or to the answer (Register).
	Proceed Verdict = iota
	// Refuse: answer Decision.Status with Decision.Phrase.
	Refuse
	// Silent: answer nothing at all.
	Silent
	// Redirect: answer 302 with Decision.Home as Contact.
	Redirect
)

// Decision is a verdict and how it is said. The zero Decision is Proceed.
type Decision struct {
	Verdict Verdict
	// Status is the status of a refusal, 0 for 503. Rule FO1 forbids 401, 403
	// and 404 for the cause "your home is there": a Refuse with one of these is
	// answered 503 all the same, and counted.
	Status int
	// Phrase is the reason phrase, "" for the status's usual one. Some phones
	// switch only on a phrase that they were told ("Please failover").
	Phrase string
	// RetryAfter is sent with a refusal if above 0, in whole seconds. None by
	// default: some desk phones wait it out instead of switching.
	RetryAfter time.Duration
	// Home is the contact URI of a Redirect, e.g. "sip:201@127.0.0.11:5060".
	Home string
	// CloseFlow ends the phone's TCP or TLS flow after the answer.
	CloseFlow bool
	// OneChallenge: the phone fails on a challenge with an algorithm that it does not
	// know instead of passing over it (RFC 8760 2.4), so it gets only the last of them.
	OneChallenge bool
	// Floor is the newest nonce and count that the phone is known to have used
	// at its home (its mirrored registration); only with Proceed from Ask.
	Floor credentials.Used
}

// Registering is a REGISTER with proven credentials, whose From, To and
// authorised user agree. The Update lacks what the admission says: Guest, Home,
// MinExpires, MaxExpires; Register fills these in.
type Registering struct {
	registrar.Update
	Kind Kind // KindRegister, KindQuery or KindUnregister
	// Repeat says that the credentials are right but were used before. The
	// request is good only as the retransmission of the one that made the
	// binding (registrar.Repeats); if it is not that, nothing is changed and
	// Answer.NotRepeated is set.
	Repeat bool
	Now    time.Time
}

// Answer is what Register decided.
type Answer struct {
	// Decision is Proceed if the phone is admitted; the rest counts only then.
	Decision Decision
	// Result and Err are the registrar's. An error that wraps one of the
	// registrar's is answered as it says there; another is a 500.
	Result registrar.Result
	Err    error
	// NotRepeated: see Registering.Repeat; answered 401 with stale=true.
	NotRepeated bool
}
