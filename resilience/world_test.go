package resilience

import (
	"fmt"
	"slices"
	"time"
)

// world is the small network of the exhaustive walk: a home, london, a backup, paris, whose
// machine is the real one, the line between them, and phones that may do anything at any
// time. One tick is a second. It checks, after each action, what must hold; what it knows
// for that, it knows from the outside and not from the machine.
type world struct {
	tick  int
	times worldTimes
	cfg   Config // of paris, as given
	paris *Machine
	home  *Machine // london's part: which of two registrations stays

	up       homeState
	epoch    uint64
	started  int // tick of london's start
	refusing bool
	line     bool
	faults   int8 // that may still happen; negative: any number
	operator bool // may take over, and release guests
	phones   []worldPhone

	// The checker's own book.
	lastSeen int  // tick at which paris last heard "ready", or its own start
	complete bool // paris had a whole mirror since its start
	alarms   []alarmKey
	bad      string // the first rule that was broken

	spare []guest // of unpack
}

type homeState uint8

const (
	homeUp homeState = iota
	homeHung
	homeDown
)

type worldPhone struct {
	phone     Phone
	desc      PhoneRegistered
	busy      bool
	hereUntil int // registered at paris before this tick
	homeUntil int // registered at london before this tick
	homeAt    int

	graceUntil int  // told to go home: before this tick it is accepted here
	accepted   bool // here, since it was told
}

// worldTimes are the timers of a world in ticks. Only the order in which timers end decides
// about which states there are, and a tick is where all that happens at one time is.
type worldTimes struct {
	visible, wait, behind, lease, delay, grace, retry, retryMax, failback, forget int
}

// shortTimes are as short as they can be: states are few, and all timers run beside all. A
// registration and visibility last for 2 ticks at least, else a tick would end them before
// the next refresh or heartbeat; the delay is longer than visibility. What only comes about
// where the grace and the failback delay are longer than the failover delay is left to
// orderedTimes and longerTimes.
var shortTimes = worldTimes{visible: 2, wait: 1, behind: 1, lease: 2, delay: 3, grace: 2, retry: 2, retryMax: 2, failback: 2, forget: 2}

// orderedTimes are in the order of the real ones: 15s, 20s, 30s, 1m..2m, 3m, 5m, 5m, 60m, 10m, 24h.
var orderedTimes = worldTimes{visible: 2, wait: 2, behind: 2, lease: 2, delay: 3, grace: 4, retry: 4, retryMax: 6, failback: 5, forget: 7}

// longerTimes are in that order too, but for the retry's longest wait; some end together.
var longerTimes = worldTimes{visible: 2, wait: 1, behind: 1, lease: 2, delay: 3, grace: 3, retry: 3, retryMax: 3, failback: 4, forget: 4}

var worldStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(phones int, times worldTimes, planted bugs) *world {
	w := &world{times: times, line: true, epoch: 1, faults: -1}
	cfg := Config{
		Self: "paris", Homes: []Home{{System: "london"}}, bugs: planted, Limits: Limits{PaceJitter: -1},
		Timers: Timers{
			FailoverDelay: ticks(times.delay), VisibleFor: ticks(times.visible),
			FailbackDelay: ticks(times.failback), HomelessGrace: ticks(times.grace),
			RetryFirst: ticks(times.retry), RetryMax: ticks(times.retryMax), TriggerWait: ticks(times.wait),
			MirrorBehind: ticks(times.behind), GuestExpiresMin: ticks(times.lease), GuestExpiresMax: ticks(times.lease),
			PaceInterval: ticks(1), ForgetHomeless: ticks(times.forget),
		},
	}
	w.cfg, w.paris = cfg, mustNew(cfg, w.now())
	w.home = mustNew(Config{Self: "london", bugs: planted}, w.now())
	for i := range phones {
		p := worldPhone{phone: Phone(fmt.Sprint(201 + i))}
		// The first can be told by closing its flow, the second by NOTIFY; both by a refusal.
		p.desc = PhoneRegistered{Phone: p.phone, Home: "london", Stream: i == 0, Subscribed: i == 1}
		w.phones = append(w.phones, p)
	}
	w.heartbeat()
	w.mirrorCompletes()
	return w
}

func ticks(n int) time.Duration { return time.Duration(n) * time.Second }

func mustNew(cfg Config, now time.Time) *Machine {
	m, err := New(cfg, now)
	if err != nil {
		panic(err)
	}
	return m
}

func (w *world) now() time.Time { return worldStart.Add(time.Duration(w.tick) * time.Second) }
func (w *world) instant(tick int) instant {
	return w.paris.instant(worldStart.Add(time.Duration(tick) * time.Second))
}

func (w *world) broken(format string, args ...any) {
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, args...)
	}
}

