package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The ends of what is taken.
const (
	maxGroups       = 10_000
	maxMembers      = 64
	maxTrunks       = 100
	maxTranslations = 500
	maxEmergency    = 50
)

func (v *validator) tooMany(key string, is, most int) bool {
	if is > most {
		v.bad(key, fmt.Sprintf("has %d entries", is), fmt.Sprintf("%d are allowed", most))
	}
	return is > most
}

func (v *validator) groups() {
	if v.tooMany("groups", len(v.cfg.Groups), maxGroups) {
		return
	}
	taken := map[string]string{}
	for _, u := range v.cfg.Users {
		taken[u.Number] = fmt.Sprintf("user %s on line %d", u.Number, u.Line)
	}
	for _, e := range v.cfg.Extensions {
		taken[e.Number] = fmt.Sprintf("extension %s on line %d", e.Number, e.Line)
	}
	for i := range v.cfg.Groups {
		g, key := &v.cfg.Groups[i], fmt.Sprintf("groups[%d]", i)
		switch other, twice := taken[g.Number]; {
		case !isNumber(g.Number):
			v.bad(key+".number", fmt.Sprintf("%q is no number", g.Number), `write it in quotes, such as "300"`)
		case twice:
			v.bad(key+".number", fmt.Sprintf("%s is also the number of %s (rule NE3)", g.Number, other), "give the group another number")
		default:
			taken[g.Number] = fmt.Sprintf("group %s on line %d", g.Number, g.Line)
		}
		v.group(g, key)
	}
}

func (v *validator) group(g *Group, key string) {
	if g.Ring == "" {
		g.Ring = RingAll
	}
	if len(g.Name) > 128 {
		v.bad(key+".name", fmt.Sprintf("it has %d bytes", len(g.Name)), "128 are allowed")
	}
	if g.Timeout == 0 && v.cfg.lines[key+".timeout"] == 0 {
		g.Timeout = Duration(20 * time.Second)
	}
	v.between(key+".timeout", g.Timeout, time.Second, 10*time.Minute, "20s is usual")
	if len(g.Members) == 0 {
		v.bad(key+".members", "is missing: nobody would ring", "list numbers, of this or other systems")
	}
	if v.tooMany(key+".members", len(g.Members), maxMembers) {
		return
	}
	for j, m := range g.Members {
		member := fmt.Sprintf("%s.members[%d]", key, j)
		switch {
		case !isNumber(m):
			v.bad(member, fmt.Sprintf("%q is no number", m), `write it in quotes, such as "201"`)
		case m == g.Number:
			v.bad(member, "the group is a member of itself", "remove it")
		case slices.Contains(g.Members[:j], m):
			v.bad(member, m+" is given twice", "remove one")
		}
	}
}

func (v *validator) trunks() {
	if v.tooMany("trunks", len(v.cfg.Trunks), maxTrunks) {
		return
	}
	seen := map[string]bool{}
	for i := range v.cfg.Trunks {
		t, key := &v.cfg.Trunks[i], fmt.Sprintf("trunks[%d]", i)
		switch {
		case t.Name == "" || len(t.Name) > 64 || strings.ContainsFunc(t.Name, isControl):
			v.bad(key+".name", "a name of up to 64 bytes is needed", "name the trunk, such as carrier")
		case seen[t.Name]:
			v.bad(key+".name", t.Name+" is given twice", "give each trunk a name of its own")
		}
		seen[t.Name] = true
		v.trunk(t, key)
	}
}

func (v *validator) trunk(t *Trunk, key string) {
	if t.Transport == "" {
		t.Transport = UDP
	}
	if t.Transport == WS || t.Transport == WSS {
		v.bad(key+".transport", string(t.Transport)+" is for browsers, and no trunk speaks it", "write udp, tcp or tls")
	}
	if t.Expires == 0 && v.cfg.lines[key+".expires"] == 0 {
		t.Expires = Duration(10 * time.Minute)
	}
	v.between(key+".expires", t.Expires, time.Minute, 24*time.Hour, "10m is usual")
	switch {
	case t.Peer.Host == "":
		v.bad(key+".peer", "is missing", "give the host, or host:port, that calls go to")
	case t.SRV && (t.Peer.Port != 0 || isIP(t.Peer.Host)):
		v.bad(key+".srv", t.Peer.String()+" has an address or port of its own, so there is nothing to look up", "give a domain without port as peer, or remove srv")
	}
	if t.Register && t.User == "" {
		v.bad(key+".user", "is missing, and register: true needs it", "give the user that the carrier gave you")
	}
	if t.User == "" && !t.Password.IsZero() {
		v.bad(key+".user", "is missing, but there is a password", "give the user that the carrier gave you")
	}
	if t.Password.HA1 != "" {
		v.bad(key+".password", "is a digest HA1, which is good for one realm and algorithm only", "give the password itself, by file:PATH or ${NAME} if it must not stand here")
	}
	if t.Realm != "" && !isAddress(t.Realm) {
		v.bad(key+".realm", fmt.Sprintf("%q is no domain", t.Realm), "give the carrier's SIP domain, or leave the key out")
	}
	if t.CallerID != "" && !isNumber(t.CallerID) {
		v.bad(key+".caller_id", fmt.Sprintf("%q is no number", t.CallerID), "give a number in quotes")
	}
	v.translations(key+".out", t.Out)
	v.translations(key+".in", t.In)
}

