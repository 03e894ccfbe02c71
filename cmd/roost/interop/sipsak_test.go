package interop

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// TestInterop_Sipsak lets sipsak ask with OPTIONS, register and un-register, over UDP
// and TCP. It leaves at a challenge that begins with SHA-256, so the system gives MD5.
func TestInterop_Sipsak(t *testing.T) {
	t.Parallel()
	needTool(t, "sipsak")
	s := newSite(t)
	s.write("london", "", []string{"201", "202"})
	london := s.serve("london")
	lo := s.capture()
	target := "@" + london.address

	// register gives sipsak's exit status and what it said. Without -u it takes "201@"
	// for the user's name.
	register := func(transport, number, password, contact, expires string) (int, string) {
		return sipsak(t, s, "-E", transport, "-i", "-U", "-C", contact, "-s", "sip:"+number+target, "-u", number, "-a", password, "-x", expires)
	}
	for transport, number := range map[string]string{"udp": "201", "tcp": "202"} {
		if status, said := sipsak(t, s, "-E", transport, "-vv", "-s", "sip:"+london.address+":5060"); status != 0 || !strings.Contains(said, "SIP/2.0 200 OK") {
			t.Errorf("OPTIONS over %s: status %d\n%s", transport, status, said)
		}
		contact := "sip:" + number + "@" + s.net + "50:7777"
		if status, said := register(transport, number, "wrong", contact, "60"); status == 0 {
			t.Errorf("REGISTER over %s with a wrong password: status 0\n%s", transport, said)
		}
		if registered := london.registrations(); len(registered) != 0 {
			t.Errorf("a wrong password registered %+v", registered)
		}
		if status, said := register(transport, number, "secret"+number, contact, "60"); status != 0 {
			t.Errorf("REGISTER over %s: status %d\n%s", transport, status, said)
		}
		// sipsak ends with its connection, and a binding dies with its flow.
		if transport == "udp" {
			one := london.registrations()
			if len(one) != 1 || one[0].Number != number || one[0].Contact != contact {
				t.Errorf("registered over udp: %+v", one)
			}
			if status, said := register(transport, number, "secret"+number, "*", "0"); status != 0 {
				t.Errorf("un-REGISTER: status %d\n%s", status, said)
			}
		}
		london.until(5*time.Second, "nobody is registered", func(status api.Status) bool { return status.Phones.Registered == 0 })
	}
	london.until(5*time.Second, "both had registered", func(status api.Status) bool { return status.Counters["sip_registered"] == 2 })
	lo.judge(t, 12, london.address)
}

// sipsak runs it to its end.
func sipsak(t *testing.T, s *site, args ...string) (status int, said string) {
	t.Helper()
	p := start(t, s.dir, "sipsak", args...)
	err := p.wait(20 * time.Second)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("sipsak: %v", err)
	}
	return p.cmd.ProcessState.ExitCode(), p.said()
}
