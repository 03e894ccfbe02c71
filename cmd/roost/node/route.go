package node

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"roost/cmd/roost/config"
	"roost/registrar"
	"roost/signaling/call"
)

// router says what a number is now (call.Router): a user here, at another system or a
// guest, a group, an outside line.
type router struct{ *Node }

// Route implements call.Router.
func (r router) Route(q call.Query) call.Route {
	if q.Peer != call.Trunk && r.isEmergency(q.To) {
		return r.emergency(q)
	}
	number := registrar.Number(q.To)
	if route, ok := r.own(number); ok {
		return route
	}
	if route, ok := r.group(number); ok {
		return route
	}
	if route, ok := r.guest(number); ok {
		return route
	}
	if route, ok := r.elsewhere(number, q.PeerName); ok {
		return route
	}
	if q.Peer == call.Trunk && !q.Forwarded {
		return call.Route{} // nobody outside dials through this system to another outside
	}
	return r.outside(q.To)
}

// own is a user of this system: at its phone here, or where its phone is a guest.
func (r router) own(number registrar.Number) (call.Route, bool) {
	d := r.directory()
	phone := number
	e, isPhone := d.Extension(number)
	u, isUser := d.User(number)
	switch {
	case !isPhone && !isUser:
		return call.Route{}, false
	case !isUser:
		u, _ = d.User(e.BaseUser)
	default:
		if base, ok := d.BaseExtension(number); ok {
			phone = base
		}
	}
	now := time.Now()
	bindings := r.registrar.Lookup(phone, now)
	route := call.Route{Kind: call.ToUser, Number: number, Name: u.Name, User: r.settingsOf(&u, phone)}
	if where := r.away.where(phone); where != "" && len(bindings) == 0 {
		route.Kind = call.ToSystem
		route.User = call.Settings{} // they are held at the backup while the phone is there (GU5)
		route.Targets = []call.Target{{Kind: call.System, Name: where, Number: number}}
		return route, true
	}
	route.Targets = targets(phone, bindings)
	return route, true
}

// targets are a phone's devices.
func targets(phone registrar.Number, bindings []registrar.Registration) []call.Target {
	var list []call.Target
	for _, b := range bindings {
		if b.Protocol == registrar.SIP {
			list = append(list, call.Target{Kind: call.Phone, Number: phone, Binding: b})
		}
	}
	return list
}

// guest is a phone of another system that is registered here.
func (r router) guest(number registrar.Number) (call.Route, bool) {
	bindings := r.registrar.Lookup(number, time.Now())
	if len(bindings) == 0 || !bindings[0].Guest {
		return call.Route{}, false
	}
	route := call.Route{Kind: call.ToUser, Number: number, Guest: true, Targets: targets(number, bindings)}
	if e, ok := r.known.extension(number); ok {
		if u, ok := r.known.user(e.home, e.BaseUser); ok {
			route.Name, route.User = u.Name, r.settingsOf(&u.User, number)
		}
	}
	return route, true
}

// elsewhere is a number of another system: where its phone is a guest, else its home.
// Without a line to it, the call goes by way of those that there are lines to; whom it
// came from is not among them.
func (r router) elsewhere(number registrar.Number, from string) (call.Route, bool) {
	name, hosts := r.known.places(number)
	if len(hosts) == 0 {
		return call.Route{}, false
	}
	route := call.Route{Kind: call.ToSystem, Number: number, Name: name}
	add := func(system string) {
		if system != from && system != r.name && r.lineTo(system) != nil {
			route.Targets = append(route.Targets, call.Target{Kind: call.System, Name: system, Number: number})
		}
	}
	for _, host := range hosts {
		add(host)
	}
	if len(route.Targets) == 0 {
		for _, line := range r.config().Network.Lines {
			add(line.System)
		}
	}
	return route, true
}

func (r router) group(number registrar.Number) (call.Route, bool) {
	groups := r.config().Groups
	i := slices.IndexFunc(groups, func(g config.Group) bool { return g.Number == string(number) })
	if i < 0 {
		return call.Route{}, false
	}
	g := &groups[i]
	made := call.Group{Members: g.Members, RingFor: g.Timeout.Std(), Mode: call.RingAll}
	switch g.Ring {
	case config.RingInOrder:
		made.Mode = call.InOrder
	case config.RingLongestIdle:
		made.Mode = call.LongestIdle
	}
	return call.Route{Kind: call.ToGroup, Number: number, Name: g.Name, Group: made}, true
}

// Number implements call.Router.
func (r router) Number(uri string) (string, bool) {
	scheme, rest, found := strings.Cut(uri, ":")
	if !found {
		return uri, uri != ""
	}
	switch strings.ToLower(scheme) {
	case "tel":
		number, _, _ := strings.Cut(rest, ";")
		return strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(number), number != ""
	case "sip", "sips":
	default:
		return "", false
	}
	user, _, found := strings.Cut(rest, "@")
	if !found {
		return "", false
	}
	user, _, _ = strings.Cut(user, ";")
	user, _, _ = strings.Cut(user, ":")
	number, err := url.PathUnescape(user)
	host, ok := hostOf(uri)
	return number, err == nil && ok && number != "" && r.ours(host)
}

// ours: the host of a URI is this network's.
func (r router) ours(host string) bool {
	c := r.config()
	if strings.EqualFold(host, c.Realm) || strings.EqualFold(host, strings.Trim(c.Address, "[]")) {
		return true
	}
	return slices.ContainsFunc(c.Network.Lines, func(l config.Line) bool { return strings.EqualFold(l.Address.Host, host) })
}

// hostOf is the host of a SIP URI, without port and brackets.
func hostOf(uri string) (string, bool) {
	_, rest, found := strings.Cut(uri, ":")
	if !found {
		return "", false
	}
	if i := strings.IndexAny(rest, "?"); i >= 0 {
		rest = rest[:i]
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	rest, _, _ = strings.Cut(rest, ";")
	if ap, err := netip.ParseAddrPort(rest); err == nil {
		return ap.Addr().String(), true
	}
	if strings.HasPrefix(rest, "[") {
		return strings.Trim(rest, "[]"), true
	}
	host, _, _ := strings.Cut(rest, ":")
	return host, host != ""
}

// groupNumbers are the numbers of this system that others are told besides its users and
// phones.
func groupNumbers(c *config.Config) map[registrar.Number]string {
	numbers := make(map[registrar.Number]string, len(c.Groups))
	for i := range c.Groups {
		numbers[registrar.Number(c.Groups[i].Number)] = c.Groups[i].Name
	}
	return numbers
}
