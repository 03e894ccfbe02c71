package resilience

// slot says in which of its two places a guest keeps its index in a queue.
type slot uint8

const (
	slotMove  slot = iota // waiting to be sent home, by nextTry
	slotTimer             // its grace, next trigger or kept place, by due
	slotCount
)

// queue is a heap of guests, the earliest first, the longest a guest first among equals.
type queue struct {
	slot  slot
	items []*guest
}

func (q *queue) key(g *guest) instant {
	if q.slot == slotMove {
		return g.nextTry
	}
	return g.due
}

func (q *queue) less(a, b *guest) bool {
	if ka, kb := q.key(a), q.key(b); ka != kb {
		return ka < kb
	}
	return a.seq < b.seq
}

// top is the first guest, nil if there is none.
func (q *queue) top() *guest {
	if len(q.items) == 0 {
		return nil
	}
	return q.items[0]
}

func (q *queue) has(g *guest) bool {
	i := g.pos[q.slot]
	return i >= 0 && int(i) < len(q.items) && q.items[i] == g
}

// put adds g, or moves it to where its key now belongs.
func (q *queue) put(g *guest) {
	if !q.has(g) {
		g.pos[q.slot] = int32(len(q.items))
		q.items = append(q.items, g)
	}
	q.down(q.up(int(g.pos[q.slot])))
}

// remove takes g out; it may not be in.
func (q *queue) remove(g *guest) {
	if !q.has(g) {
		return
	}
	i, last := int(g.pos[q.slot]), len(q.items)-1
	q.swap(i, last)
	q.items[last] = nil
	q.items = q.items[:last]
	g.pos[q.slot] = -1
	if i < last {
		q.down(q.up(i))
	}
}

func (q *queue) swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.items[i].pos[q.slot] = int32(i)
	q.items[j].pos[q.slot] = int32(j)
}

func (q *queue) up(i int) int {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.less(q.items[i], q.items[parent]) {
			break
		}
		q.swap(i, parent)
		i = parent
	}
	return i
}

func (q *queue) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q.items) {
			return
		}
		if child+1 < len(q.items) && q.less(q.items[child+1], q.items[child]) {
			child++
		}
		if !q.less(q.items[child], q.items[i]) {
			return
		}
		q.swap(i, child)
		i = child
	}
}
