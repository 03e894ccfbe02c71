package load

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"time"
)

// tally is what one worker counted; the workers' are added up at the end.
type tally struct {
	begun, ok       int
	statuses        map[int]int    // final answers that ended a registration unsuccessfully
	wrong           map[string]int // answers that do not agree with their request
	retransmissions int
	duplicates      int // answers to what was answered already
	renewed         int // nonces that were out of date
	lost            int // no answer within GiveUp
	connections     int // opened
	failures        map[string]int
	latency         histogram
	first, last     int64 // begin of the first, end of the last successful registration
	inTime          int   // successful ones before the measurement's end
}

func newTally() *tally {
	return &tally{statuses: map[int]int{}, wrong: map[string]int{}, failures: map[string]int{}}
}

func (t *tally) add(o *tally) {
	t.begun, t.ok, t.inTime = t.begun+o.begun, t.ok+o.ok, t.inTime+o.inTime
	t.retransmissions, t.duplicates = t.retransmissions+o.retransmissions, t.duplicates+o.duplicates
	t.renewed, t.lost, t.connections = t.renewed+o.renewed, t.lost+o.lost, t.connections+o.connections
	for status, n := range o.statuses {
		t.statuses[status] += n
	}
	for what, n := range o.wrong {
		t.wrong[what] += n
	}
	for what, n := range o.failures {
		t.failures[what] += n
	}
	t.latency.add(&o.latency)
	if o.begun > 0 && (t.first == 0 || o.first < t.first) {
		t.first = o.first
	}
	t.last = max(t.last, o.last)
}

func (t *tally) began(now int64) {
	if t.begun == 0 {
		t.first = now
	}
	t.begun++
}

func (t *tally) succeeded(p *phone, now, until int64) {
	t.ok++
	if until == 0 || now <= until {
		t.inTime++
	}
	t.last = now
	t.latency.record(now - p.began)
}

// failed counts a connection that could not be had or went away.
func (t *tally) failed(what string, err error) {
	var op *net.OpError
	if errors.As(err, &op) { // without the addresses, which are all different
		what, err = what+" "+op.Op, op.Err
	}
	if len(t.failures) < 20 {
		t.failures[fmt.Sprintf("%s: %v", what, err)]++
		return
	}
	t.failures["others"]++
}

// verdict is how a registration goes on after an answer.
type verdict uint8

const (
	ignore verdict = iota // nothing of ours that waits
	again                 // the phone answers the challenge
	done                  // it succeeded, or failed for good
)

// judge holds an answer against the phone's request. until is the end of the
// measurement, 0 for none.
func (t *tally) judge(s *script, p *phone, at *place, r *reply, now, until int64) verdict {
	var buf [128]byte
	switch {
	case !bytes.Equal(r.callID, s.appendCallID(buf[:0], p)):
		return t.disagrees("Call-ID")
	case r.cseq > p.cseq:
		return t.disagrees("CSeq")
	case r.cseq < p.cseq || !p.busy:
		t.duplicates++
		return ignore
	case !bytes.Equal(r.branch, appendBranch(buf[:0], p)):
		return t.disagrees("branch")
	case r.status < 200:
		return ignore
	}
	switch {
	case r.status == 401:
		return t.challenged(p, r, now)
	case r.status != 200:
		t.statuses[r.status]++
	case !bytes.Equal(r.contact, appendContact(buf[:0], p, at)):
		t.wrong["contact"]++
	case r.lease < 1:
		t.wrong["lease"]++
	case !p.asked:
		t.wrong["200 without credentials"]++
	default:
		t.succeeded(p, now, until)
	}
	p.busy = false
	return done
}

func (t *tally) disagrees(with string) verdict {
	t.wrong[with]++
	return ignore
}

func (t *tally) challenged(p *phone, r *reply, now int64) verdict {
	switch {
	case len(r.nonce) == 0:
		t.wrong["challenge"]++
	case !p.asked:
		p.answerChallenge(r.nonce, now)
		return again
	case r.stale && !p.renewed:
		p.renewed = true
		t.renewed++
		p.answerChallenge(r.nonce, now)
		return again
	default:
		t.statuses[401]++
	}
	p.busy = false
	return done
}

// histogram counts times with an error of at most 1/32.
type histogram struct {
	counts [64 * sub]uint32
	n      int
	max    int64
}

const (
	subBits = 5
	sub     = 1 << subBits
)

func (h *histogram) record(v int64) {
	v = max(v, 0)
	h.max = max(h.max, v)
	h.n++
	h.counts[bucketOf(uint64(v))]++
}

func bucketOf(v uint64) int {
	if v < sub {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)*sub + int(v>>shift) - sub
}

// lowest is the smallest value of a bucket.
func lowest(bucket int) int64 {
	if bucket < sub {
		return int64(bucket)
	}
	shift := bucket/sub - 1
	return int64(bucket%sub+sub) << shift
}

func (h *histogram) add(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// quantile is the value below which the part q of all lies.
func (h *histogram) quantile(q float64) time.Duration {
	want, seen := int(q*float64(h.n)), 0
	for i, n := range h.counts {
		if seen += int(n); seen > want {
			return time.Duration(min(lowest(i+1), h.max))
		}
	}
	return time.Duration(h.max)
}
