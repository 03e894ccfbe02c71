package load

import "time"

// phase is one round of registrations: the one beforehand, or the measured one.
type phase struct {
	keep  bool  // nonces are kept: refreshes
	once  bool  // each phone once
	from  int64 // when it begins, nanoseconds of the run's clock
	until int64 // when no more are begun; 0: no end
	rate  float64
}

// turns decides which of a worker's phones registers next, and when.
type turns struct {
	ph          *phase
	phones      []phone
	from        int64 // the worker's own begin: with a rate they take turns
	window      int
	part        float64 // a second, 0: as the window allows
	cursor      int
	begun       int
	outstanding int
}

// turnsOf makes the turns of the i-th of so many workers.
func turnsOf(ph *phase, phones []phone, i, workers, window int) turns {
	t := turns{ph: ph, phones: phones, from: ph.from, window: max(1, (window+workers-1)/workers)}
	if ph.rate > 0 {
		t.part = ph.rate / float64(workers)
		t.from += int64(float64(i) / ph.rate * float64(time.Second))
	}
	return t
}

// next gives the phone that registers now, begun already, or nil.
func (t *turns) next(now int64, counts *tally) *phone {
	if now < t.from || t.over(now) {
		return nil
	}
	if t.part > 0 {
		if float64(t.begun) >= t.part*float64(now-t.from)/float64(time.Second) {
			return nil
		}
	} else if t.outstanding >= t.window {
		return nil
	}
	for range t.phones {
		p := &t.phones[t.cursor%len(t.phones)]
		t.cursor++
		if p.busy {
			continue
		}
		p.begin(t.ph.keep, now)
		counts.began(now)
		t.begun++
		t.outstanding++
		return p
	}
	return nil
}

// over says that no more are begun.
func (t *turns) over(now int64) bool {
	if t.ph.once {
		return t.begun >= len(t.phones)
	}
	return t.ph.until != 0 && now >= t.ph.until
}

// opens is how long until the rate lets the next one begin.
func (t *turns) opens(now int64) time.Duration {
	at := t.from
	if t.part > 0 {
		at += int64(float64(t.begun) / t.part * float64(time.Second))
	}
	return time.Duration(max(at-now, 0))
}
