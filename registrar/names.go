package registrar

import (
	"strings"
	"sync"
	"sync/atomic"
)

// names keeps strings that many bindings share, user agents and homes, once.
// Reading takes no lock. It only grows, up to maxNames; what comes after is kept
// with the binding itself, so that invented user agents cost no more than that.
type names struct {
	list atomic.Pointer[[]string] // index 0 is unused
	mu   sync.Mutex
	ids  map[string]uint16
}

const maxNames = 4096

// text is the string of an id that id returned.
func (n *names) text(id uint16) string { return (*n.list.Load())[id] }

// id finds or makes the id of a string; 0 if the table is full.
func (n *names) id(s string) uint16 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if id, ok := n.ids[s]; ok {
		return id
	}
	list := []string{""}
	if p := n.list.Load(); p != nil {
		list = *p
	} else {
		n.ids = make(map[string]uint16)
	}
	if len(list) > maxNames {
		return 0
	}
	// Readers hold shorter slices of the same array, which stay as they are.
	list = append(list, strings.Clone(s))
	id := uint16(len(list) - 1)
	n.ids[list[id]] = id
	n.list.Store(&list)
	return id
}
