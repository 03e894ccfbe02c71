package natscarrier

import (
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"roost/resilience/mirror"
)

// inbox is the subject below which a system has its replies sent. Only it may listen there.
func inbox(system string) string { return "_INBOX." + system }

// inboxOf reports whether a reply subject is one of system's, so that a call cannot
// make us publish somewhere else.
func inboxOf(reply, system string) bool {
	rest, ok := strings.CutPrefix(reply, inbox(system)+".")
	return ok && rest != "" && len(reply) < 256 && !strings.ContainsAny(rest, "*> \t\r\n")
}

// replyWithin is how long a peer may answer a call that it heard over the connection
// it made; longer than any call's deadline.
const replyWithin = time.Minute

// hearing is what self subscribes to of what peer says to it, by kind of connection:
// on a line to peer, or as everybody's (peer mirror.Any) on the bus.
func hearing(self, peer string, member bool) [kinds][]string {
	subject := func(class mirror.Class, set string) string {
		return mirror.Subject{Class: class, Origin: peer, Peer: self, Set: set}.String()
	}
	var h [kinds][]string
	h[heartbeats] = []string{subject(mirror.Heartbeats, "")}
	h[data] = []string{subject(mirror.Deltas, mirror.Dir)}
	if member {
		h[bulk] = []string{subject(mirror.Answers, mirror.Dir)}
		return h
	}
	h[data] = append(h[data], subject(mirror.Deltas, mirror.Any+"/"+self))
	h[bulk] = []string{subject(mirror.Answers, mirror.Any)}
	return h
}

// asked is what self subscribes to of what peer asks of it.
func asked(self, peer string, member bool) [kinds][]string {
	set := mirror.Any
	if member {
		set = mirror.Dir
	}
	pulls := mirror.Subject{Class: mirror.Pulls, Origin: self, Peer: peer, Set: set}.String()
	calls := mirror.Subject{Class: mirror.Calls, Origin: self, Peer: peer, Verb: mirror.Any}.String()
	return [kinds][]string{data: {calls}, bulk: {pulls}}
}

// permissionsFor is what peer may do on self's server. It may ask self, and hear what
// self says to it; nothing else. A peer that cannot be dialled also says what it has to
// say here, and hears what self asks of it.
func permissionsFor(self string, peer *Peer) *server.Permissions {
	var may, hears []string
	flatten := func(to *[]string, by [kinds][]string) {
		for _, subjects := range by {
			*to = append(*to, subjects...)
		}
	}
	flatten(&may, asked(self, peer.System, peer.Member))
	flatten(&hears, hearing(peer.System, self, peer.Member))
	hears = append(hears, inbox(peer.System)+".>")
	p := &server.Permissions{}
	if peer.Address == "" {
		flatten(&may, hearing(self, peer.System, peer.Member))
		flatten(&hears, asked(peer.System, self, peer.Member))
		p.Response = &server.ResponsePermission{MaxMsgs: 1, Expires: replyWithin}
	}
	p.Publish = &server.SubjectPermission{Allow: may}
	p.Subscribe = &server.SubjectPermission{Allow: hears}
	return p
}

// OutsidePermissions is what an outside cluster must allow the user of one system, and
// nothing more; docs/sharing.md has it as a configuration of nats-server.
func OutsidePermissions(system string) *server.Permissions {
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			"hb." + system,
			"repl." + system + ".delta.>",
			"repl." + system + ".answer.>",
			"repl.*.since." + system + ".>",
			"rpc.*." + system + ".*",
		}},
		Subscribe: &server.SubjectPermission{Allow: outsideHears(system)},
		Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: replyWithin},
	}
}

func outsideHears(system string) []string {
	list := []string{inbox(system) + ".>"}
	for _, by := range [][kinds][]string{hearing(system, mirror.Any, false), asked(system, mirror.Any, false)} {
		for _, subjects := range by {
			list = append(list, subjects...)
		}
	}
	return list
}
