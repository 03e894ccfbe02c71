package node

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/registrar"
	"roost/registrar/directory"
)

// unique raises the alarm that a number belongs to several systems, or clears it
// (NE3). The phone goes on where it is.
func (n *Node) unique(number registrar.Number, now time.Time) {
	owners := n.known.listedBy(number)
	if n.owns(number) {
		owners = append(owners, n.name)
	}
	if len(owners) < 2 {
		n.journal.clear("duplicate-number", string(number), fmt.Sprintf("the number %s is unique again", number), now)
		return
	}
	slices.Sort(owners)
	n.journal.raise("duplicate-number", string(number), "major", fmt.Sprintf(
		"number %s is configured at %s; a number belongs to one system (NE3): remove it from all but one of them",
		number, strings.Join(owners, " and at ")), now)
}

// owns: the number is a user's or a group's of this system.
func (n *Node) owns(number registrar.Number) bool {
	if _, user := n.directory().User(number); user {
		return true
	}
	_, group := groupNumbers(n.config())[number]
	return group
}

// reviewNumbers looks at the numbers that a new configuration added or took away:
// of those, no other system has anything to tell.
func (n *Node) reviewNumbers(from, to *directory.Directory, now time.Time) {
	diff := directory.Compare(from, to)
	for _, u := range diff.UsersAdded {
		n.unique(u.Number, now)
	}
	for _, number := range diff.UsersRemoved {
		n.unique(number, now)
	}
}
