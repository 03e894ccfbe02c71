// Package trunk is the outside lines of a system: carriers and other PBXs.
//
// It owns: registering with a carrier (RFC 3261 §10, answering challenges, RFC 5626
// §4.5's waits), where a trunk's servers are (RFC 3263: NAPTR, SRV, addresses), which
// of them is used and which is left alone for a while, whether the trunk can be reached
// at all (OPTIONS), and by what an incoming call is known to be the trunk's.
//
//	Registration  pure: time and answers in, what to send and when out
//	Credentials   pure: a challenge in, its answer out
//	Servers       pure: records in; the order in which servers are tried out
//	Locate        a domain in, servers out, over a Resolver (DNS is the real one)
//	Set           the trunks at work: one goroutine each, over a Front (the Endpoint)
//
// It must not know: calls, numbers and their patterns, the configuration file, the log.
// What a trunk's state becomes it tells its Watcher. A call asks Set.Reach for the way
// to a trunk, and says by Set.Failed that a server did not take it.
package trunk
