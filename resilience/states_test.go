package resilience

import (
	"bytes"
	"hash/maphash"
)

// stateSet holds states in the order in which they were added, each once, whole: a hash
// finds them, their octets tell them apart. It has no pointers that grow with it.
type stateSet struct {
	size   int
	count  int
	blocks [][]byte // of blockStates states
	table  []uint32 // open addressing: 0, or a state's index plus 1
	seed   maphash.Seed
}

const blockStates = 1 << 14

func newStateSet(size int) *stateSet {
	return &stateSet{size: size, table: make([]uint32, 1<<12), seed: maphash.MakeSeed()}
}

func (s *stateSet) get(i int) []byte {
	at := i % blockStates * s.size
	return s.blocks[i/blockStates][at : at+s.size]
}

// find is the state's index, -1 if it is not in.
func (s *stateSet) find(state []byte) int {
	return int(s.table[s.slot(state)]) - 1
}

// add is the state's index; isNew if it was not in.
func (s *stateSet) add(state []byte) (i int, isNew bool) {
	slot := s.slot(state)
	if known := s.table[slot]; known != 0 {
		return int(known) - 1, false
	}
	if s.count%blockStates == 0 {
		s.blocks = append(s.blocks, make([]byte, 0, blockStates*s.size))
	}
	last := &s.blocks[len(s.blocks)-1]
	*last = append(*last, state...)
	s.count++
	s.table[slot] = uint32(s.count)
	if s.count > len(s.table)/4*3 {
		s.grow()
	}
	return s.count - 1, true
}

// slot is where the state is, or would be, in the table.
func (s *stateSet) slot(state []byte) int {
	mask := len(s.table) - 1
	for at := int(maphash.Bytes(s.seed, state)) & mask; ; at = (at + 1) & mask {
		if known := s.table[at]; known == 0 || bytes.Equal(s.get(int(known)-1), state) {
			return at
		}
	}
}

func (s *stateSet) grow() {
	s.table = make([]uint32, 2*len(s.table))
	for i := range s.count {
		s.table[s.slot(s.get(i))] = uint32(i + 1)
	}
}
