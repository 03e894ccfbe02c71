package call

import (
	"fmt"
	"strings"
	"testing"
)

// Groups of groups of groups, nobody there: what one INVITE may cost is bounded.
func TestHunt_NestedGroupsAreBounded(t *testing.T) {
	d := newDesk(t, storyStart)
	d.router.write("201 dnd")
	members := strings.TrimSuffix(strings.Repeat("201,", 20), ",")
	for level := range 8 {
		name := fmt.Sprintf("30%d", level)
		d.router.write(name + " group=all members=" + members)
		var next []string
		for i := range 20 {
			alias := fmt.Sprintf("g%d.%d", level, i)
			d.router.write(alias + " group=order members=" + name)
			next = append(next, alias)
		}
		members = strings.Join(next, ",")
	}
	noted := 0
	d.said = func(s string) {
		if strings.Contains(s, "counted: branches") {
			noted++
		}
	}
	a := d.invite("201", Invited{Peer: Phone, From: Party{Number: "201"}, To: "307", Offer: Body{Type: "application/sdp", Data: []byte("a1")}, Hops: 70})
	if !a.call.over || a.call.lookups > 100*maxLookups || noted != 1 {
		t.Errorf("over %v after %d lookups, noted %d times", a.call.over, a.call.lookups, noted)
	}
	d.checkOver()
}