// talks: the line is up and london alive enough to share.
func (w *world) talks() bool { return w.line && w.up != homeDown }

func (w *world) unseen() int { return w.tick - w.lastSeen }

// step hands an event to paris and carries out the answers.
func (w *world) step(e Event) []Effect {
	effects := w.paris.Step(e, w.now())
	for _, effect := range effects {
		w.carryOut(effect)
	}
	return effects
}

func (w *world) find(phone Phone) *worldPhone {
	for i := range w.phones {
		if w.phones[i].phone == phone {
			return &w.phones[i]
		}
	}
	panic("unknown phone " + phone)
}

func (w *world) carryOut(e Effect) {
	switch e := e.(type) {
	case SendHome:
		p := w.find(e.Phone)
		w.told(p)
		if e.Trigger == TriggerClose && p.hereUntil > w.tick {
			p.hereUntil = w.tick
			w.step(PhoneGone{Phone: p.phone, Cause: FlowClosed})
		}
	case EndGuest:
		w.find(e.Phone).hereUntil = w.tick
	case RaiseAlarm:
		key := alarmKey{e.Kind, e.Subject}
		if slices.Contains(w.alarms, key) {
			w.broken("alarm %s %s raised twice", e.Kind, e.Subject)
		}
		w.alarms = append(w.alarms, key)
		if e.Kind == AlarmHomeless && w.find(Phone(e.Subject)).hereUntil > w.tick {
			w.broken("FB5: %s is called homeless and is registered here", e.Subject)
		}
	case ClearAlarm:
		key := alarmKey{e.Kind, e.Subject}
		if !slices.Contains(w.alarms, key) {
			w.broken("alarm %s %s cleared without being up", e.Kind, e.Subject)
		}
		w.alarms = slices.DeleteFunc(w.alarms, func(k alarmKey) bool { return k == key })
	}
}

// told: the grace begins.
func (w *world) told(p *worldPhone) {
	if p.busy {
		w.broken("FB2: %s is told to go home while busy", p.phone)
	}
	if w.unseen() >= w.times.visible {
		w.broken("FB7: %s is told to go home while it is not visible", p.phone)
	}
	p.graceUntil, p.accepted = w.tick+w.times.grace, false
}

// heartbeat delivers london's heartbeat.
func (w *world) heartbeat() {
	if !w.talks() {
		return
	}
	ready := w.up == homeUp
	if ready {
		w.lastSeen = w.tick
	}
	w.step(HeartbeatHeard{System: "london", Epoch: w.epoch, Ready: ready, UpFor: time.Duration(w.tick-w.started) * time.Second})
}

func (w *world) mirrorCompletes() {
	w.complete = true
	w.step(MirrorState{Home: "london", Complete: true})
	w.share()
}

// share brings both sides' knowledge of every phone up to date.
func (w *world) share() {
	for i := range w.phones {
		w.shareHome(&w.phones[i])
		w.shareGuest(&w.phones[i])
	}
}

// shareHome tells paris what london has.
func (w *world) shareHome(p *worldPhone) {
	if !w.talks() || !w.complete {
		return
	}
	if p.homeUntil > w.tick {
		w.step(HomeHas{Phone: p.phone, Home: "london", At: worldStart.Add(time.Duration(p.homeAt) * time.Second)})
		return
	}
	w.step(HomeLacks{Phone: p.phone, Home: "london"})
}

// shareGuest tells london what paris has; a hung london does nothing about it.
func (w *world) shareGuest(p *worldPhone) {
	if !w.line || w.up != homeUp || p.hereUntil <= w.tick || p.homeUntil <= w.tick {
		return
	}
	g := w.paris.guests[p.phone]
	e := GuestAt{Phone: p.phone, System: "paris", At: w.paris.time(g.at), OursAt: worldStart.Add(time.Duration(p.homeAt) * time.Second)}
	for _, effect := range w.home.Step(e, w.now()) {
		if _, drop := effect.(DropRegistration); drop {
			p.homeUntil = w.tick
		}
	}
}

// asksHere: the phone sends a REGISTER with good credentials to paris, which a half mirror
// may hold already.
func (w *world) asksHere(p *worldPhone) (admitted bool) {
	newcomer := w.paris.guests[p.phone] == nil
	inGrace, accepted := w.inGrace(p), w.acceptedHere(p)
	effects := w.step(PhoneAsks{Phone: p.phone, Home: "london", Known: true, Proven: true})
	answers := 0
	for _, e := range effects {
		switch e := e.(type) {
		case Admit:
			answers++
			admitted = true
			w.checkAdmitted(p, e, newcomer)
		case Refuse:
			answers++
			w.checkRefused(p, e, newcomer, inGrace, accepted)
		case Challenge, Acknowledge:
			w.broken("a proven REGISTER of %s was answered by %T", p.phone, e)
		}
	}
	if answers != 1 {
		w.broken("a REGISTER of %s got %d answers", p.phone, answers)
	}
	if !admitted {
		return false
	}
	p.hereUntil = w.tick + w.times.lease
	p.accepted = true
	desc := p.desc
	desc.At = w.now()
	for _, e := range w.paris.Registered(desc, w.now()) {
		w.carryOut(e)
	}
	w.shareGuest(p)
	w.shareHome(p)
	return true
}

