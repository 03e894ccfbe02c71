package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"time"
)

// CallConfig says who calls whom, how and how often. Half of Users call (those from
// First on), each the one of the other half with its own place; all of them register
// over UDP beforehand.
type CallConfig struct {
	Config
	// Stand, where not nil, is called while one call of each caller stands; For and
	// Window say nothing then, Rate is how many are begun and ended a second.
	Stand func()
	// Registered, where not nil, is called when all phones are registered.
	Registered func()
	// Relayed: the callee's own port is not expected in the answer.
	Relayed bool
}

// CallResult is what came of it. A call is one INVITE that was answered, acknowledged
// and ended by BYE, and each answer was the right one.
type CallResult struct {
	Result
	// Invited, Acked and Ended are what the called side saw: each once for each call.
	Invited, Acked, Ended int
	// Stood is how many calls stood when Stand was called.
	Stood int
	// Unrung are calls whose 180 never came: processes of a proxy may overtake each other.
	Unrung int
	// Clear are refusals that said when to try again (503 with Retry-After).
	Clear int
}

// Good says that every call that was begun was made, at both its ends.
func (r *CallResult) Good() bool {
	return r.Result.Good() && r.Invited == r.OK && r.Acked == r.OK && r.Ended == r.OK
}

// Trouble says what went wrong, "" if nothing.
func (r *CallResult) Trouble() string { return r.trouble() }

// Text says the result in a few lines.
func (r *CallResult) Text() string {
	return fmt.Sprintf("calls over UDP at %s: %.0f a second\n  %d begun, %d made; the called side saw %d, %d acknowledged, %d ended\n"+
		"  %d retransmissions, %d answers twice, %d lost\n  set up: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n  trouble: %s\n  the generator used %.0f %% of its processors\n",
		r.Target, r.PerSecond, r.Begun, r.OK, r.Invited, r.Acked, r.Ended, r.Retransmissions, r.Duplicates, r.Lost, r.P50, r.P99, r.Max, r.trouble(), 100*r.CPU)
}

// RunCalls measures calls. An error means that nothing was measured.
func RunCalls(ctx context.Context, c CallConfig) (CallResult, error) {
	c.Transport, c.Sockets, c.Refresh, c.Once = "udp", 2, true, false
	made, err := c.withDefaults()
	if err != nil {
		return CallResult{}, err
	}
	if made.Users < 2 || made.Users%2 != 0 || made.Users > maxCallUsers {
		return CallResult{}, fmt.Errorf("load: %d users make no pairs: an even number up to %d", made.Users, maxCallUsers)
	}
	c.Config = made
	r := &run{c: made, script: newScript(&made, time.Now()), start: time.Now()}
	workers, err := r.workers()
	defer func() {
		for _, w := range workers {
			w.close()
		}
	}()
	if err != nil {
		return CallResult{}, err
	}
	if before := r.phase(ctx, workers, phase{once: true, from: r.now()}); before.ok != made.Users {
		if ctx.Err() != nil {
			return CallResult{}, ctx.Err()
		}
		told := r.result(before, usage{}, 0)
		return CallResult{}, fmt.Errorf("load: of %d phones only %d could be registered beforehand: %s", made.Users, before.ok, told.trouble())
	}
	calling, ok1 := workers[0].(*udpWorker)
	answering, ok2 := workers[1].(*udpWorker)
	if !ok1 || !ok2 {
		return CallResult{}, errors.New("load: calls are over UDP")
	}
	// Set down after the registrations; the workers are done with these.
	callees := newCallees(newCallSocket(answering), r.script)
	go callees.run(r)
	callers := newCallers(r, &c, calling, answering)
	if c.Registered != nil {
		c.Registered()
	}
	runtime.GC()
	if c.Measuring != nil {
		c.Measuring(true)
	}
	used, from := usageNow(), r.now()
	callers.work(ctx, from)
	wall := time.Duration(r.now() - from)
	used = usageNow().since(used)
	if c.Measuring != nil {
		c.Measuring(false)
	}
	<-time.After(callGrace) // the called side's last BYE may come after the caller's answer
	callees.stop()
	return callers.result(callees, used, wall), nil
}

// maxCallUsers is how many phones may call and be called: each pair has a port.
const maxCallUsers = 40_000

// callers are all that call: one socket and one goroutine.
type callers struct {
	r      *run
	c      *CallConfig
	socket *callSocket
	other  []byte // the callees' address
	all    []caller
	counts *tally
	clear  int
	unrung int

	from, until int64
	cursor      int
	outstanding int
	standing    int
	stood       int
	ending      int   // so many were told to end, when all stood
	endFrom     int64 // since when
	looked      int64
}