func (v *validator) translations(key string, list []Translation) {
	if v.tooMany(key, len(list), maxTranslations) {
		return
	}
	for i := range list {
		t, at := &list[i], fmt.Sprintf("%s[%d]", key, i)
		if t.Match == "" {
			v.bad(at+".match", "is missing", `give a pattern, such as "0X."`)
		}
		if least := len(strings.TrimSuffix(string(t.Match), anyRest)); t.Match != "" && (t.Strip < 0 || t.Strip > least) {
			v.bad(at+".strip", fmt.Sprintf("%d characters cannot be taken from every number that matches %s", t.Strip, t.Match), fmt.Sprintf("give 0 to %d", least))
		}
		if t.Prepend != "" && !isNumber(t.Prepend) {
			v.bad(at+".prepend", fmt.Sprintf("%q is no part of a number", t.Prepend), "give digits in quotes")
		}
	}
}

func (v *validator) emergency() {
	e := &v.cfg.Emergency
	if v.tooMany("emergency.numbers", len(e.Numbers), maxEmergency) || v.tooMany("emergency.routes", len(e.Routes), 10*maxEmergency) {
		return
	}
	for i, n := range e.Numbers {
		if !isNumber(n) {
			v.bad(fmt.Sprintf("emergency.numbers[%d]", i), fmt.Sprintf("%q is no number", n), `write it in quotes, such as "112"`)
		}
	}
	anywhere := false
	for i := range e.Routes {
		r, key := &e.Routes[i], fmt.Sprintf("emergency.routes[%d]", i)
		anywhere = anywhere || r.System == "" && r.Location == ""
		v.emergencyRoute(r, key)
	}
	switch {
	case len(e.Numbers) > 0 && !anywhere:
		v.bad("emergency.routes", "has no route for callers of any other location", "add one without system and location, the last")
	case len(e.Numbers) == 0 && len(e.Routes) > 0:
		v.bad("emergency.numbers", "is missing: the routes are for nothing", `list them, such as ["112"]`)
	}
}

func (v *validator) emergencyRoute(r *EmergencyRoute, key string) {
	switch {
	case (r.Trunk == "") == (r.To == ""):
		v.bad(key, "it names a trunk or a number that it goes to, one of the two", "give trunk: or to:")
	case r.Trunk != "" && !slices.ContainsFunc(v.cfg.Trunks, func(t Trunk) bool { return t.Name == r.Trunk }):
		v.bad(key+".trunk", fmt.Sprintf("there is no trunk %q", r.Trunk), "name one of trunks")
	case r.To != "" && !isNumber(r.To):
		v.bad(key+".to", fmt.Sprintf("%q is no number", r.To), "give a number in quotes")
	}
	own := r.System == "" || r.System == v.cfg.System
	if own && r.Location != "" && !slices.ContainsFunc(v.cfg.Locations, func(l Location) bool { return l.Name == r.Location }) {
		v.bad(key+".location", fmt.Sprintf("there is no location %q here", r.Location), "name one of locations, or give the system that has it")
	}
	if r.System != "" && !own && v.cfg.lineTo(r.System) < 0 {
		v.bad(key+".system", fmt.Sprintf("there is no line to %q", r.System), "name a system that a line goes to")
	}
	if r.CallerID != "" && !isNumber(r.CallerID) {
		v.bad(key+".caller_id", fmt.Sprintf("%q is no number", r.CallerID), "give a number in quotes")
	}
}

func (v *validator) calls() {
	c := &v.cfg.Calls
	v.between("calls.ring_timeout", c.RingTimeout, time.Second, 30*time.Minute, "RFC 3261 section 16.6 wants more than 3m of a proxy; 2m is usual")
	v.between("calls.no_answer", c.NoAnswer, time.Second, 10*time.Minute, "20s is usual")
	v.inRange("calls.max", c.Max, 1, 1_000_000)
	v.inRange("calls.per_phone", c.PerPhone, 1, 100)
	v.inRange("calls.log", c.Log, 0, 1000)
	c.Records = relativeTo(v.cfg.Path, c.Records)
	for i := range v.cfg.Users {
		v.forward(&v.cfg.Users[i], fmt.Sprintf("users[%d].forward", i))
	}
}

func (v *validator) forward(u *User, key string) {
	for _, f := range []struct{ name, to string }{
		{"always", u.Forward.Always}, {"busy", u.Forward.Busy}, {"no_answer", u.Forward.NoAnswer},
	} {
		switch {
		case f.to == "":
		case !isNumber(f.to):
			v.badLine(u.Line, fmt.Sprintf("%s.%s: %q is no number", key, f.name, f.to), `write it in quotes, such as "201"`)
		case f.to == u.Number:
			v.badLine(u.Line, fmt.Sprintf("%s.%s: calls are forwarded to the user itself", key, f.name), "give another number")
		}
	}
	if after := u.Forward.After.Std(); after > 10*time.Minute || after != 0 && after < time.Second {
		v.badLine(u.Line, fmt.Sprintf("%s.after: %s is out of range", key, u.Forward.After), "give 1s to 10m, or leave it out")
	}
}
