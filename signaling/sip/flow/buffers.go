package flow

import "sync"

// lent is what a stream's reader needs while there are bytes to read: 10,000 idle
// connections hold none of it.
type lent struct {
	in      []byte // bytes read and not yet handled
	out     []byte // answers to be written together
	inbound Inbound
	then    []func() // what follows the answers, see Inbound.Then
}

const (
	lentSize    = 4 << 10  // a buffer at first
	lentLargest = 32 << 10 // larger ones are not kept
	gatherMost  = 32 << 10 // answers are written when there are so many bytes of them
)

// lender keeps what was given back for the next.
type lender struct{ pool sync.Pool }

func (l *lender) borrow() *lent {
	if w, ok := l.pool.Get().(*lent); ok {
		return w
	}
	return &lent{in: make([]byte, 0, lentSize), out: make([]byte, 0, lentSize/2)}
}

func (l *lender) giveBack(w *lent) {
	w.inbound = Inbound{}
	if cap(w.in) > lentLargest || cap(w.out) > lentLargest {
		return
	}
	w.in, w.out = w.in[:0], w.out[:0]
	l.pool.Put(w)
}

// room makes space for reading behind what is there; most is the largest size.
func (l *lent) room(most int) []byte {
	if len(l.in) == cap(l.in) {
		grown := make([]byte, len(l.in), min(2*cap(l.in), most))
		copy(grown, l.in)
		l.in = grown
	}
	return l.in[len(l.in):cap(l.in)]
}

// drop forgets the first n bytes.
func (l *lent) drop(n int) { l.in = l.in[:copy(l.in, l.in[n:])] }
