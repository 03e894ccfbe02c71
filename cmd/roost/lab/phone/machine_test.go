package phone

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Every family registers at home, goes to the backup when the home is gone and
// the backup admits it, and keeps its lease there.
func TestEveryFamilyFailsOver(t *testing.T) {
	for _, profile := range Profiles() {
		for _, transport := range []string{"udp", "tcp"} {
			t.Run(profile+"/"+transport, func(t *testing.T) {
				w := newWorld(t, profile, transport, nil)
				backup := w.servers[1]
				backup.refuse, backup.phrase = 503, "Please failover"
				w.step(PowerOn{})
				w.mustBe("home")
				w.run(10 * time.Minute)
				w.mustBe("home")
				w.kill(0)
				w.run(3 * time.Minute)
				if w.at() == "backup" || len(backup.bound) != 0 {
					t.Fatal("registered at the backup although refused")
				}
				backup.refuse = 0
				w.run(4 * time.Minute)
				w.mustBe("backup")
				w.run(time.Hour)
				w.mustBe("backup")
				if got := w.last(Registered); got.Server != "backup" {
					t.Fatalf("last registration %+v", got)
				}
			})
		}
	}
}

// How each family comes back by itself once the home answers again (FB10).
func TestEveryFamilyReturnsByItself(t *testing.T) {
	for _, profile := range Profiles() {
		t.Run(profile, func(t *testing.T) {
			w := atBackup(t, profile, nil)
			w.servers[0].down = false
			w.run(9 * time.Minute)
			w.mustBe("home")
		})
	}
}

// Provisioned to wait for the server, no phone leaves the backup by itself.
func TestReturnsByServerStays(t *testing.T) {
	for _, profile := range []string{"avaya-j100", "yealink", "poly", "cisco", "snom"} {
		t.Run(profile, func(t *testing.T) {
			w := atBackup(t, profile, func(s *Spec) { s.Returns = ByServer })
			w.servers[0].down = false
			before := w.servers[0].registers
			w.run(2 * time.Hour)
			w.mustBe("backup")
			if w.servers[0].registers != before {
				t.Fatal("it registered at home meanwhile")
			}
		})
	}
}

// FB4: the triggers that families react to.
func TestFB4_RefusalAtRefreshSendsHome(t *testing.T) {
	for _, profile := range []string{"avaya-j100", "yealink", "poly", "cisco", "snom"} {
		t.Run(profile, func(t *testing.T) {
			w := atBackup(t, profile, func(s *Spec) { s.Returns = ByServer })
			w.servers[0].down = false
			w.servers[1].refuse, w.servers[1].phrase = 503, "Please failover"
			if profile == "avaya-j100" { // FO1: no answer
				w.servers[1].refuse, w.servers[1].silent = 0, true
			}
			w.run(6 * time.Minute)
			w.mustBe("home")
			if why := w.last(Registered).Why; why != whyRefused && why != whyNoAnswer {
				t.Fatalf("came home because %q", why)
			}
		})
	}
}

func TestFB4_NotifySendsHome(t *testing.T) {
	w := atBackup(t, "avaya-j100", func(s *Spec) { s.Returns = ByServer })
	w.servers[0].down = false
	w.step(Received{1, w.servers[1].notifyDeactivated(w.servers[1].bound["201"])})
	w.run(time.Second)
	w.mustBe("home")
	if got := w.last(Registered); got.Why != whyNotify {
		t.Fatalf("came home because %q, want %q", got.Why, whyNotify)
	}
	if len(w.answers) != 1 || w.answers[0].Status != 200 {
		t.Fatalf("the NOTIFY was answered %+v", w.answers)
	}
}

