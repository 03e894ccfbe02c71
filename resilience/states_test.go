package resilience

import (
	"bytes"
	"hash/maphash"
	"sync"
)

// stateSet holds states in the order in which they were added, each once and whole: a hash
// finds them, their octets tell them apart. Several goroutines may use it at once.
type stateSet struct {
	size int
	seed maphash.Seed

	mu     sync.Mutex
	blocks [][]byte // of blockStates states
	ways   []step
	table  []uint32 // open addressing: 0, or a state's index plus 1
}

// step is how a state was first reached.
type step struct {
	from   int32
	action int16
}

const blockStates = 1 << 14

func newStateSet(size int) *stateSet {
	return &stateSet{size: size, table: make([]uint32, 1<<12), seed: maphash.MakeSeed()}
}

func (s *stateSet) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ways)
}

// copyTo copies a state into b.
func (s *stateSet) copyTo(b []byte, i int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(b[:0], s.at(i)...)
}

// find is the state's index, -1 if it is not in.
func (s *stateSet) find(state []byte) int {
	hash := maphash.Bytes(s.seed, state)
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.table[s.slot(hash, state)]) - 1
}

// add adds the state, unless it is in.
func (s *stateSet) add(state []byte, way step) {
	hash := maphash.Bytes(s.seed, state)
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := s.slot(hash, state)
	if s.table[slot] != 0 {
		return
	}
	if len(s.ways)%blockStates == 0 {
		s.blocks = append(s.blocks, make([]byte, 0, blockStates*s.size))
	}
	last := &s.blocks[len(s.blocks)-1]
	*last = append(*last, state...)
	s.ways = append(s.ways, way)
	s.table[slot] = uint32(len(s.ways))
	if len(s.ways) > len(s.table)/4*3 {
		s.grow()
	}
}

func (s *stateSet) at(i int) []byte {
	from := i % blockStates * s.size
	return s.blocks[i/blockStates][from : from+s.size]
}

// slot is where the state is, or would be, in the table.
func (s *stateSet) slot(hash uint64, state []byte) int {
	mask := len(s.table) - 1
	for at := int(hash) & mask; ; at = (at + 1) & mask {
		if known := s.table[at]; known == 0 || bytes.Equal(s.at(int(known)-1), state) {
			return at
		}
	}
}

func (s *stateSet) grow() {
	s.table = make([]uint32, 2*len(s.table))
	for i := range s.ways {
		state := s.at(i)
		s.table[s.slot(maphash.Bytes(s.seed, state), state)] = uint32(i + 1)
	}
}
