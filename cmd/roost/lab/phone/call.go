package phone

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/cmd/roost/lab/phone/rtp"
)

// maxCalls is how many calls a phone has lines for.
const maxCalls = 8

// callState is how far a call is.
type callState int

const (
	calling  callState = iota // INVITE sent
	ringing                   // INVITE came, not answered
	answered                  // our 200 was sent, its ACK is awaited
	up
	leaving // BYE or CANCEL sent, or refusal of ours not acknowledged
	over
)

// call is one call of the phone, from the INVITE to the end of its dialog.
type call struct {
	id    int
	leg   *leg   // the server it was made through
	with  string // number of the far end
	out   bool   // this phone's INVITE
	state callState

	// The dialog (RFC 3261 12), in the phone's view. local and remote are the
	// values of From and To without tags.
	callID, localTag, remoteTag string
	local, remote, target       string
	routes                      []string
	cseq, remoteCSeq            uint32

	invite     *Message // that began it
	inviting   *request // our INVITE under way, also a re-INVITE
	cancelled  bool     // the person hung up before the answer
	cancelSent bool
	rings      bool   // the far end's 180 was told
	servers    []*leg // where else the INVITE goes if nobody answers
	ack        []byte // of the last 2xx to our INVITE
	ackOf      uint32 // its CSeq

	terms     terms
	voice     Voice
	weOffered bool // in the INVITE under way, or in our 2xx to an empty one
	early     bool // the terms were agreed before the answer

	reliable *unacked // our reliable provisional answer (RFC 3262)
	body     []byte   // of our 2xx: the answer to the INVITE's offer
	bodySent bool     // reliably, in a provisional answer
	rseq     uint32
	answerAt time.Time
	hangUpAt time.Time
	// refreshAt is when the phone has to refresh the session (RFC 4028), every
	// refreshEvery.
	refreshAt    time.Time
	refreshEvery time.Duration

	wishes   []wish // offers that wait until another is through
	retryAt  time.Time
	wasHeld  bool // by the far end, as told
	lost     bool // its server was lost while it was up
	refer    *referral
	referrer *referrer
	replaces *call // ends when this one is up
	wasUp    bool
	why      string
	account  *rtp.Report // of the moment when the phone hung up
}

// wish is a new offer that the phone wants to make.
type wish struct {
	held bool // the wanted state
	then func(status int)
}

// unacked is a response to an INVITE that is sent again until it is acknowledged.
// It may outlive its call.
type unacked struct {
	call             *call
	callID           string
	data             []byte
	leg              *leg
	cseq             uint32
	rseq             uint32 // of a reliable provisional one
	status           int
	interval         time.Duration
	resend, deadline time.Time
}

// newCall takes a line and a port for a call; nil, reported, if there is none.
func (m *Machine) newCall(leg *leg, with string) *call {
	if m.Media == nil || len(m.calls) >= maxCalls {
		m.report(Report{Event: Cannot, With: with, Text: "no free line"})
		return nil
	}
	m.callsMade++
	c := &call{id: m.callsMade, leg: leg, with: with, localTag: m.token(), cseq: uint32(m.random.IntN(1 << 16))}
	voice, err := m.Media.Open(c.id, with)
	if err != nil {
		m.report(Report{Event: Cannot, Call: c.id, With: with, Text: err.Error()})
		return nil
	}
	c.voice = voice
	c.terms = terms{
		habits: &m.Spec.Calls, local: voice.Local(), session: m.random.Uint64() >> 2, keys: map[rtp.Suite][]byte{},
		random: func(b []byte) {
			for i := range b {
				b[i] = byte(m.random.Uint32())
			}
		},
	}
	m.calls = append(m.calls, c)
	return c
}

// engaged says whether the phone has a call, or is to behave so.
func (m *Machine) engaged() bool { return m.busy || len(m.calls) > 0 }

// tune tells the media what was agreed.
func (m *Machine) tune(c *call) {
	if c.state == over {
		return
	}
	listening := c.state == up || c.state == answered || (c.out && c.early)
	config := c.terms.config(listening && c.state != leaving)
	if c.state == leaving {
		config.Send, config.Receive = false, false
	}
	if err := c.voice.Set(config); err != nil {
		m.report(Report{Event: Cannot, Call: c.id, With: c.with, Text: err.Error()})
	}
	if held := c.terms.heldThere(); c.state == up && held != c.wasHeld {
		c.wasHeld = held
		text := "by the far end"
		if !held {
			text = "by the far end, no longer"
		}
		m.report(Report{Event: IsHeld, Call: c.id, With: c.with, Text: text})
	}
}

// connected is a call that was answered, either way.
func (m *Machine) connected(c *call) {
	c.state, c.wasUp = up, true
	m.tune(c)
	m.report(Report{Event: CallUp, Call: c.id, With: c.with, Server: c.leg.server.Name, Voice: m.heard(c, nil)})
	if talk := m.Spec.Calls.Talk; talk > 0 {
		c.hangUpAt = m.now.Add(talk)
	}
	m.refresher(c)
	if old := c.replaces; old != nil {
		c.replaces = nil
		m.hangUp(old, "replaced by another call")
	}
}

