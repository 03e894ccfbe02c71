package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"roost/cmd/roost/config"
)

// TestFO2_TheDelayGrowsWithTheSystemsOfTheNetwork: those heard through others count,
// for a ring of 32 has two lines a system.
func TestFO2_TheDelayGrowsWithTheSystemsOfTheNetwork(t *testing.T) {
	h := newHomes([]string{"paris", "rome"}, []string{"paris", "rome", "oslo"})
	c := config.Default()
	delay := func() time.Duration { return machineConfig(c, h.all(), h.network()).Timers.FailoverDelay }
	if got := delay(); h.network() != 4 || got != 3*time.Minute {
		t.Errorf("%d systems, delay %v; want 4 and 3m", h.network(), got)
	}
	for i := range 28 {
		if name := fmt.Sprintf("far%d", i); !h.met(name) || h.met(name) {
			t.Errorf("%s is not news once", name)
		}
	}
	if got := delay(); h.network() != 32 || got != 3*time.Minute+28*10*time.Second {
		t.Errorf("%d systems, delay %v; want 32 and 7m40s", h.network(), got)
	}
	for i := range 200 {
		h.met(fmt.Sprintf("made-up%d", i))
	}
	if got := delay(); h.network() != maxSystems+1 || got != 10*time.Minute {
		t.Errorf("%d systems, delay %v; want a bound, and 10m at most", h.network(), got)
	}
}

func TestNE1_ALineWithoutNetworkingLevelBacksNobodyUp(t *testing.T) {
	c := config.Default()
	c.System = "london"
	c.Network.Lines = []config.Line{
		{System: "paris", NetworkingLevel: config.LevelSCN}, {System: "oslo", NetworkingLevel: config.LevelNone}}
	if got := peersOf(c); !slices.Equal(got, []string{"paris"}) {
		t.Errorf("phones are backed up with %v", got)
	}
	h := newHomes(peersOf(c), linesOf(c))
	if h.heard("oslo", true) || slices.Contains(h.all(), "oslo") {
		t.Error("a system is backed up over a line that is not scn")
	}
	for _, peer := range (&Node{}).carrierConfig(c).Peers {
		if want := peer.System == "oslo"; peer.Member != want {
			t.Errorf("%s hears of the directory only: %v, want %v", peer.System, peer.Member, want)
		}
	}
}
