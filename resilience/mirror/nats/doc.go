// Package natscarrier carries the messages of package mirror over NATS: by default
// over a core nats-server embedded in each system (no JetStream, no cluster), or over
// an outside NATS cluster with the same subjects. docs/sharing.md is its manual for
// administrators.
//
// # What it owns
//
//   - the embedded server: its listener for lines, mutual TLS, who may come in
//     (door.go), and what each may say and hear (permissions.go);
//   - the lines: connections dialled to the servers of the peers, kept up for ever
//     with bounded backoff, and the reason in words while one is down;
//   - queues, limits and counters, so that no peer can make this system grow or hold
//     up what it hears from another.
//
// It must not know what a message means: versions, epochs, records and visibility are
// package mirror's and package resilience's.
//
// # The shape of the data
//
// Who needs data dials who owns it. A line to paris is three connections from here to
// paris' server, each with its own limits: heartbeats alone, data (deltas, calls) and
// bulk (pulls and their answers), so that a heartbeat never waits behind a snapshot.
// What this system has to say, it says once to its own server, over in-process
// connections of the same three kinds; its peers hear it there over the lines that
// they dialled.
//
//	london                                          paris
//	  Publish hb.london ──▶ [server] ◀──dial── line ──▶ Subscribe
//	  Subscribe ◀── line ──dial──▶ [server] ◀── hb.paris Publish
//
// A system that can only dial (behind NAT, no listener) says and answers everything
// over the connections that it made, and its peer, whose Peer.Address is empty, hears
// it on its own server. With Config.Outside there are no lines between systems: all
// dial the cluster, with the same three kinds of connection.
//
// # Whom it believes
//
// A message is believed for its subject only where the subject could have come from:
// on the own server the permissions of the sender's certificate decide, on a line to
// paris only subjects of paris are taken, whatever paris' server sends, and frames are
// bounded before the NATS client parses them (guard.go). With an outside cluster the
// cluster's permissions are trusted; see [Outside].
package natscarrier