// A NOTIFY about another contact, or out of any subscription, moves nobody.
func TestNotifyOfAnotherContactIsIgnored(t *testing.T) {
	w := atBackup(t, "avaya-j100", func(s *Spec) { s.Returns = ByServer })
	w.servers[0].down = false
	w.step(Received{1, w.servers[1].notifyDeactivated("sip:201@127.0.0.99:5070")})
	stranger := w.servers[1].notifyDeactivated(w.servers[1].bound["201"])
	for i := range stranger.Fields {
		if stranger.Fields[i].Name == "Call-ID" {
			stranger.Fields[i].Value = "stranger"
		}
	}
	w.step(Received{1, stranger})
	w.run(time.Second)
	w.mustBe("backup")
	if len(w.answers) != 2 || w.answers[0].Status != 200 || w.answers[1].Status != 481 {
		t.Fatalf("answers %+v", w.answers)
	}
}

func TestFB4_ClosedFlowSendsHome(t *testing.T) {
	for _, profile := range []string{"avaya-j100", "yealink", "snom"} {
		w := newWorld(t, profile, "tcp", func(s *Spec) { s.Returns = ByServer })
		w.step(PowerOn{})
		w.kill(0)
		w.run(5 * time.Minute)
		w.mustBe("backup")
		w.servers[0].down = false
		w.run(6 * time.Minute) // past the dirty-host cache
		w.step(LinkDown{1, "closed by the server"})
		w.run(time.Minute)
		w.mustBe("home")
	}
}

// Deaf to every trigger it stays, and its lease is kept as soon as the backup
// takes it again (FB5).
func TestDeafPhoneStays(t *testing.T) {
	w := atBackup(t, "avaya-j100", nil)
	w.servers[0].down = false
	w.step(SetDeaf{true})
	w.step(Received{1, w.servers[1].notifyDeactivated(w.servers[1].bound["201"])})
	w.servers[1].refuse = 503
	w.run(50 * time.Second)
	w.servers[1].refuse = 0
	w.run(time.Hour)
	w.mustBe("backup")
	w.last(Ignored)
	w.step(SetDeaf{false})
	w.run(2 * time.Minute)
	w.mustBe("home")
}

// A phone in a call is not taken away by its own probes.
func TestBusyPhoneDoesNotReturn(t *testing.T) {
	w := atBackup(t, "avaya-j100", nil)
	w.step(SetBusy{true})
	w.servers[0].down = false
	w.run(time.Hour)
	w.mustBe("backup")
	w.step(SetBusy{false})
	w.run(2 * time.Minute)
	w.mustBe("home")
}

// FO9: Cisco's poll goes to both servers, and binds at neither.
func TestFO9_CiscoPollsBoth(t *testing.T) {
	w := newWorld(t, "cisco", "tcp", nil)
	w.step(PowerOn{})
	w.run(10 * time.Minute)
	if w.servers[0].polls < 15 || w.servers[1].polls < 15 {
		t.Fatalf("%d and %d polls in ten minutes", w.servers[0].polls, w.servers[1].polls)
	}
	if w.servers[1].registers != 0 {
		t.Fatal("a poll was counted as a registration")
	}
}

// The trap of notes/phones.md: 503 with Retry-After parks a Cisco.
func TestRetryAfterParksCisco(t *testing.T) {
	w := newWorld(t, "cisco", "udp", nil)
	w.servers[0].refuse, w.servers[0].retryAfter = 503, "600 (maintenance)"
	w.step(PowerOn{})
	w.run(9 * time.Minute)
	w.mustBe("")
	w.last(Waits)
	w.servers[0].refuse = 0
	w.run(2 * time.Minute)
	w.mustBe("home")
}

// Snom moves on its magic phrase only.
func TestSnomWaitsForItsPhrase(t *testing.T) {
	w := newWorld(t, "snom", "udp", nil)
	w.servers[0].refuse, w.servers[0].phrase = 503, "Service Unavailable"
	w.step(PowerOn{})
	w.run(5 * time.Minute)
	w.mustBe("")
	w.servers[0].phrase = "please failover"
	w.run(time.Minute)
	w.mustBe("backup")
}

