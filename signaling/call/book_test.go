package call

import (
	"strings"
	"time"

	"roost/registrar"
)

// book is a router over a table.
type book struct {
	routes map[string]Route
	// prefixes are tried where no number fits as a whole.
	prefixes []prefix
}

type prefix struct {
	digits string
	route  Route
}

func newBook() *book { return &book{routes: map[string]Route{}} }

func (b *book) Route(q Query) Route {
	if r, ok := b.routes[q.To]; ok {
		return r
	}
	for _, p := range b.prefixes {
		if strings.HasPrefix(q.To, p.digits) {
			r := p.route
			r.Number = registrar.Number(q.To)
			return r
		}
	}
	return Route{}
}

func (b *book) Number(uri string) (string, bool) {
	user, host, found := strings.Cut(strings.TrimPrefix(uri, "sip:"), "@")
	return user, !found || host == "london"
}

func (b *book) freed(n registrar.Number, now time.Time) {
	if r, ok := b.routes[string(n)]; ok {
		r.User.IdleSince = now
		b.routes[string(n)] = r
	}
}

// write takes one line of a table in:
//
//	201 [phones=N] [guest] [dnd] [in-calls] [always=N] [busy=N] [noanswer=N] [ring=20s]
//	300 group=all|order|idle members=201,202 [ring=10s] [overflow=N]
//	500 system=paris    0* trunks=t1,t2    112 emergency=t1,t2    900 barred
func (b *book) write(line string) {
	f := strings.Fields(line)
	if len(f) == 0 {
		return
	}
	r := Route{Kind: ToUser, Number: registrar.Number(f[0]), Name: "User " + f[0]}
	phones := 1
	for _, w := range f[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "phones":
			phones = int(value[0] - '0')
		case "group":
			r.Kind, r.Group.Mode = ToGroup, map[string]GroupMode{"all": RingAll, "order": InOrder, "idle": LongestIdle}[value]
		case "members":
			r.Group.Members = strings.Split(value, ",")
		case "overflow":
			r.Group.Overflow = value
		case "system":
			r.Kind, r.Targets = ToSystem, ways(System, value)
		case "trunks":
			r.Kind, r.Targets = ToTrunks, ways(Trunk, value)
		case "emergency":
			r.Kind, r.Targets = ToEmergency, ways(Trunk, value)
		case "barred":
			r.Kind, r.Refuse = Barred, Cause{Status: 403, Phrase: "barred"}
		case "ring":
			d, _ := time.ParseDuration(value)
			r.User.RingFor, r.Group.RingFor = d, d
		default:
			r.set(key, value)
		}
	}
	for i := range phones {
		if r.Kind != ToUser {
			break
		}
		contact := ""
		if phones > 1 {
			contact = "/" + string(rune('1'+i))
		}
		r.Targets = append(r.Targets, Target{Kind: Phone, Number: r.Number, Binding: registrar.Registration{Number: r.Number, Contact: contact}})
	}
	if digits, ok := strings.CutSuffix(f[0], "*"); ok {
		b.prefixes = append(b.prefixes, prefix{digits, r})
		return
	}
	b.routes[f[0]] = r
}

func (r *Route) set(key, value string) {
	switch key {
	case "guest":
		r.Guest = true
	case "dnd":
		r.User.DoNotDisturb = true
	case "in-calls":
		r.User.InCalls = true
	case "always":
		r.User.Always = value
	case "busy":
		r.User.OnBusy = value
	case "noanswer":
		r.User.NoAnswer = value
	default:
		panic("book: " + key)
	}
}

func ways(k PeerKind, names string) (all []Target) {
	for _, n := range strings.Split(names, ",") {
		all = append(all, Target{Kind: k, Name: n})
	}
	return all
}