func newCallers(r *run, c *CallConfig, calling, answering *udpWorker) *callers {
	s := &callers{r: r, c: c, socket: newCallSocket(calling), counts: newTally(), all: make([]caller, len(calling.phones))}
	s.other = newCallSocket(answering).host
	for i := range s.all {
		callee := answering.phones[i].number
		one := caller{phone: calling.phones[i], callee: callee}
		one.busy = false
		one.ha2 = r.script.digest.appendHash(nil, append([]byte("INVITE:"), (&caller{callee: callee}).uri(nil, r.script)...))
		s.all[i] = one
	}
	return s
}

func (s *callers) work(ctx context.Context, from int64) {
	s.from, s.until = from, from+int64(s.c.For)
	for ctx.Err() == nil {
		now := s.r.now()
		s.begin(now)
		if now-s.looked > int64(callLook) {
			s.looked = now
			s.overdue(now)
		}
		s.socket.flush()
		if s.c.Stand != nil && s.standing == s.outstanding && s.counts.begun == len(s.all) && s.endFrom == 0 {
			s.stood = s.standing
			s.c.Stand()
			s.endFrom = s.r.now()
			continue
		}
		if s.outstanding == 0 && s.over(now) {
			return
		}
		s.socket.read(s.r, s.take)
		s.end(s.r.now())
	}
}

// callGrace is how long the called side may take to hear of the last call's end.
const callGrace = 250 * time.Millisecond

const callLook = 50 * time.Millisecond

// over: no more calls are begun.
func (s *callers) over(now int64) bool {
	if s.c.Stand != nil {
		return s.counts.begun == len(s.all)
	}
	return now >= s.until
}

// begin begins the calls whose time has come.
func (s *callers) begin(now int64) {
	for s.socket.queued < udpBatch && !s.over(now) {
		due := s.outstanding < s.c.Window
		if s.c.Rate > 0 {
			due = float64(s.counts.begun) < s.c.Rate*float64(now-s.from)/float64(time.Second)
		}
		one := s.idle()
		if !due || one == nil {
			return
		}
		one.beginCall(now)
		s.counts.began(now)
		s.outstanding++
		s.invite(one)
	}
}

func (s *callers) idle() *caller {
	for range s.all {
		one := &s.all[s.cursor%len(s.all)]
		s.cursor++
		if !one.busy {
			return one
		}
	}
	return nil
}

// portOf is where a caller, and its callee, want their audio.
func portOf(index uint32) int { return 10_000 + 2*int(index) }

func (s *callers) invite(one *caller) {
	s.socket.build(func(b []byte) []byte {
		return one.appendInvite(b, s.r.script, &s.socket.place, s.socket.host, portOf(one.index))
	})
}

func (s *callers) empty(one *caller, method string, cseq uint32, ack bool) {
	s.socket.build(func(b []byte) []byte {
		return one.appendEmpty(b, s.r.script, &s.socket.place, method, cseq, ack)
	})
}

func (s *callers) bye(one *caller, now int64) {
	if one.state == callerStands {
		s.standing--
	}
	one.cseq++
	one.state, one.tries, one.at = callerEnds, 0, now
	s.empty(one, "BYE", one.cseq, false)
}

// end ends standing calls, as many a second as were begun.
func (s *callers) end(now int64) {
	if s.endFrom == 0 {
		return
	}
	for s.socket.queued < udpBatch && s.ending < len(s.all) {
		if s.c.Rate > 0 && float64(s.ending) >= s.c.Rate*float64(now-s.endFrom)/float64(time.Second) {
			return
		}
		if one := &s.all[s.ending]; one.state == callerStands {
			s.bye(one, now)
		}
		s.ending++
	}
}

// overdue sends again what was not answered, and gives up what never is.
func (s *callers) overdue(now int64) {
	for i := range s.all {
		one := &s.all[i]
		switch {
		case !one.busy || one.state == callerStands:
			continue
		case now-one.at >= int64(s.c.GiveUp):
			s.counts.lost++
			s.done(one)
			continue
		case one.state == callerProceeds || now < one.at+int64(defaultT1)*int64(1<<one.tries-1)+int64(defaultT1)<<one.tries:
			continue
		}
		if one.tries < 6 {
			one.tries++
		}
		s.counts.retransmissions++
		if one.state == callerEnds {
			s.empty(one, "BYE", one.cseq, false)
			continue
		}
		s.invite(one)
	}
}

