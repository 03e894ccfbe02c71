package dialog

import (
	"io"
	"strings"
	"time"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/message"
	"roost/signaling/sip/transaction"
)

// state is the life of a leg.
type state uint8

const (
	early state = iota // the INVITE has no 2xx yet
	up                 // it has
	over               // the final event was told; what is left are transactions
)

// Bounds of one leg. What is over is refused and counted.
const (
	maxServers = 8  // requests of the far end that are open at a time, UDP's memory included
	maxClients = 24 // requests of ours
	maxEarly   = 16 // early dialogs of a forked INVITE
	maxWishes  = 4  // offers that wait for their turn
	maxSubs    = 4  // transfers under way
	maxTries   = 5  // attempts at one request: glare, challenges, 422
	maxRoutes  = 16
	maxVisited = 32
	maxCauses  = 8 // contacts of a 3xx
)

// Leg is a user agent for one INVITE and the dialog that comes of it.
type Leg struct {
	c        *Config
	id       call.LegID
	peer     call.PeerKind
	peerName string
	number   registrar.Number
	uac      bool // the INVITE is ours
	secure   bool // sips
	state    state
	path     Path

	callID, tag string // tag is ours
	us, them    string // From and To of our requests, without tags
	contactUser string
	host        string // of numbers that we name
	d           far    // the dialog's far end
	earlies     []far  // those of a forked INVITE before its 2xx
	cseq        uint32
	ids         uint32 // of Offered, Referred, Told

	clients []*client
	servers []*server

	// The initial INVITE, until its 2xx is acknowledged.
	in   *invited
	out  *dialing
	oa   exchange
	owed *client // an INVITE of ours whose ACK waits for Connect
	wait *unacked
	// hangUp is an End that waits for an ACK (RFC 3261 §15).
	hangUp *call.Cause

	localBody  call.Body // the last session description that we sent
	remoteBody fingerprint

	wishes  []wish
	session session
	subs    []*transfer
	auth    Authorizer

	now time.Time // of the step under way
	fx  *Effects
}

// far is the far end of a dialog.
type far struct {
	tag, target string
	routes      []string
	cseq        uint32 // of its last request
	heard       bool   // cseq is set
	can         ability
	rseq        uint32 // of its last reliable provisional response
	agreed      bool   // offer and answer are done before the 2xx
	answer      call.Body
	agent       string
}

// ability is what the far end said that it can do.
type ability uint8

const (
	canUpdate ability = 1 << iota
	can100rel
	canTimer
	canNoReferSub
)

// exchange is where offer and answer stand (RFC 6337).
type exchange uint8

const (
	idle     exchange = iota
	offered           // we offered
	gotOffer          // they offered
)

// fingerprint tells whether a session description is the one that was seen last.
type fingerprint struct {
	hash   uint64
	length int
}

func fingerprintOf(body string) fingerprint {
	h := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(body); i++ {
		h = (h ^ uint64(body[i])) * 1099511628211
	}
	return fingerprint{h, len(body)}
}

// begin is the first thing of each step.
func (l *Leg) begin(now time.Time, fx *Effects) { l.now, l.fx = now, fx }

// end is the last: what waited for its turn goes on.
func (l *Leg) end() {
	l.nextWish()
	l.sweep()
	l.fx = nil
}

// Tag is our tag: requests within the dialog carry it in To, responses to ours in From.
func (l *Leg) Tag() string { return l.tag }

// Peer is what is at the far end.
func (l *Leg) Peer() call.PeerKind { return l.peer }

// Path is how the leg's requests travel at present.
func (l *Leg) Path() Path { return l.path }

// Reroute makes further requests travel another way: the flow was made again.
func (l *Leg) Reroute(p Path) { l.path = p }

// Target is the far end's contact URI.
func (l *Leg) Target() string { return l.d.target }

// Dialog names the dialog from the far end's view (RFC 3891: ToTag is ours); false
// while the far end has no tag yet.
func (l *Leg) Dialog() (call.DialogID, bool) {
	return call.DialogID{CallID: l.callID, ToTag: l.tag, FromTag: l.d.tag}, l.d.tag != "" || !l.uac
}

// Settled tells that the INVITE that began the leg is not waited for any more: its
// repetitions and its CANCEL cannot come.
func (l *Leg) Settled() bool {
	for _, s := range l.servers {
		if s.initial {
			return false
		}
	}
	return true
}

// Answered tells that the INVITE that began the leg got its 2xx, or a refusal.
func (l *Leg) Answered() bool { return l.state != early }

// Finished tells that the last event was told: what is left is the memory of
// transactions, for messages that come again, and of transfers.
func (l *Leg) Finished() bool { return l.state == over }

// Over tells that nothing is left to do: the leg may be forgotten.
func (l *Leg) Over() bool {
	return l.state == over && len(l.clients) == 0 && len(l.servers) == 0 && len(l.subs) == 0
}

// Receive takes a message of this leg: a request that has our tag in To, a CANCEL,
// ACK or repetition of its INVITE, or a response that has our tag in From. m is lent.
func (l *Leg) Receive(m *message.Message, a Arrival, now time.Time, fx *Effects) {
	l.begin(now, fx)
	defer l.end()
	switch {
	case !m.Request:
		l.response(m)
	case m.Method == "ACK":
		l.ack(m)
	case m.Method == "CANCEL":
		l.cancelled(m, a)
	default:
		l.request(m, a)
	}
}

