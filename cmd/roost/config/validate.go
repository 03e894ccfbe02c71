package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"roost/certs"
	"roost/registrar/directory"
)

// validator judges the values of one file, each by itself and with the others of
// the same file. What concerns several systems is Check's.
type validator struct {
	cfg    *Config
	errs   Errors
	failed map[string]bool // the keys that are known to be wrong
}

// bad notes that the value of a key is wrong, unless that has been told of it, or
// of a key above it.
func (v *validator) bad(key, what, right string) {
	for above := key; above != ""; above = above[:max(0, strings.LastIndexAny(above, ".["))] {
		if v.failed[above] {
			return
		}
	}
	v.failed[key] = true
	v.badLine(v.cfg.Line(key), key+": "+what, right)
}

// sound tells that nothing wrong was found so far at or below the keys.
func (v *validator) sound(keys ...string) bool {
	for failed := range v.failed {
		for _, key := range keys {
			if failed == key || strings.HasPrefix(failed, key+".") || strings.HasPrefix(failed, key+"[") {
				return false
			}
		}
	}
	return true
}

func (v *validator) badLine(line int, what, right string) {
	v.errs = append(v.errs, &Error{File: v.cfg.Path, Line: line, What: what, Right: right})
}

func (v *validator) run() {
	v.system()
	v.certificates()
	v.sip()
	v.media()
	v.network()
	v.resilience()
	v.limits()
	v.profiles()
	v.directory()
	v.groups()
	v.trunks()
	v.emergency()
	v.calls()
}

func (v *validator) system() {
	cfg := v.cfg
	if cfg.System == "" {
		v.bad("system", "is missing", "name this system, as its certificate does")
	} else if err := certs.CheckSystemName(cfg.System); err != nil {
		v.bad("system", err.Error(), "choose a name such as london")
	}
	switch ip, err := netip.ParseAddr(strings.Trim(cfg.Address, "[]")); {
	case cfg.Address == "":
		v.bad("address", "is missing", "give the IP address or host name that phones and other systems are told")
	case !isAddress(cfg.Address):
		v.bad("address", fmt.Sprintf("%q is neither an IP address nor a host name", cfg.Address), "give it without a port")
	case err == nil && (ip.IsUnspecified() || ip.IsMulticast()):
		v.bad("address", fmt.Sprintf("phones cannot be told %s", cfg.Address), "give the address that they reach this system by")
	}
	switch {
	case cfg.Realm == "":
		v.bad("realm", "is missing", "give the SIP domain, the same on all systems, such as example.test")
	case !isAddress(cfg.Realm):
		v.bad("realm", fmt.Sprintf("%q is no domain", cfg.Realm), "give the SIP domain, such as example.test")
	}
	if cfg.LabSpeed != 1 && !cfg.Lab {
		v.bad("lab_speed", "is for labs only", "remove it, or set lab: true on a system that no real phone depends on")
	}
	v.inRange("lab_speed", cfg.LabSpeed, 1, 1000)
}

// certificates wants all three files where anything uses TLS, and the files to
// be there. What is in them is judged by Check and by serve.
func (v *validator) certificates() {
	c := &v.cfg.Certificates
	why := v.needsCertificates()
	for _, file := range []struct {
		key  string
		path *string
	}{{"identity", &c.Identity}, {"key", &c.Key}, {"trusted_root", &c.TrustedRoot}} {
		key := "certificates." + file.key
		if *file.path == "" {
			if why != "" {
				v.bad(key, "is missing, and "+why+" needs it", "name the PEM file; roost certs init makes a set for a lab")
			}
			continue
		}
		*file.path = relativeTo(v.cfg.Path, *file.path)
		if info, err := os.Stat(*file.path); err != nil {
			v.bad(key, *file.path+" cannot be read: "+osReason(err), "name a PEM file, relative to this file; roost certs init makes a set for a lab")
		} else if info.IsDir() {
			v.bad(key, *file.path+" is a directory", "name a PEM file in it")
		}
	}
}

func (v *validator) needsCertificates() string {
	for _, listen := range v.cfg.SIP.Listen {
		if listen.Transport == TLS || listen.Transport == WSS {
			return "sip.listen " + listen.String()
		}
	}
	if len(v.cfg.Network.Lines) > 0 {
		return "the line to " + v.cfg.Network.Lines[0].System
	}
	return ""
}

func (v *validator) sip() {
	s := &v.cfg.SIP
	if len(s.Listen) == 0 {
		v.bad("sip.listen", "is empty: no phone could register", `write ["udp:5060", "tcp:5060", "tls:5061"] or some of these`)
	}
	seen := make(map[Listen]bool)
	for i, listen := range s.Listen {
		key := fmt.Sprintf("sip.listen[%d]", i)
		if seen[listen] {
			v.bad(key, listen.String()+" is given twice", "remove one")
		}
		seen[listen] = true
		v.port(key, listen.Port)
	}
	v.inRange("sip.contacts_per_phone", s.ContactsPerPhone, 1, 10)
	shortest := 30 * time.Second
	if v.cfg.Lab {
		shortest = time.Second
	}
	v.between("sip.expires.min", s.Expires.Min, shortest, time.Hour, "RFC 3261 section 10.3 allows 423 up to an hour only")
	v.between("sip.expires.max", s.Expires.Max, s.Expires.Min.Std(), 24*time.Hour, "it is not less than sip.expires.min")
	if v.sound("sip.expires") {
		v.between("sip.expires.default", s.Expires.Default, s.Expires.Min.Std(), s.Expires.Max.Std(), "it lies between sip.expires.min and max")
	}
	if len(s.Digest) == 0 {
		v.bad("sip.digest", "is empty: no phone could prove itself", "write [SHA-256, MD5] or one of them")
	}
	for i, algorithm := range s.Digest {
		if slices.Contains(s.Digest[:i], algorithm) {
			v.bad(fmt.Sprintf("sip.digest[%d]", i), string(algorithm)+" is given twice", "remove one; the order is the preference")
		}
	}
	v.between("sip.flow_timer", s.FlowTimer, shortest, time.Hour, "RFC 5626 section 4.4.1 suggests 2m")
	v.between("h323.time_to_live", v.cfg.H323.TimeToLive, 10*time.Second, time.Hour, "endpoints repeat their registration 5 s before its end")
	v.between("h323.token_window", v.cfg.H323.Window, 10*time.Second, 24*time.Hour, "endpoints' clocks differ, and a token is good for so long")
	v.inRange("sip.max_message", s.MaxMessage, 4096, 1<<20)
	v.inRange("sip.max_connections", s.MaxConnections, 1, 1_000_000)
	v.inRange("sip.max_connections_per_source", s.MaxConnectionsPerSource, 1, 1_000_000)
	v.inRange("sip.max_handshakes", s.MaxHandshakes, 1, 100_000)
	v.inRange("sip.udp_rate", s.UDPRate, 0, 1_000_000)
}

