package node

import (
	"slices"
	"testing"

	"roost/registrar/directory"
	"roost/registrar/record"
)

// A number that two homes have is the first one's; the other has it as soon as the
// first gives it up, and not before.
func TestNE3_TheFirstHomeKeepsTheNumber(t *testing.T) {
	k := newKnown()
	extension := record.Extension{Extension: directory.Extension{Number: "203"}}
	is := func(home string, london, oslo int) {
		t.Helper()
		if e, _ := k.extension("203"); e.home != home || k.phonesOf("london") != london || k.phonesOf("oslo") != oslo {
			t.Fatalf("203 is %q's, london has %d, oslo %d", e.home, k.phonesOf("london"), k.phonesOf("oslo"))
		}
	}
	k.setExtension("london", extension)
	k.setExtension("oslo", extension)
	k.setExtension("oslo", extension) // as after a snapshot
	is("london", 1, 0)
	k.dropExtension("london", "203")
	is("oslo", 0, 1)
	k.setExtension("london", extension)
	k.dropExtension("london", "203")
	is("oslo", 0, 1)
	k.dropExtension("oslo", "203")
	is("", 0, 0)
	if len(k.contested) != 0 {
		t.Errorf("left over: %v", k.contested)
	}
	k.setEntry("oslo", record.DirEntry{Number: "203"})
	if more := k.setEntry("london", record.DirEntry{Number: "203"}); !more {
		t.Error("the second to list a number is not told from the first")
	}
	listed := k.listedBy("203")
	slices.Sort(listed)
	if !slices.Equal(listed, []string{"london", "oslo"}) {
		t.Errorf("listed by %v", listed)
	}
}
