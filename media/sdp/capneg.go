package sdp

import (
	"strconv"
	"strings"
)

// MaxPotentials bounds the potential configurations of an m-line, alternatives
// multiplied out; the rest is passed over, as the least preferred.
const MaxPotentials = 32

// Potential is one potential configuration of an m-line (RFC 5939 §3.5), one
// alternative of each of its lists.
type Potential struct {
	// Proto in place of the m-line's; empty where it stays.
	Proto string
	// Attrs are added to the m-line's: "crypto:1 …".
	Attrs []string
	// DropMedia: the m-line's own attributes do not hold ("-m").
	DropMedia bool
	// Actual is the value of a=acfg that says that this one was taken.
	Actual string
}

// IsCapNeg tells that an attribute is of capability negotiation.
func IsCapNeg(name string) bool {
	switch name {
	case "tcap", "acap", "pcfg", "acfg", "csup", "creq", "lcfg", "mcap", "mscap", "mfcap", "omcap", "sescap", "rmcap":
		return true
	}
	return false
}

// Potentials gives an m-line's potential configurations, best first. Those that
// cannot be read, that need capabilities we do not know, or refer to ones that are
// not there, are passed over (RFC 5939 §3.6.2).
func (d *Description) Potentials(m *Media) []Potential {
	if !m.Has("pcfg") {
		return nil
	}
	for _, lines := range []Lines{d.Session, m.Lines} {
		for value := range lines.Attrs("creq") {
			for tag := range strings.SplitSeq(value, ",") {
				if strings.TrimSpace(tag) != "cap-v0" {
					return nil
				}
			}
		}
	}
	caps := d.capabilities(m)
	type config struct {
		number int
		rest   []string
	}
	var configs []config
	for value := range m.Attrs("pcfg") {
		f := strings.Fields(value)
		if len(f) == 0 || len(configs) == MaxPotentials {
			continue
		}
		n, err := strconv.ParseUint(f[0], 10, 31)
		if err != nil || n == 0 {
			continue
		}
		at := len(configs) // the lowest number is the most preferred
		for at > 0 && configs[at-1].number > int(n) {
			at--
		}
		configs = append(configs, config{})
		copy(configs[at+1:], configs[at:])
		configs[at] = config{int(n), f[1:]}
	}
	var all []Potential
	for _, c := range configs {
		all = append(all, caps.expand(c.number, c.rest, MaxPotentials-len(all))...)
	}
	return all
}

// capabilities are transports and attributes by their numbers.
type capabilities struct{ transports, attributes map[int]string }

func (d *Description) capabilities(m *Media) capabilities {
	caps := capabilities{map[int]string{}, map[int]string{}}
	for _, lines := range []Lines{d.Session, m.Lines} {
		for value := range lines.Attrs("tcap") {
			f := strings.Fields(value)
			if len(f) < 2 {
				continue
			}
			n, err := strconv.ParseUint(f[0], 10, 31)
			for i, proto := range f[1:] {
				if err == nil && len(caps.transports) < MaxPotentials {
					caps.transports[int(n)+i] = proto
				}
			}
		}
		for value := range lines.Attrs("acap") {
			number, attr, ok := strings.Cut(value, " ")
			n, err := strconv.ParseUint(number, 10, 31)
			if ok && err == nil && len(caps.attributes) < MaxLines {
				caps.attributes[int(n)] = strings.TrimSpace(attr)
			}
		}
	}
	return caps
}

// expand multiplies out the alternatives of "t=1|2" and "a=-m:1,[2]|3".
func (caps capabilities) expand(number int, lists []string, room int) []Potential {
	transports, attributes := []string{""}, []string{""}
	for _, list := range lists {
		kind, value, ok := strings.Cut(strings.TrimPrefix(list, "+"), "=")
		switch {
		case ok && kind == "t":
			transports = strings.Split(value, "|")
		case ok && kind == "a":
			attributes = strings.Split(value, "|")
		case strings.HasPrefix(list, "+"):
			return nil // an extension that must be understood
		}
	}
	var all []Potential
	for _, t := range transports {
		for _, a := range attributes {
			if len(all) >= room {
				return all
			}
			if p, ok := caps.potential(number, t, a); ok {
				all = append(all, p)
			}
		}
	}
	return all
}

func (caps capabilities) potential(number int, t, a string) (Potential, bool) {
	p := Potential{Actual: strconv.Itoa(number)}
	if t != "" {
		n, err := strconv.Atoi(t)
		if p.Proto = caps.transports[n]; err != nil || p.Proto == "" {
			return p, false
		}
		p.Actual += " t=" + t
	}
	if a == "" {
		return p, true
	}
	list := a
	if strings.HasPrefix(a, "-") {
		drop, rest, _ := strings.Cut(a[1:], ":")
		p.DropMedia, list = strings.Contains(drop, "m"), rest
	}
	var taken []string
	for item := range strings.SplitSeq(list, ",") {
		bare := strings.Trim(item, "[]")
		if bare == "" {
			continue
		}
		n, err := strconv.Atoi(bare)
		attr := caps.attributes[n]
		switch {
		case err == nil && attr != "":
			p.Attrs, taken = append(p.Attrs, attr), append(taken, bare)
		case bare == item: // not optional
			return p, false
		}
	}
	if prefix := strings.TrimSuffix(a, list); prefix != "" || len(taken) > 0 {
		p.Actual += " a=" + prefix + strings.Join(taken, ",")
	}
	return p, true
}