// Do carries out an action of the call.
func (l *Leg) Do(a call.LegAction, now time.Time, fx *Effects) {
	l.begin(now, fx)
	defer l.end()
	switch a := a.(type) {
	case call.Ring:
		l.ring(a)
	case call.Answer:
		l.answer(a)
	case call.Refuse:
		l.refuse(a.Cause)
	case call.Cancel:
		l.giveUp(a.Cause)
	case call.Connect:
		l.connect(a.Body)
	case call.Offer:
		l.offer(a)
	case call.Reply:
		l.reply(a)
	case call.End:
		l.hang(a.Cause)
	case call.ReferReply:
		l.referReply(a)
	case call.ReferNews:
		l.referNews(a)
	case call.Tell:
		l.tellFar(a)
	case call.TellReply:
		l.tellReply(a)
	default:
		l.odd(OddAction)
	}
}

// Tick lets the time pass; it is due when Next says so, and harmless before.
func (l *Leg) Tick(now time.Time, fx *Effects) {
	l.begin(now, fx)
	defer l.end()
	for _, c := range l.clients {
		l.clientTick(c)
	}
	for _, s := range l.servers {
		l.serverTick(s)
	}
	l.tickInvited()
	l.tickUnacked()
	l.tickSession()
	l.tickTransfers()
}

// Next gives when Tick is due; false for never.
func (l *Leg) Next() (time.Time, bool) {
	var n earliest
	for _, c := range l.clients {
		n.add(c.next())
	}
	for _, s := range l.servers {
		n.add(s.next())
	}
	if l.in != nil {
		n.add(l.in.rel.repeat.Next())
		n.add(l.in.again)
	}
	if l.wait != nil {
		n.add(l.wait.repeat.Next())
	}
	if l.state == up {
		n.add(l.session.due)
	}
	if len(l.wishes) > 0 && l.wishes[0].notBefore.After(l.now) {
		n.add(l.wishes[0].notBefore)
	}
	for _, s := range l.subs {
		n.add(s.until)
	}
	return n.at, !n.at.IsZero()
}

// earliest finds the first of several times; the zero time is none.
type earliest struct{ at time.Time }

func (e *earliest) add(t time.Time) {
	if !t.IsZero() && (e.at.IsZero() || t.Before(e.at)) {
		e.at = t
	}
}

// sweep forgets the transactions that are over.
func (l *Leg) sweep() {
	keep := l.clients[:0]
	for _, c := range l.clients {
		if !c.over {
			keep = append(keep, c)
		}
	}
	clear(l.clients[len(keep):])
	l.clients = keep
	if len(keep) == 0 {
		l.clients = nil
	}
	rest := l.servers[:0]
	for _, s := range l.servers {
		if !s.over {
			rest = append(rest, s)
		}
	}
	clear(l.servers[len(rest):])
	l.servers = rest
	if len(rest) == 0 {
		l.servers = nil
	}
}

// finish tells the leg's last event, once, and lets go of what waits.
func (l *Leg) finish(last call.LegEvent) {
	if l.state == over {
		return
	}
	l.state = over
	l.tell(last)
	l.wishes, l.wait, l.owed, l.hangUp, l.in = nil, nil, nil, nil, nil
	l.session = session{}
	l.localBody = call.Body{}
	for _, s := range l.servers {
		if s.open() {
			if s.method == "INVITE" {
				l.respond(s, reply{status: 487})
			} else if s.method != "BYE" {
				l.respond(s, reply{status: 481})
			}
		}
	}
}

func (l *Leg) tell(e call.LegEvent) { l.fx.Events = append(l.fx.Events, e) }

func (l *Leg) odd(o Odd) { l.fx.Odd = append(l.fx.Odd, o) }

func (l *Leg) newID() uint32 {
	l.ids++
	return l.ids
}

// token gives n random bytes in base 32, five bits a letter.
func (c *Config) token(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	var raw [20]byte
	_, _ = io.ReadFull(c.Random, raw[:n]) // crypto/rand never fails
	var out [32]byte
	b, bits, acc := out[:0], 0, uint(0)
	for _, x := range raw[:n] {
		acc, bits = acc<<8|uint(x), bits+8
		for ; bits >= 5; bits -= 5 {
			b = append(b, letters[acc>>(bits-5)&31])
		}
	}
	if bits > 0 {
		b = append(b, letters[acc<<(5-bits)&31])
	}
	return string(b)
}

// newTag is 128 random bits: nobody ends a call whose tags he did not see.
func (c *Config) newTag() string { return c.token(16) }

// between gives a random time between two, in units of 10 ms (RFC 3261 §14.1).
func (c *Config) between(from, to time.Duration) time.Duration {
	var raw [2]byte
	_, _ = io.ReadFull(c.Random, raw[:])
	steps := int64((to-from)/(10*time.Millisecond)) + 1
	return from + time.Duration((int64(raw[0])<<8|int64(raw[1]))%steps)*10*time.Millisecond
}

// span is 64*T1.
func (l *Leg) span() time.Duration { return l.c.Timers.OrDefault().Span() }

// repeats begins the repetition of a response that must be acknowledged: also on a
// stream for a 2xx (RFC 3261 §13.3.1.4), a reliable provisional (RFC 3262 §3).
func (l *Leg) repeats(r *transaction.Repeat, most time.Duration) {
	t := l.c.Timers.OrDefault()
	r.Begin(l.now, t.T1, most, t.Span(), true)
}

// keep makes strings that do not hold on to the message that they were cut from.
func keep(s string) string { return strings.Clone(s) }

// bodyOf is a message's body.
func bodyOf(m *message.Message) call.Body {
	if m.Body == "" {
		return call.Body{}
	}
	t, _ := m.Get(message.HContentType)
	return call.Body{Type: keep(t), Data: []byte(m.Body)}
}
