package sip

import (
	"strconv"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/signaling/sip/message"
)

// ask puts the request before the Office and answers it if it is not to be
// dealt with here. It returns the decision and whether to go on.
func (w *work) ask(kind Kind) (Decision, bool) {
	w.agent = w.userAgent()
	w.question = Question{
		Number: w.number, Kind: kind, Method: w.m.Method, Agent: w.agent, Peer: w.peer,
		Authorized: w.m.Has(message.HAuthorization), Now: w.now,
		Emergency: w.m.Method == "INVITE" && w.emergency(),
	}
	d := w.e.o.Office.Ask(&w.question)
	w.oneChallenge = d.OneChallenge
	return d, w.decide(d)
}

// decide answers as the Office said, unless it said to go on.
func (w *work) decide(d Decision) (proceed bool) {
	switch d.Verdict {
	case Proceed:
		return true
	case Silent:
		w.e.count.add(cSilent)
	case Redirect:
		w.e.count.add(cRedirected)
		w.line("Contact", "<"+d.Home+">")
		w.reply(302, d.Phrase)
	default:
		w.refuse(d)
	}
	if d.CloseFlow && w.in.Transport.Reliable() {
		w.in.Close = true
	}
	return false
}

func (w *work) refuse(d Decision) {
	w.e.count.add(cRefused)
	status := d.Status
	switch {
	case status == 401 || status == 403 || status == 404:
		// FO1: these lock accounts and leave ghosts.
		w.e.count.add(cRefusalCorrected)
		status = 503
	case status < 300 || status > 699:
		status = 503
	}
	if d.RetryAfter > 0 {
		w.line("Retry-After", strconv.FormatInt(int64((d.RetryAfter+time.Second-1)/time.Second), 10))
	}
	w.reply(status, d.Phrase)
}

// verify checks the credentials and answers if they are not right. With
// replayed the credentials are right but were used before.
func (w *work) verify(floor credentials.Used) (v credentials.Verdict, proceed, replayed bool) {
	if w.m.Has(message.HAuthorization) && w.banned() {
		w.e.count.add(cBanned)
		return v, false, false
	}
	for a := range w.m.Values(message.HAuthorization) {
		if len(w.auth) == credentials.MaxAuthorizations {
			break
		}
		w.auth = append(w.auth, a)
	}
	v = w.e.o.Verifier.Verify(credentials.Request{
		Method: w.m.Method, URI: w.m.URI, Authorization: w.auth, Floor: floor,
	}, w.e.secret, w.now)
	w.answered = v.Algorithm
	switch v.Outcome {
	case credentials.Accepted:
		w.proven = true
		return v, true, false
	case credentials.Replayed:
		return v, true, true
	case credentials.Stale:
		w.challenge(true)
	case credentials.Wrong:
		w.wrong(v)
	case credentials.Malformed:
		w.reply(400, "Malformed Authorization Header")
	default:
		w.challenge(false)
	}
	return v, false, false
}

// banned says whether this source may not try passwords for now. A phone whose
// binding came from exactly this place is never kept out.
func (w *work) banned() bool {
	if !w.e.bans.banned(w.peer.Source.Addr(), w.number, w.now) {
		return false
	}
	for _, r := range w.e.o.Office.Lookup(w.number, w.now) {
		if r.Source == w.peer.Source && r.Transport == w.peer.Transport && (!r.Transport.Stream() || r.Flow == w.peer.Flow) {
			return false
		}
	}
	return true
}

func (w *work) wrong(v credentials.Verdict) {
	w.e.count.add(cWrongPassword)
	begins, evicted := w.e.bans.failed(w.peer.Source.Addr(), w.number, w.now)
	for range evicted {
		w.e.count.add(cBansEvicted)
	}
	if begins {
		w.e.count.add(cBans)
		w.e.quiet.warn(cBans).Stringer("source", w.peer.Source).Str("number", string(w.number)).
			Msg("too many wrong passwords: requests with credentials from this source are dropped for a while")
	}
	w.e.quiet.warn(cWrongPassword).Stringer("source", w.peer.Source).Str("number", string(w.number)).
		Str("reason", v.Reason).Msg("credentials that prove nothing")
	w.challenge(false)
}

// agree answers 403 unless the proven user is the number that the request
// claims in From and To (third-party registration is not offered).
func (w *work) agree(user string) bool {
	from, _ := w.m.From.URI.Number()
	to := string(w.number)
	if w.m.Method == "REGISTER" || w.m.Method == "SUBSCRIBE" {
		to, _ = w.m.To.URI.Number()
	}
	if user == string(w.number) && from == user && to == user {
		return true
	}
	w.e.count.add(cMismatched)
	w.e.quiet.warn(cMismatched).Stringer("source", w.peer.Source).Str("number", string(w.number)).
		Str("user", cut(user)).Msg("From, To and the authorised user differ")
	w.reply(403, "From, To And User Differ")
	return false
}

// cut shortens what a stranger sent, for a log line.
func cut(s string) string {
	if len(s) > registrar.MaxNumberLength {
		return s[:registrar.MaxNumberLength] + "…"
	}
	return s
}
