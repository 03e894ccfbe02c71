package interop

import (
	"fmt"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// sdes is the suite that baresip offers, gcm the one that it takes if it is offered more.
const (
	sdes = "AES_CM_128_HMAC_SHA1_80"
	gcm  = "AEAD_AES_256_GCM"
)

// talk is a call between two baresips, and how roost must carry it.
type talk struct {
	from, to talker
	path     string // where media may be direct
	security [2]string
}

// talks are all ways in which two baresips protect their voice.
func talks() []talk {
	const none = "none"
	return []talk{
		{talker{number: "220"}, talker{number: "230"}, "direct", [2]string{none, none}},
		{talker{number: "221", srtp: "srtp-mand"}, talker{number: "231", srtp: "srtp-mand"}, "direct", [2]string{sdes, sdes}},
		{talker{number: "222", srtp: "srtp"}, talker{number: "232", srtp: "srtp"}, "direct", [2]string{sdes, sdes}},
		{talker{number: "223", tls: true, srtp: "srtp-mand"}, talker{number: "233"}, "anchored", [2]string{sdes, none}},
	}
}

// TestInterop_BaresipTalksToBaresip: baresip calls baresip, with plain RTP and with
// SDES-SRTP, mandatory and optional, over UDP and TLS, direct and anchored. Each hears
// the tone of the other.
func TestInterop_BaresipTalksToBaresip(t *testing.T) {
	t.Parallel()
	for name, direct := range map[string]bool{"direct": true, "anchored": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needTool(t, "baresip")
			baresipTalks(t, direct)
		})
	}
}

func baresipTalks(t *testing.T, direct bool) {
	s := newSite(t)
	host := s.address("london")
	all := talks()
	var numbers []string
	for _, one := range all {
		numbers = append(numbers, one.from.number, one.to.number)
	}
	s.write("london", fmt.Sprintf("lab: true\nmedia: {ports: %s, direct: %v, security: preferred, suites: [%s, %s]}", mediaPorts, direct, gcm, sdes), numbers)
	london := s.serve("london", "--key-log", s.keyLog())
	lo := s.capture()
	desks := map[string]*talking{}
	for i, one := range all {
		for j, k := range []talker{one.from, one.to} {
			k.host, k.hz = host, 400+200*i+1500*j
			desk := startTalker(t, s, k)
			desks[k.number] = desk
			if lo != nil && k.srtp != "" {
				lo.sealed = append(lo.sealed, desk.at)
			}
		}
	}
	london.until(60*time.Second, "all are registered", registered(len(numbers)))
	for _, one := range all {
		desks[one.from.number].dial(one.to.number)
	}
	for _, one := range all {
		from, to := desks[one.from.number], desks[one.to.number]
		to.hears(30*time.Second, from.hz)
		from.hears(30*time.Second, to.hz)
	}
	london.until(5*time.Second, "all talk", func(status api.Status) bool { return status.Calls.Standing == len(all) })
	for _, one := range all {
		one.carried(t, london, direct)
	}
	for _, one := range all {
		desks[one.from.number].command("hangup", "")
	}
	london.until(20*time.Second, "all have hung up", noCalls)
	if lo != nil {
		lo.voice = 60
	}
	lo.judge(t, 10*len(all), london.address)
	t.Run("libsrtp", func(t *testing.T) {
		if !hasLibsrtp() {
			cannot(t, "Debian's python3 has no pylibsrtp; .ci/tools could not install it")
		}
		if lo == nil {
			cannot(t, "capturing on lo needs root")
		}
		for _, one := range all {
			if direct && one.path == "direct" {
				continue
			}
			for i, toCaller := range []bool{true, false} {
				if suite := one.anchored()[i]; suite != "none" {
					lo.opens(t, london.address, desks[one.from.number].talker, desks[one.to.number].talker, suite, toCaller)
				}
			}
		}
	})
}

// carried compares how a system carries the call with how it should.
func (k talk) carried(t *testing.T, by *system, direct bool) {
	t.Helper()
	list, err := by.console.Calls(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	path, security := k.path, k.security
	if !direct {
		path, security = "anchored", k.anchored()
	}
	for _, is := range list.Calls {
		if string(is.From.Number) != k.from.number {
			continue
		}
		if is.Path != path || is.FromSecurity != security[0] || is.ToSecurity != security[1] || string(is.To.Number) != k.to.number {
			t.Errorf("the call is %+v, wanted %s with %q", is, path, security)
		}
		return
	}
	t.Errorf("no call of %s in %+v", k.from.number, list)
}

// noCalls is true where no call stands, and none has left anything behind.
func noCalls(status api.Status) bool {
	return status.Calls.Standing == 0 && status.Calls.PortsUsed == 0
}

// anchored is how a call is protected where roost itself offers SRTP to the callee.
func (k talk) anchored() [2]string {
	security := k.security
	if security[1] == sdes {
		security[1] = gcm
	}
	return security
}
