package interop

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"roost/cmd/roost/console/api"
)

// kamailioCarrier is a carrier: it registers its customers by digest with SHA-256, asks
// for credentials for each call, and passes calls from one customer to another with
// record-routing.
const kamailioCarrier = `#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
alias="carrier.test"
listen=udp:ADDRESS:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "xlog.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 120)
modparam("auth", "algorithm", "SHA-256")
modparam("auth", "qop", "auth")

request_route {
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("carrier.test", "geheim", "0")) {
			www_challenge("carrier.test", "1");
			exit;
		}
		xlog("L_WARN", "carrier: REGISTER of $tU for $hdr(Expires)\n");
		save("location");
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) t_relay();
		exit;
	}
	if (has_totag()) {
		if (loose_route()) {
			xlog("L_WARN", "carrier: $rm within a dialog\n");
			t_relay();
			exit;
		}
		if (is_method("ACK") && t_check_trans()) t_relay();
		exit;
	}
	if (!is_method("INVITE")) {
		exit;
	}
	t_check_trans();
	if (!pv_proxy_authenticate("carrier.test", "geheim", "0")) {
		proxy_challenge("carrier.test", "1");
		exit;
	}
	xlog("L_WARN", "carrier: $au calls $rU as $fU\n");
	consume_credentials();
	record_route();
	if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	t_relay();
}
`

// TestInterop_KamailioIsTheCarrier: two systems that know nothing of each other are
// customers of Kamailio. They register with it, phones of theirs call each other over it,
// with each other's voice, and at the end the registrations are taken back.
func TestInterop_KamailioIsTheCarrier(t *testing.T) {
	t.Parallel()
	needTool(t, "kamailio")
	s := newSite(t)
	carrier := s.net + "13"
	path := s.file("kamailio.cfg", strings.ReplaceAll(kamailioCarrier, "ADDRESS", carrier))
	program, err := exec.LookPath("kamailio")
	if err != nil {
		t.Fatal(err)
	}
	run := s.dir + "/kamailio"
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	kamailio := start(t, s.dir, program, "-f", path, "-DD", "-E", "-m", "32", "-M", "8", "-Y", run)
	t.Cleanup(func() { // its children outlive a kill, and hold its output open
		_ = kamailio.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-kamailio.exited:
		case <-time.After(10 * time.Second):
			t.Error("Kamailio does not end")
		}
	})
	for i, name := range []string{"london", "paris"} {
		account := fmt.Sprintf("49301%d", i)
		s.write(name, fmt.Sprintf(`lab: true
media: {ports: %s}
trunks:
  - name: carrier
    peer: %q
    realm: carrier.test
    register: true
    user: %q
    password: geheim
    caller_id: %q
    out: [{match: "0.", strip: 1}]
    in: [{match: %q, strip: 6, prepend: "230"}]
`, mediaPorts, carrier+":5060", account, account, account), []string{"230", "231"})
	}
	london, paris := s.serve("london"), s.serve("paris")
	for _, one := range []*system{london, paris} {
		one.until(40*time.Second, one.name+" is registered with the carrier", func(st api.Status) bool {
			return len(st.Trunks) == 1 && st.Trunks[0].State == "up" && st.Trunks[0].Registration == "registered"
		})
	}
	called := s.phone("230", paris.address, 1500)
	paris.until(30*time.Second, "230 is registered", registered(1))
	calling := start(t, s.dir, os.Getenv(binaryVariable), "phone", london.address, "--number", "231", "--password", "secret231",
		"--address", s.net+"31", "--tone", "1700", "--call", "0493011", "--talk", "4s")
	if err := calling.wait(60 * time.Second); err != nil {
		t.Errorf("the calling phone did not hear its callee to the end: %v", err)
	}
	until(t, 20*time.Second, "the called phone has told of its call", func() (bool, string) {
		return strings.Contains(called.said(), "heard 1700 Hz"), called.said()
	})
	if !strings.Contains(calling.said(), "heard 1500 Hz") {
		t.Errorf("the calling phone said %s", calling.said())
	}
	for _, want := range []string{"carrier: 493010 calls 493011 as 493010", "carrier: ACK within a dialog", "carrier: BYE within a dialog"} {
		if !strings.Contains(kamailio.said(), want) {
			t.Errorf("Kamailio did not say %q", want)
		}
	}
	if err := paris.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	until(t, 20*time.Second, "the registration was taken back", func() (bool, string) {
		return strings.Contains(kamailio.said(), "REGISTER of 493011 for 0"), kamailio.said()
	})
}
