package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// kamailioModules is where Debian's packages put them.
const kamailioModules = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"

// rival is Kamailio, or why it is not measured.
type rival struct {
	*process
	missing string // "" where it runs
	noTLS   string // why it is not measured over TLS
	version string
}

// kamailioProgram is where it is installed, "" if nowhere. Debian's /usr/sbin is not
// on everybody's path.
func kamailioProgram() string {
	for _, name := range []string{"kamailio", "/usr/sbin/kamailio"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	return ""
}

// startKamailio starts it if it is installed.
func (b *bench) startKamailio(ctx context.Context) (rival, error) {
	if b.alone {
		return rival{missing: "Kamailio was left out"}, nil
	}
	program := kamailioProgram()
	if program == "" {
		return rival{missing: "Kamailio is not installed (apt-get install kamailio kamailio-tls-modules): not compared"}, nil
	}
	var r rival
	if said, err := exec.CommandContext(ctx, program, "-v").Output(); err == nil {
		r.version, _, _ = strings.Cut(strings.TrimPrefix(string(said), "version: "), "\n")
	}
	if _, err := os.Stat(kamailioModules + "tls.so"); err != nil {
		r.noTLS = "kamailio-tls-modules is not installed: not compared over TLS"
	}
	config, err := b.writeKamailio(r.noTLS == "")
	if err != nil {
		return r, err
	}
	r.process, err = b.start("kamailio", b.cores.server, program,
		"-DD", "-E", "-x", "fm", "-X", "fm", "-m", "512", "-M", "16", "-f", config)
	if err != nil {
		return r, err
	}
	err = r.until(ctx, upWithin, "listened", answersTCP(b.target("kamailio", "tcp").String()))
	if err != nil {
		r.stop()
	}
	return r, err
}

func (b *bench) writeKamailio(withTLS bool) (string, error) {
	at := b.address("kamailio").String()
	text := strings.NewReplacer("ADDRESS", at, "DOMAIN", domain, "FIRST", fmt.Sprint(firstNumber),
		"END", fmt.Sprint(firstNumber+b.users), "FOLDER", b.folder).Replace(kamailioConfig)
	if withTLS {
		text = strings.Replace(text, "#!KAMAILIO\n", "#!KAMAILIO\n#!define WITH_TLS\n", 1)
	}
	path := b.path("kamailio.cfg")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// kamailioConfig does what roost does for a REGISTER and nothing more: digest with
// HA1 at hand and qop auth, one contact a phone, the location in memory only. A call it
// lets through as a record-routing proxy does.
const kamailioConfig = `#!KAMAILIO
debug=1
log_stderror=yes
memdbg=5
memlog=5
children=4
tcp_children=4
auto_aliases=no
dns=no
rev_dns=no
dns_cache_init=off
use_dns_failover=off
max_while_loops=2000000
tcp_max_connections=20000
tcp_connection_lifetime=3605
server_signature=no
listen=udp:ADDRESS:5060
listen=tcp:ADDRESS:5060
#!ifdef WITH_TLS
enable_tls=yes
tls_max_connections=20000
listen=tls:ADDRESS:5061
#!endif
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "htable.so"
#!ifdef WITH_TLS
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "FOLDER/kamailio.crt")
modparam("tls", "private_key", "FOLDER/kamailio.key")
modparam("tls", "verify_certificate", 0)
modparam("tls", "require_certificate", 0)
#!endif
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "hash_size", 17)
modparam("usrloc", "timer_interval", 60)
modparam("registrar", "default_expires", 180)
modparam("registrar", "max_expires", 180)
modparam("registrar", "max_contacts", 1)
modparam("auth", "nonce_expire", 3600)
modparam("auth", "qop", "auth")
modparam("htable", "htable", "ha1=>size=17;autoexpire=0;")

event_route[htable:mod-init] {
	$var(i) = FIRST;
	while ($var(i) < END) {
		$var(text) = "" + $var(i) + ":DOMAIN:secret" + $var(i);
		$sht(ha1=>$var(i)) = $(var(text){s.md5});
		$var(i) = $var(i) + 1;
	}
}

request_route {
	if (has_totag()) {
		if (loose_route()) {
			t_relay();
		} else if (is_method("ACK") && t_check_trans()) {
			t_relay();
		}
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) { t_relay(); }
		exit;
	}
	if (!is_method("REGISTER|INVITE")) {
		sl_send_reply("405", "Method Not Allowed");
		exit;
	}
	if (!has_credentials("DOMAIN")) {
		www_challenge("DOMAIN", "1");
		exit;
	}
	if (!pv_www_authenticate("DOMAIN", "$sht(ha1=>$au)", "1")) {
		www_challenge("DOMAIN", "1");
		exit;
	}
	if (is_method("INVITE")) {
		if ($au != $fU) {
			sl_send_reply("403", "Forbidden");
			exit;
		}
		if (!lookup("location")) {
			sl_send_reply("404", "Not Found");
			exit;
		}
		remove_hf("Authorization");
		record_route();
		t_relay();
		exit;
	}
	if ($au != $tU) {
		sl_send_reply("403", "Forbidden");
		exit;
	}
	save("location", "0x04");
}
`

// kamailioAs says how it was set up, for the report.
func kamailioAs(r rival) string {
	if r.missing != "" {
		return r.missing
	}
	said := fmt.Sprintf("Kamailio: %s; -x fm -X fm -m 512 -M 16, children=4, tcp_children=4, usrloc in memory only "+
		"(db_mode 0, hash_size 17), pv_www_authenticate with HA1 out of an htable, qop auth, nonce_expire 3600, save() with max_contacts 1, no log", r.version)
	if r.noTLS != "" {
		said += "; " + r.noTLS
	}
	return said
}

// settle lets a server that was just started come to rest.
func settle(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}