func (v *validator) media() {
	seen := make(map[Suite]bool)
	for i, suite := range v.cfg.Media.Suites {
		if seen[suite] {
			v.bad(fmt.Sprintf("media.suites[%d]", i), string(suite)+" is given twice", "remove one; the order is the preference")
		}
		seen[suite] = true
	}
	if len(v.cfg.Media.Suites) == 0 && v.cfg.Media.Security != SecurityDisabled {
		v.bad("media.suites", "is empty, but media.security is "+string(v.cfg.Media.Security), "name at least AES_CM_128_HMAC_SHA1_80, or set media.security: disabled")
	}
	v.families("media.relay", v.cfg.Media.Relay)
	v.families("media.advertised", v.cfg.Media.Advertised)
	v.between("media.timeout", v.cfg.Media.Timeout, 5*time.Second, time.Hour, "a call on hold may be silent for long; 1m is usual")
	v.inRange("media.dscp", v.cfg.Media.DSCP, 0, 63)
}

// families wants at most one address of IPv4 and one of IPv6.
func (v *validator) families(key string, addresses []IP) {
	seen := map[bool]IP{}
	for i, a := range addresses {
		six := a.Addr().Is6()
		if before, twice := seen[six]; twice {
			v.bad(fmt.Sprintf("%s[%d]", key, i), fmt.Sprintf("%s and %s are of one family", before, a), "give one IPv4 and one IPv6 address at most")
		}
		if a.Addr().IsUnspecified() {
			v.bad(fmt.Sprintf("%s[%d]", key, i), "phones cannot be told "+a.String(), "give the address that they reach this system by")
		}
		seen[six] = a
	}
}

// directory lets the registrar's directory judge users, extensions and locations.
func (v *validator) directory() {
	for i := range v.cfg.Users {
		if user := &v.cfg.Users[i]; user.LoginCode.HA1 != "" {
			key := fmt.Sprintf("users[%d].login_code", i)
			v.failed[key] = true
			v.badLine(user.Line, key+": a code cannot be given as ha1:", "write the code, ${NAME} or file:PATH")
		}
	}
	for i := range v.cfg.Extensions {
		if extension := &v.cfg.Extensions[i]; extension.Protocol == "" {
			extension.Protocol = ProtocolSIP
		}
	}
	if !v.sound("system", "realm", "network.lines", "profiles") {
		return // the directory would be told what was not meant
	}
	_, problems, err := v.cfg.directory()
	var errs Errors
	switch {
	case errors.As(err, &errs):
		v.errs = append(v.errs, errs...)
	case err != nil:
		v.badLine(1, err.Error(), "")
	default:
		v.errs = append(v.errs, v.cfg.directoryErrors(slices.DeleteFunc(problems, v.follows))...)
	}
}

// follows tells that a problem may only be there because of a value that could
// not be read, and is told already.
func (v *validator) follows(problem directory.Problem) bool {
	if !v.sound(fmt.Sprintf("%s[%d]", problem.List, problem.Index)) || v.failed[string(problem.List)] {
		return true
	}
	return problem.Field == "base_user" && !v.sound("users")
}

func (v *validator) limits() {
	if _, given := v.cfg.lines["licences.phones"]; given || v.cfg.Licences.Phones != 0 {
		v.inRange("licences.phones", v.cfg.Licences.Phones, 1, 1_000_000)
	}
	v.inRange("capacity.phones", v.cfg.Capacity.Phones, 1, 1_000_000)
	if listen := v.cfg.Console.Listen; !listen.IsZero() {
		v.port("console.listen", listen.Port)
	}
}

// port refuses port 0, "any free one", where phones and peers must find it.
func (v *validator) port(key string, port uint16) {
	if port == 0 && !v.cfg.Lab {
		v.bad(key, "port 0 takes any free port, which nobody could find", "give a port from 1 to 65535")
	}
}

func (v *validator) inRange(key string, value, least, most int) {
	if value < least || value > most {
		v.bad(key, fmt.Sprintf("%d is out of range", value), fmt.Sprintf("give a number from %d to %d", least, most))
	}
}

func (v *validator) between(key string, value Duration, least, most time.Duration, why string) {
	if value.Std() < least || value.Std() > most {
		v.bad(key, fmt.Sprintf("%s is out of range", value), fmt.Sprintf("give %s to %s: %s", Duration(least), Duration(most), why))
	}
}