// finish ends a call for good. status is the last answer that mattered, 0 for none.
func (m *Machine) finish(c *call, event Kind, status int, why string, server *leg) {
	if c.state == over {
		return
	}
	wasUp := c.wasUp
	c.state = over
	account := c.voice.Close()
	if c.account != nil {
		account = *c.account
	}
	report := Report{Event: event, Call: c.id, With: c.with, Code: status, Why: why}
	if server != nil {
		report.Server = server.server.Name
	}
	if wasUp || c.early {
		report.Voice = m.heard(c, &account)
	}
	m.report(report)
	m.calls = slices.DeleteFunc(m.calls, func(other *call) bool { return other == c })
	m.requests = slices.DeleteFunc(m.requests, func(r *request) bool { return r.call == c })
	m.tellReferrer(c, max(status, 487), why)
	if len(m.calls) == 0 {
		m.released()
	}
}

// released is the end of the last call: what waited for it goes on.
func (m *Machine) released() {
	for _, leg := range m.legs {
		if leg.waits && !leg.try.IsZero() {
			leg.waits = false
			leg.try = m.now.Add(m.pick(m.Profile.LossWait))
		}
	}
}

// forgetCalls ends every call without a word: the phone has no power.
func (m *Machine) forgetCalls(why string) {
	for _, c := range slices.Clone(m.calls) {
		m.finish(c, CallEnded, 0, why, nil)
	}
}

// dialogOf finds the call of a request from a server, nil if there is none: by
// Call-ID, and where the phone's tag is in it, by that.
func (m *Machine) dialogOf(message *Message) *call {
	callID, tag := message.Get("Call-ID"), parameter(message.Get("To"), "tag")
	for _, c := range m.calls {
		if c.callID == callID && (tag == "" || tag == c.localTag) {
			return c
		}
	}
	return nil
}

// callNamed is the call that a command means: that with the ID, or with 0 the
// newest in one of the states.
func (m *Machine) callNamed(id int, states ...callState) *call {
	for i := len(m.calls) - 1; i >= 0; i-- {
		c := m.calls[i]
		if (id == 0 || c.id == id) && (len(states) == 0 || slices.Contains(states, c.state)) {
			return c
		}
	}
	return nil
}

// serving is where a call's next request goes: the server that it was made
// through as long as the phone is registered there, else where it is now.
func (m *Machine) serving(c *call) *leg {
	if c.leg.registered || m.at < 0 || m.Spec.Calls.CallsOnly {
		return c.leg
	}
	return m.legs[m.at]
}

// loseCalls is what becomes of the calls of a server that is gone.
func (m *Machine) loseCalls(leg *leg, why string) {
	for _, c := range slices.Clone(m.calls) {
		if c.leg != leg || (c.state != up && c.state != answered) {
			continue
		}
		c.lost = true
		if m.Profile.OnLoss == EndsCall {
			m.hangUp(c, why)
		}
	}
}

// moved is a registration elsewhere: calls that were made through another server
// are asked for there, if the phone does so.
func (m *Machine) moved(leg *leg) {
	for _, c := range slices.Clone(m.calls) {
		if c.lost && c.leg != leg && c.state == up && m.Profile.OnLoss == ReInvites {
			c.lost = false
			m.want(c, wish{held: c.terms.held})
		}
	}
}

// tickCalls does what is due.
func (m *Machine) tickCalls() {
	m.resendRequests()
	m.resendReplies()
	for _, c := range slices.Clone(m.calls) {
		if due(c.answerAt, m.now) {
			c.answerAt = time.Time{}
			m.answerCall(c)
		}
		if due(c.hangUpAt, m.now) {
			c.hangUpAt = time.Time{}
			m.hangUp(c, "talked long enough")
		}
		if due(c.refreshAt, m.now) && c.state == up {
			c.refreshAt = m.now.Add(c.refreshEvery)
			m.want(c, wish{held: c.terms.held})
		}
		if due(c.retryAt, m.now) {
			c.retryAt = time.Time{}
			m.nextWish(c)
		}
	}
}

// nextCall calls sooner with each time at which tickCalls has something to do.
func (m *Machine) nextCall(sooner func(time.Time)) {
	for _, r := range m.requests {
		sooner(r.next())
	}
	for _, c := range m.calls {
		sooner(c.answerAt)
		sooner(c.hangUpAt)
		sooner(c.refreshAt)
		sooner(c.retryAt)
	}
	for _, r := range m.replies {
		sooner(r.resend)
		sooner(r.deadline)
	}
}

// addressed is a URI of the phone's domain for a number.
func (m *Machine) addressed(number string) string {
	if strings.HasPrefix(number, "sip:") || strings.HasPrefix(number, "sips:") {
		return number
	}
	return fmt.Sprintf("sip:%s@%s", number, m.Domain)
}

// numberIn is the user part of the URI in a From, To or Refer-To value.
func numberIn(value string) string {
	uri := between(value, "<", ">")
	if uri == "" {
		uri, _, _ = strings.Cut(value, ";")
	}
	_, rest, found := strings.Cut(uri, ":")
	if !found {
		return uri
	}
	user, _, found := strings.Cut(rest, "@")
	if !found {
		return rest
	}
	user, _, _ = strings.Cut(user, ";")
	return user
}

// untagged is a From or To value without its tag.
func untagged(value string) string {
	if uri := between(value, "<", ">"); uri != "" {
		name, _, _ := strings.Cut(value, "<")
		return name + "<" + uri + ">"
	}
	uri, _, _ := strings.Cut(value, ";")
	return "<" + uri + ">"
}
