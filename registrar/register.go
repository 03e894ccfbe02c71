package registrar

import (
	"errors"
	"fmt"
	"time"
)

// Register records one REGISTER. On an error nothing that it named has changed;
// Result.Changes may still name what had expired.
func (r *Registrar) Register(u Update, now time.Time) (Result, error) {
	var res Result
	err := r.RegisterInto(&u, now, &res)
	return res, err
}

// RegisterInto is Register for the hot path: it reuses the slices of res, so
// that the refresh of an unchanged binding allocates nothing.
func (r *Registrar) RegisterInto(u *Update, now time.Time, res *Result) error {
	*res = Result{Bound: res.Bound[:0], Changes: res.Changes[:0]}
	q := request{Update: u, now: now, t: r.since(now), res: res, limits: r.config.Load()}
	if err := q.check(); err != nil {
		return err
	}
	s, hash := r.shardOf(u.Number)
	err := s.register(&q, hash)
	if !errors.Is(err, errFull) {
		return err
	}
	// What has expired but was not swept yet must not keep a licence (US4).
	res.Changes = append(res.Changes, r.Sweep(now)...)
	if err = s.register(&q, hash); errors.Is(err, errFull) {
		err = q.full(r.Count())
	}
	return err
}

// Repeats reports whether the update is a retransmission of the REGISTER that
// set the standing bindings, and if so what was answered. It changes nothing.
func (r *Registrar) Repeats(u *Update, now time.Time) (Result, bool) {
	var res Result
	q := request{Update: u, now: now, t: r.since(now), res: &res, limits: r.config.Load()}
	if q.check() != nil {
		return Result{}, false
	}
	s, hash := r.shardOf(u.Number)
	s.mu.Lock()
	defer s.mu.Unlock()
	q.s, q.hash, q.head = s, hash, s.first(u.Number, hash)
	if repeated, err := q.order(); err != nil || !repeated {
		return Result{}, false
	}
	q.repeat()
	return res, true
}

// request is one Update at work, under the lock of its shard.
type request struct {
	*Update
	now    time.Time
	t      int64
	res    *Result
	limits *Config

	s    *shard
	hash uint32
	head uint32 // the number's first binding
	err  error  // behind errFull
}

func (s *shard) register(q *request, hash uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.s, q.hash, q.head = s, hash, s.first(q.Number, hash)
	q.dropExpired()
	repeated, err := q.order()
	switch {
	case err != nil:
		return err
	case repeated:
		q.repeat()
		return nil
	case q.Star:
		q.unbindAll(Unregistered)
		return nil
	case len(q.Contacts) == 0:
		for slot := q.head; slot != 0; slot = s.at(slot).next {
			q.res.Bound = append(q.res.Bound, s.registration(s.at(slot)))
		}
		sortForRinging(q.res.Bound)
		return nil
	}
	return q.bind()
}

// bind carries out a request with contacts: all of them or none.
func (q *request) bind() error {
	was, to := q.s.classOf(q.head), class{q.Protocol, q.Guest}
	stays := false
	for i := range q.Contacts {
		stays = stays || q.Contacts[i].Expires != 0
	}
	if stays {
		if err := q.checkRoom(); err != nil {
			return err
		}
		if err := q.s.of.count.admit(was, to, q.limits); err != nil {
			q.err = err
			return errFull
		}
		was = to
		q.convert()
	}
	for i := range q.Contacts {
		if c := &q.Contacts[i]; c.Expires == 0 {
			q.unbindContact(c)
		} else {
			q.bindContact(c)
		}
	}
	q.list()
	if q.head == 0 && was.protocol != 0 {
		q.s.of.count.leave(was)
	}
	return nil
}

// dropExpired removes the phone's own bindings that have expired.
func (q *request) dropExpired() {
	for slot := q.head; slot != 0; {
		b := q.s.at(slot)
		next := b.next
		if b.expires <= q.t {
			was := q.s.classOf(q.head)
			q.unbind(slot, Expired)
			if q.head == 0 {
				q.s.of.count.leave(was)
			}
		}
		slot = next
	}
}

// order holds the request against the bindings that the same Call-ID made (RFC
// 3261 section 10.3 step 7). repeated: it is the very request that made them.
func (q *request) order() (repeated bool, err error) {
	if len(q.Contacts) == 0 && !q.Star {
		return false, nil
	}
	for slot := q.head; slot != 0; slot = q.s.at(slot).next {
		b := q.s.at(slot)
		if b.callID() != q.CallID || q.otherFlow(b) {
			continue
		}
		if b.cseq == q.CSeq && b.branch == q.Branch {
			repeated = true
		} else if q.CSeq <= b.cseq {
			return false, fmt.Errorf("%w: CSeq %d after %d with the same Call-ID; it must grow with each REGISTER",
				ErrOutOfOrder, q.CSeq, b.cseq)
		}
	}
	return repeated, nil
}

// otherFlow: the binding is another flow of the instance that registers, which
// counts its requests for itself (RFC 5626 section 4.2.1).
func (q *request) otherFlow(b *binding) bool {
	if b.regID == 0 || len(q.Contacts) == 0 {
		return false
	}
	for i := range q.Contacts {
		c := &q.Contacts[i]
		if c.Instance == "" || c.RegID == 0 || c.RegID == b.regID || c.Instance != b.instance() {
			return false
		}
	}
	return true
}

// repeat answers a retransmission as the first time.
func (q *request) repeat() {
	q.res.Repeated = true
	q.list()
}

// list puts the bindings that the request named into the result, in its order.
func (q *request) list() {
	for i := range q.Contacts {
		c := &q.Contacts[i]
		if c.Expires == 0 {
			continue
		}
		for slot := q.head; slot != 0; slot = q.s.at(slot).next {
			b := q.s.at(slot)
			if b.contact() == c.URI && b.instance() == c.Instance && b.regID == regIDOf(c) {
				q.res.Bound = append(q.res.Bound, q.s.registration(b))
			}
		}
	}
}

func (q *request) unbindAll(why Reason) {
	was := q.s.classOf(q.head)
	for q.head != 0 {
		q.unbind(q.head, why)
	}
	if was.protocol != 0 {
		q.s.of.count.leave(was)
	}
}

func (q *request) unbind(slot uint32, why Reason) {
	q.res.Changes, q.head = q.s.unbind(q.res.Changes, slot, q.head, why, q.now)
}

// regIDOf: reg-id without an instance is ignored (RFC 5626 section 6).
func regIDOf(c *Contact) uint32 {
	if c.Instance == "" {
		return 0
	}
	return c.RegID
}
