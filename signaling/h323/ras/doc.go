// Package ras is a gatekeeper: the RAS procedures of H.225.0 clause 7, pure. A packet,
// its source and a time go in; packets to send and events come out (Out).
//
// It owns discovery, registration, the endpoints that are registered here (by
// identifier, number and alias), the watch over their time to live, H.235 tokens,
// requests of its own with their repeats, and the answers to requests that come twice.
// Who may register, as what and for how long is not decided here but by an Office,
// which is asked from within Receive and must answer at once.
//
// It must not know sockets, clocks, loggers, configuration or the other protocols.
// H.323 call signalling is no part of it: without Config.Calls it admits no call and
// says so (requestDenied).
//
// # The shape of the data
//
// One endpoint a number. A Gatekeeper is not safe for concurrent use; its caller holds
// one lock around it. The cost of a request does not depend on how many are registered:
// endpoints are found by maps, and a refresh does not move the endpoint in the agenda
// (a heap of deadlines): what is due too early is put back when it comes up. All state
// is bounded: endpoints by Config.MaxEndpoints, own requests by the 16 bits of their
// sequence numbers, remembered answers and strangers by tables of fixed size.
//
// # Trust
//
// An endpoint proves itself with a token (H.235.1 HMAC-SHA1-96, or the MD5 token
// cryptoEPPwdHash), or registers from an address of Config.Open without one. A token
// that is there must be right. What an unproven endpoint registered is bound to its
// address: nobody takes it over, refreshes or ends it from another one.
package ras
