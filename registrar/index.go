package registrar

// index is an open-addressing hash table of slot numbers, four bytes a cell; the
// keys stay in the slots. Slot 0 is none.
type index struct {
	cells []uint32 // length a power of two
	used  int
}

const smallestIndex = 16

// find returns the slot with this hash for which is holds, or 0.
func (x *index) find(hash uint32, is func(slot uint32) bool) uint32 {
	if len(x.cells) == 0 {
		return 0
	}
	mask := uint32(len(x.cells) - 1)
	for i := hash & mask; x.cells[i] != 0; i = (i + 1) & mask {
		if is(x.cells[i]) {
			return x.cells[i]
		}
	}
	return 0
}

// put adds a slot that is not in the table yet.
func (x *index) put(hash, slot uint32, hashOf func(slot uint32) uint32) {
	if (x.used+1)*5 > len(x.cells)*4 {
		x.grow(hashOf)
	}
	x.insert(hash, slot)
	x.used++
}

func (x *index) insert(hash, slot uint32) {
	mask := uint32(len(x.cells) - 1)
	i := hash & mask
	for x.cells[i] != 0 {
		i = (i + 1) & mask
	}
	x.cells[i] = slot
}

func (x *index) grow(hashOf func(slot uint32) uint32) {
	old := x.cells
	x.cells = make([]uint32, max(smallestIndex, 2*len(old)))
	for _, slot := range old {
		if slot != 0 {
			x.insert(hashOf(slot), slot)
		}
	}
}

// at is the cell that holds the slot, which must be in the table.
func (x *index) at(hash, slot uint32) uint32 {
	mask := uint32(len(x.cells) - 1)
	i := hash & mask
	for x.cells[i] != slot {
		i = (i + 1) & mask
	}
	return i
}

// swap puts another slot with the same hash in the place of one.
func (x *index) swap(hash, from, to uint32) { x.cells[x.at(hash, from)] = to }

// remove takes a slot out and moves those after it up, so that no search breaks
// off early (Knuth, 6.4, algorithm R).
func (x *index) remove(hash, slot uint32, hashOf func(slot uint32) uint32) {
	mask := uint32(len(x.cells) - 1)
	hole := x.at(hash, slot)
	for i := (hole + 1) & mask; x.cells[i] != 0; i = (i + 1) & mask {
		want := hashOf(x.cells[i]) & mask
		if (i-want)&mask >= (i-hole)&mask {
			x.cells[hole] = x.cells[i]
			hole = i
		}
	}
	x.cells[hole] = 0
	x.used--
}