func (s *callers) done(one *caller) {
	if one.state == callerStands {
		s.standing--
	}
	one.busy, one.state = false, callerIdle
	s.outstanding--
}

// take holds a message against the call that it is of.
func (s *callers) take(b []byte, now int64) {
	var m callMessage
	if err := m.read(b, s.r.script); err != nil {
		s.counts.wrong[err.Error()]++
		return
	}
	if m.method != nil {
		s.counts.wrong["caller: "+string(m.method)]++
		return
	}
	index, ok := indexOf(m.callID)
	if !ok || int(index) >= len(s.all) {
		s.counts.wrong["Call-ID"]++
		return
	}
	one := &s.all[index]
	var buf [128]byte
	if !bytes.Equal(m.callID, append(one.index8(buf[:0]), s.r.script.session...)) || !one.busy {
		s.counts.duplicates++
		return
	}
	cseq, method := m.order()
	branch := param(m.vias[0], ";branch=")
	switch {
	case !bytes.Equal(branch, one.branch(buf[:0], cseq, false)):
		s.counts.wrong["branch"]++
	case string(method) == "INVITE" && cseq == one.invite:
		s.invited(one, &m, now)
	case string(method) == "BYE" && cseq == one.cseq && one.state == callerEnds:
		s.ended(one, &m, now)
	default:
		s.counts.duplicates++
	}
}

// invited is an answer to the INVITE.
func (s *callers) invited(one *caller, m *callMessage, now int64) {
	switch {
	case one.state == callerStands || one.state == callerEnds:
		if m.status < 200 { // it was overtaken
			one.rung = one.rung || m.status == 180
			return
		}
		s.counts.duplicates++
		if m.status/100 == 2 {
			s.empty(one, "ACK", one.invite, true)
		}
	case m.status < 200:
		one.rung = one.rung || m.status == 180
		one.state = callerProceeds
	case m.status == 200:
		s.answered(one, m, now)
	default:
		one.to = bytes.Clone(m.to)
		s.empty(one, "ACK", one.invite, false)
		one.to = nil
		s.refused(one, m, now)
	}
}

func (s *callers) answered(one *caller, m *callMessage, now int64) {
	port, at := m.port()
	switch {
	case m.contact == nil || param(m.to, ";tag=") == nil:
		s.counts.wrong["200 without Contact or tag"]++
	case port == 0, !s.c.Relayed && (port != portOf(one.index) || !bytes.Equal(at, s.other)):
		s.counts.wrong["answer's address"]++
	}
	one.enter(m)
	s.counts.latency.record(now - one.began)
	s.empty(one, "ACK", one.invite, true)
	one.state = callerStands
	s.standing++
	if s.c.Stand == nil {
		s.bye(one, now)
	}
}

func (s *callers) refused(one *caller, m *callMessage, now int64) {
	if m.status == 401 && len(m.nonce) > 0 && (!one.asked || m.stale && !one.renewed) {
		one.renewed = one.asked
		one.nonce = append(one.nonce[:0], m.nonce...)
		one.nc = 0
		one.state = callerInvites
		one.nextInvite(now)
		s.invite(one)
		return
	}
	s.counts.statuses[m.status]++
	if m.status == 503 && m.retry {
		s.clear++
	}
	s.done(one)
}

func (s *callers) ended(one *caller, m *callMessage, now int64) {
	if m.status < 200 {
		return
	}
	if !one.rung {
		s.unrung++
	}
	if m.status == 200 {
		s.counts.ok++
		if now <= s.until {
			s.counts.inTime++
		}
		s.counts.last = now
	} else {
		s.counts.wrong["BYE answered "+strconv.Itoa(m.status)]++
	}
	s.done(one)
}

func (s *callers) result(callees *callees, used usage, wall time.Duration) CallResult {
	for _, counts := range []map[string]int{callees.counts.wrong} {
		for what, n := range counts {
			s.counts.wrong[what] += n
		}
	}
	for _, counts := range []map[string]int{s.socket.failed, callees.socket.failed} {
		for what, n := range counts {
			s.counts.failures[what] += n
		}
	}
	s.counts.retransmissions += callees.counts.resent
	s.counts.duplicates += callees.counts.repeated
	out := CallResult{
		Result: s.r.result(s.counts, used, wall), Invited: callees.counts.invited, Acked: callees.counts.acked,
		Ended: callees.counts.ended, Stood: s.stood, Clear: s.clear, Unrung: s.unrung,
	}
	out.What = "calls"
	return out
}
