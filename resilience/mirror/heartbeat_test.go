package mirror

import (
	"strings"
	"testing"
	"time"
)

func TestFO3_AThirdSystemSaysWhomItHeard(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig(), romeConfig())
	r.pass(20 * time.Second)
	for _, h := range r.heard["paris"] {
		if h.Via != "" {
			t.Errorf("relayed though heard directly: %+v", h)
		}
	}
	between := func(to string, m Send) bool {
		return to == "paris" && m.Subject.Origin == "london" || to == "london" && m.Subject.Origin == "paris"
	}
	r.lose = between
	r.heard["paris"] = nil
	r.pass(30 * time.Second)
	relayed := 0
	for _, h := range r.heard["paris"] {
		if h.System == "london" && h.Via == "rome" && h.Ready && h.Age <= 5*time.Second && h.Epoch == r.sessions["london"].cfg.Epoch {
			relayed++
		} else if h.System == "london" {
			t.Errorf("heard %+v", h)
		}
	}
	if relayed < 5 {
		t.Errorf("relayed %d times in 30 s", relayed)
	}
	// A system that is gone is not kept alive by what two others tell each other.
	delete(r.sessions, "london")
	r.pass(10 * time.Second)
	r.heard["paris"] = nil
	r.pass(time.Minute)
	for _, h := range r.heard["paris"] {
		if h.System == "london" {
			t.Errorf("heard %+v though it is gone", h)
		}
	}
}

// TestFO3_EveryHeartbeatIsRelayedWhateverTheirPace: with a lab's fast heartbeats what
// a third system heard must come as often as with those of a living network.
func TestFO3_EveryHeartbeatIsRelayedWhateverTheirPace(t *testing.T) {
	fast := func(c Config) Config {
		c.HeartbeatEvery, c.SilentAfter = 100*time.Millisecond, 300*time.Millisecond
		return c
	}
	r := newRig(t, fast(londonConfig()), fast(parisConfig()), fast(romeConfig()))
	r.pass(2 * time.Second)
	r.lose = func(to string, m Send) bool {
		return to == "paris" && m.Subject.Origin == "london" || to == "london" && m.Subject.Origin == "paris"
	}
	r.heard["paris"] = nil
	r.pass(2 * time.Second)
	relayed := 0
	for _, h := range r.heard["paris"] {
		if h.System == "london" && h.Via == "rome" {
			relayed++
		}
	}
	if relayed < 18 {
		t.Errorf("relayed %d of 20 heartbeats", relayed)
	}
}

func TestFO3_AHungServiceIsNotRelayedAsReady(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig(), romeConfig())
	r.pass(6 * time.Second)
	r.step("london", SetReady{Ready: false})
	last := r.heard["paris"][len(r.heard["paris"])-1]
	if last.System != "london" || last.Ready {
		t.Errorf("heard %+v", last)
	}
	for _, h := range r.sessions["rome"].peers["london"].last.Sets {
		if h.Set != Dir {
			t.Errorf("rome keeps %+v", h)
		}
	}
	age := r.now.Sub(r.sessions["rome"].peers["london"].readyAt)
	r.pass(7 * time.Second)
	if now := r.now.Sub(r.sessions["rome"].peers["london"].readyAt); now < age+7*time.Second {
		t.Errorf("ready %v ago, after a hang of 7 s", now)
	}
}

func TestFO4_AnAnnouncementIsSaidAtOnceAndIsBounded(t *testing.T) {
	r := newRig(t, londonConfig(), parisConfig())
	r.pass(time.Second)
	r.step("london", Announce{BackWithin: 3 * time.Hour})
	last := r.heard["paris"][len(r.heard["paris"])-1]
	if last.Heartbeat == nil || last.Heartbeat.BackWithin != 15*time.Minute {
		t.Errorf("heard %+v", last)
	}
}

func TestSE1_SE3_ComparedSettingsThatDiffer(t *testing.T) {
	london, paris := londonConfig(), parisConfig()
	london.Compared = map[string]string{"media.security": "enforced", "token.issuer": "https://a", "new.setting": "1"}
	paris.Compared = map[string]string{"media.security": "enforced", "token.issuer": "https://b"}
	r := newRig(t, london, paris)
	r.pass(time.Second)
	r.wantAlarm("paris", SettingsDiffer, "london media.security", false)
	r.wantAlarm("paris", SettingsDiffer, "london token.issuer", true)
	r.wantAlarm("london", SettingsDiffer, "paris new.setting", false) // of a later release
	text := r.alarms["london settings-differ paris token.issuer"].Text
	if !strings.Contains(text, "https://a") || !strings.Contains(text, "https://b") {
		t.Errorf("text %q", text)
	}
	r.step("paris", SetCompared{Compared: london.Compared})
	r.wantAlarm("paris", SettingsDiffer, "london token.issuer", false)
	r.wantAlarm("london", SettingsDiffer, "paris token.issuer", false)
}

func TestNE1_AOneSidedLineIsAnAlarm(t *testing.T) {
	london, paris := londonConfig(), parisConfig()
	london.Wants = map[string]string{"paris": "phones"}
	r := newRig(t, london, paris)
	r.pass(time.Second)
	r.wantAlarm("london", OneSided, "paris", true)
	r.wantAlarm("paris", OneSided, "london", true)
	r.step("paris", SetCompared{Wants: map[string]string{"london": ""}})
	r.wantAlarm("london", OneSided, "paris", false)
	r.wantAlarm("paris", OneSided, "london", false)
}
