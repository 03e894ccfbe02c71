package lab

import (
	"testing"
	"time"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

// scene is a picture of three phones and both systems, at 10 minutes: 201 at
// home, 202 a guest, 203 nowhere after both refused it.
func scene(t *testing.T) (*Scenario, *Picture) {
	t.Helper()
	s := readText(t, "scenario: a\nsays: b\nphones: [{profile: yealink, transport: udp, count: 2}, {profile: snom, transport: tls}]\nsteps: [kill home]\n")
	p := newPicture(s, systemNames())
	p.Now = 10 * time.Minute
	for _, r := range []phone.Report{
		{Phone: "201", Event: phone.Registered, Server: Backup},
		{Phone: "201", Event: phone.Registered, Server: Home, Why: "reg-event NOTIFY"},
		{Phone: "202", Event: phone.Registered, Server: Backup, Why: "no answer"},
		{Phone: "202", Event: phone.Told, Server: Backup},
		{Phone: "203", Event: phone.Registered, Server: Home},
		{Phone: "203", Event: phone.Lost, Server: Home},
		{Phone: "203", Event: phone.Ignored},
		{Phone: "203", Event: phone.Refused, Server: Home, Code: 503},
		{Phone: "203", Event: phone.Refused, Server: Backup, Code: 503},
		{Phone: "999", Event: phone.Registered, Server: Home},
	} {
		p.Report(r, 5*time.Minute)
	}
	p.Systems[Home].Running = true
	p.Systems[Backup].Running = true
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p.Status(Backup, &api.Status{
		Phones:   api.Phones{Guests: 1},
		Licences: api.Licences{Used: 0},
		Lines:    []api.Line{{System: "london", Why: "unknown root"}},
		Homes:    []api.Home{{System: "london", State: "SERVING", Unserved: 2, WhyNot: "mirror behind"}},
		Guests:   []api.Guest{{Number: "202", Home: "london", State: "going home"}},
		Alarms:   []api.Alarm{{Kind: "failover", Subject: "london", Text: "1 guest"}},
		Events:   []api.Event{{At: began.Add(6 * time.Minute), Kind: "failover-began"}, {At: began.Add(time.Minute), Kind: "failover-began"}},
	}, 9*time.Minute, func(at time.Time) time.Duration { return at.Sub(began) })
	return s, p
}

func TestConditions(t *testing.T) {
	s, p := scene(t)
	for text, want := range map[string]bool{
		"phone 201 at home": true, "phone 202 at home": false, "every phone at home": false,
		"any phone at backup": true, "no phone at both": true, "phone 203 at neither": true,
		"every phone but 203 served": true, "every phone served": false,
		"every yealink phone served": true, "any tls phone served": false, "no snom phone at backup": true,
		"phone 203 refused by backup": true, "any phone refused at both": true, "phone 202 refused at both": false,
		"phone 203 ignored its trigger": true, "phone 202 told to move": true, "phone 201 told to move": false,
		"phone 201 came home because reg-event NOTIFY": true, "phone 201 came home because refused": false,
		"phone 202 is going-home at backup": true, "phone 202 is guest at backup": false, "phone 201 is no-guest at backup": true,
		"phone 201 is no-guest at home": false, // the home has not answered
		"backup sees home in SERVING":   true, "backup sees home in SYNCED or COLD": false, "backup sees home in SYNCED or SERVING": true,
		"backup has 1 guests": true, "backup has no guests": false, "backup uses no licence": true, "backup uses 3 licences": false,
		"backup is ready for home": false, "backup is not ready for home": true, "backup misses service": true, "backup is up": true, "home is up": false,
		"line is down at backup": true, "line is up at backup": false, "line is in-sync at backup": false, "line is down at home": false,
		"alarm failover at backup": true, "no alarm failover at backup": false, "no alarm cold at backup": true, "alarm cold at backup": false,
		"event failover-began at backup": true, "event failover-ended at backup": false,
		"phone 201 at home and phone 202 at backup": true, "phone 201 at home and phone 202 at home": false,
	} {
		condition, err := s.parseCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, is := condition.Holds(p, 0)
		if got != want {
			t.Errorf("%s: %v, want %v (%s)", text, got, want, is)
		}
		if is == "" {
			t.Errorf("%s: says nothing", text)
		}
	}
}

// What happened before the last fault does not count.
func TestConditionsForgetOldEvents(t *testing.T) {
	s, p := scene(t)
	for _, text := range []string{
		"phone 203 refused by backup", "any phone refused at both", "phone 203 ignored its trigger",
		"event failover-began at backup", "phone 201 came home because reg-event NOTIFY",
	} {
		condition, err := s.parseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		if holds, is := condition.Holds(p, 7*time.Minute); holds {
			t.Errorf("%s still holds: %s", text, is)
		}
	}
}

// FB5: a refusal at the backup is the trigger, one at home may follow; refused
// at both means that the backup then refuses again.
func TestFB5_RefusedAtBothNeedsTheBackupLast(t *testing.T) {
	s, p := scene(t)
	condition, err := s.parseCondition("phone 201 refused at both")
	if err != nil {
		t.Fatal(err)
	}
	p.Report(phone.Report{Phone: "201", Event: phone.Refused, Server: Backup}, time.Minute)
	p.Report(phone.Report{Phone: "201", Event: phone.Refused, Server: Home}, time.Minute)
	if holds, _ := condition.Holds(p, 0); holds {
		t.Fatal("trigger and refusal at home count as refused at both")
	}
	p.Report(phone.Report{Phone: "201", Event: phone.Registered, Server: Backup}, time.Minute)
	p.Report(phone.Report{Phone: "201", Event: phone.Refused, Server: Backup}, time.Minute)
	if holds, _ := condition.Holds(p, 0); holds {
		t.Fatal("a registration between does not count")
	}
	p.Report(phone.Report{Phone: "201", Event: phone.Refused, Server: Home}, time.Minute)
	p.Report(phone.Report{Phone: "201", Event: phone.Refused, Server: Backup}, time.Minute)
	if holds, _ := condition.Holds(p, 0); !holds {
		t.Fatal("not noticed")
	}
}

func TestDualPhoneStaysAtBoth(t *testing.T) {
	s := readText(t, "scenario: a\nsays: b\nphones: [{profile: grandstream-dual, transport: udp}]\nsteps: [kill home]\n")
	p := newPicture(s, systemNames())
	p.Report(phone.Report{Phone: "201", Event: phone.Registered, Server: Home}, 0)
	p.Report(phone.Report{Phone: "201", Event: phone.Registered, Server: Backup}, 0)
	if view := p.Phones[0]; !view.is(both) || !view.is(Home) || view.is(Backup) {
		t.Fatalf("%+v", view.At)
	}
	p.Report(phone.Report{Phone: "201", Event: phone.Rebooted}, 0)
	if !p.Phones[0].is("") {
		t.Fatal("still somewhere after a reboot")
	}
}