func TestDualRegistersAtBoth(t *testing.T) {
	w := newWorld(t, "grandstream-dual", "udp", nil)
	w.step(PowerOn{})
	w.run(time.Second)
	if len(w.servers[0].bound) != 1 || len(w.servers[1].bound) != 1 {
		t.Fatalf("bound at home %v, at the backup %v", w.servers[0].bound, w.servers[1].bound)
	}
}

func TestWrongPasswordGivesUpThenTriesLater(t *testing.T) {
	w := newWorld(t, "yealink", "udp", func(s *Spec) { s.Password = "wrong" })
	w.step(PowerOn{})
	w.run(time.Minute)
	w.mustBe("")
	if got := w.last(Refused); got.Code != 401 {
		t.Fatalf("refused with %d", got.Code)
	}
	if sent := w.phone.Counts().Sent; sent > 20 {
		t.Fatalf("%d requests in a minute: it hammers", sent)
	}
}

func TestSHA256AndIntervalTooBrief(t *testing.T) {
	w := newWorld(t, "snom", "udp", nil)
	w.servers[0].algorithm, w.servers[0].minExpires = "SHA-256", 240
	w.step(PowerOn{})
	w.mustBe("home")
}

// RFC 3261 17.1.2.2: T1, 2·T1 … T2, until the family's patience ends.
func TestRetransmissionLadder(t *testing.T) {
	w := newWorld(t, "snom", "udp", nil)
	w.servers[0].silent = true
	w.step(PowerOn{})
	w.run(31 * time.Second) // at 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5 s
	if got := w.phone.Counts(); got.Sent != 1 || got.Retransmitted != 9 {
		t.Fatalf("%+v, want 1 sent and 9 retransmissions", got)
	}
	w.run(2 * time.Second)
	w.mustBe("backup")
	if got := w.last(Unanswered); got.Server != "home" {
		t.Fatalf("%+v", got)
	}
}

func TestRebootRegistersFromTheTop(t *testing.T) {
	w := atBackup(t, "yealink", func(s *Spec) { s.Returns = ByServer })
	w.servers[0].down = false
	w.step(Reboot{})
	w.mustBe("")
	w.run(time.Minute)
	w.mustBe("home")
	if why := w.last(Registered).Why; why != "power on" {
		t.Fatalf("registered because %q", why)
	}
}

func TestUnregister(t *testing.T) {
	w := newWorld(t, "poly", "udp", nil)
	w.step(PowerOn{})
	w.step(Unregister{})
	w.run(time.Hour)
	w.mustBe("")
	if len(w.servers[0].bound) != 0 {
		t.Fatalf("still bound: %v", w.servers[0].bound)
	}
}

func TestAnswersRequests(t *testing.T) {
	w := newWorld(t, "poly", "udp", nil)
	w.step(PowerOn{})
	for _, method := range []string{"OPTIONS", "INVITE", "ACK", "PUBLISH", "BYE"} {
		w.step(Received{0, parsed(t, method+" sip:201@127.0.0.9 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nf: <sip:a@b>;tag=1\r\nt: <sip:201@b>\r\ni: c\r\nCSeq: 1 "+method+"\r\n\r\n")})
	}
	var statuses []int
	for _, answer := range w.answers {
		statuses = append(statuses, answer.Status)
	}
	if !slices.Equal(statuses, []int{200, 486, 501, 481}) { // this phone has no media for a call
		t.Fatalf("answers %v", statuses)
	}
	if !strings.Contains(w.answers[0].Get("To"), "tag=") || w.answers[0].Get("Via") == "" {
		t.Fatalf("OPTIONS answered without To tag or Via: %+v", w.answers[0])
	}
}

// atBackup brings a phone to the backup, its home being down.
func atBackup(t *testing.T, profile string, change func(*Spec)) *world {
	t.Helper()
	w := newWorld(t, profile, "udp", change)
	w.step(PowerOn{})
	w.mustBe("home")
	w.kill(0)
	w.run(6 * time.Minute)
	w.mustBe("backup")
	return w
}

func parsed(t *testing.T, text string) *Message {
	t.Helper()
	message, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return message
}