func (w *world) inGrace(p *worldPhone) bool { return p.graceUntil > w.tick }

// acceptedHere: it is registered here, and was accepted since it was told to go home.
func (w *world) acceptedHere(p *worldPhone) bool { return p.accepted && p.hereUntil > w.tick }

func (w *world) checkAdmitted(p *worldPhone, e Admit, newcomer bool) {
	if e.As != AsGuest {
		w.broken("GU2: %s is admitted as %s and consumes a licence", p.phone, e.As)
	}
	if !newcomer {
		return
	}
	if !w.complete {
		w.broken("GU3: %s is admitted without a complete mirror", p.phone)
	}
	if w.unseen() < w.times.delay && !w.paris.homes[0].taken {
		w.broken("FO2: %s is admitted %d ticks after its home was seen", p.phone, w.unseen())
	}
}

func (w *world) checkRefused(p *worldPhone, e Refuse, newcomer, inGrace, accepted bool) {
	if newcomer {
		if w.complete && w.unseen() >= w.times.delay {
			w.broken("FO2: %s is refused (%s) though its home was not seen for %d ticks", p.phone, e.Cause, w.unseen())
		}
		if inGrace {
			w.broken("FB5: %s is refused (%s) in its grace", p.phone, e.Cause)
		}
		return
	}
	if e.Cause != GoHome {
		w.broken("GU1: guest %s is refused: %s", p.phone, e.Cause)
	}
	if inGrace && !accepted {
		w.broken("FB5: %s is refused in its grace, and was not accepted here since it was told, or is not registered here any more", p.phone)
	}
	w.told(p)
}

// asksHome: the phone sends a REGISTER to london.
func (w *world) asksHome(p *worldPhone) {
	if w.up != homeUp || w.refusing {
		return
	}
	p.homeUntil, p.homeAt = w.tick+w.times.lease, w.tick
	w.shareHome(p)
	w.shareGuest(p)
}

// passes one tick: registrations expire, timers and heartbeats come.
func (w *world) passes() {
	w.tick++
	for i := range w.phones {
		p := &w.phones[i]
		if p.hereUntil == w.tick {
			w.step(PhoneGone{Phone: p.phone, Cause: Expired})
		}
		if p.homeUntil == w.tick && w.up != homeDown {
			w.shareHome(p)
		}
	}
	w.step(Tick{})
	if next, ok := w.paris.Next(); ok && !next.After(w.now()) {
		w.broken("Next is not after a Tick")
	}
	w.heartbeat()
}

// check is what must hold between any two actions.
func (w *world) check() {
	h := w.paris.homes[0]
	var states [stateCount]int
	for _, g := range w.paris.guests {
		states[g.state]++
		p := w.find(g.phone)
		if g.registered != (p.hereUntil > w.tick) {
			w.broken("%s: registered=%t, but until %+d", g.phone, g.registered, p.hereUntil-w.tick)
		}
		if (g.state == StateGoing || g.state == StateSettling) && g.graceUntil <= w.paris.now {
			w.broken("FB5: %s is still %s after its grace", g.phone, g.state)
		}
		waits := g.state == StateGuest && g.registered && !p.busy
		queued := g.released && h.released.has(g) || !g.released && h.auto.has(g)
		if (waits != queued || h.auto.has(g) && h.released.has(g)) && !w.paris.cfg.bugs.movesBusy {
			w.broken("FB1: %s: waits=%t, queued=%t", g.phone, waits, queued)
		}
	}
	if states != h.count {
		w.broken("counts are %v, guests are %v", h.count, states)
	}
	for i := range w.phones {
		p := &w.phones[i]
		if w.talks() && w.up == homeUp && w.complete && p.hereUntil > w.tick && p.homeUntil > w.tick {
			w.broken("FB5: %s has two owners", p.phone)
		}
		if p.hereUntil > w.tick && w.paris.guests[p.phone] == nil {
			w.broken("%s is registered here and no guest", p.phone)
		}
	}
	if len(w.alarms) != len(w.paris.alarms) {
		w.broken("%d alarms were raised, %d are up", len(w.alarms), len(w.paris.alarms))
	}
}
