package registrar

import "strings"

// SameContact reports whether two contact URIs are equivalent by RFC 3261
// section 19.1.4, so far as a registrar needs it: schemes, hosts and parameters
// without regard to case, user parts exactly (escapes are not decoded), a
// parameter that only one has does not count unless it is transport, user, ttl,
// method or maddr. URIs of other schemes are compared as they stand.
func SameContact(a, b string) bool {
	if a == b {
		return true
	}
	x, ok := splitURI(a)
	if !ok {
		return false
	}
	y, ok := splitURI(b)
	return ok && strings.EqualFold(x.scheme, y.scheme) && x.user == y.user &&
		strings.EqualFold(x.host, y.host) && x.headers == y.headers &&
		coversParams(x.params, y.params) && coversParams(y.params, x.params)
}

type uriParts struct{ scheme, user, host, params, headers string }

func splitURI(s string) (u uriParts, ok bool) {
	u.scheme, s, ok = strings.Cut(s, ":")
	if !ok || !strings.EqualFold(u.scheme, "sip") && !strings.EqualFold(u.scheme, "sips") {
		return u, false
	}
	// The user part may have ; and ? in it.
	if at := strings.IndexByte(s, '@'); at >= 0 {
		u.user, s = s[:at+1], s[at+1:]
	}
	s, u.headers, _ = strings.Cut(s, "?")
	u.host, u.params, _ = strings.Cut(s, ";")
	return u, strings.Count(u.params, ";") < maxParams
}

// maxParams bounds the quadratic comparison of parameters.
const maxParams = 24

// coversParams reports whether each parameter of a agrees with b.
func coversParams(a, b string) bool {
	for a != "" {
		var p string
		p, a, _ = strings.Cut(a, ";")
		name, value, _ := strings.Cut(p, "=")
		other, has := param(b, name)
		if has && !strings.EqualFold(value, other) || !has && mustAgree(name) {
			return false
		}
	}
	return true
}

func param(params, name string) (value string, ok bool) {
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		n, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(n, name) {
			return v, true
		}
	}
	return "", false
}

func mustAgree(name string) bool {
	switch strings.ToLower(name) {
	case "transport", "user", "ttl", "method", "maddr":
		return true
	}
	return false
}
