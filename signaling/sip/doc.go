// Package sip is the SIP front-end of a system: one Endpoint is the listeners,
// the flows, an ordered dispatch of messages, and what a registrar does with
// REGISTER, SUBSCRIBE (reg) and OPTIONS.
//
// It owns how things are said in SIP: which response answers which request,
// challenges, transactions, subscriptions, bans. It must not know who may be
// where: it asks its Office, and it knows nothing of homes, backups, mirrors
// or timers of resilience beyond the verdicts that the Office gives.
//
// The shape of the data: a flow (package flow) hands over the bytes of one
// message at a time, in the order in which they arrived on that flow. Package
// message turns them into a request or response, or says why not. A REGISTER is
// answered at once, without a transaction object, from what the Office says
// (register.go); a request of another method belongs to a sipgo transaction
// (serve.go) or to a leg of a call (callsin.go); a response belongs to a client
// transaction of ours (client.go), to a leg, or is dropped.
//
// A call's leg is a dialog.Leg, pure and whole; the endpoint finds it by the tag that
// is ours, by its INVITE or its ID (legs.go), works off what happens to it one step
// after the other, whichever goroutine brings it (legrun.go), wakes it (legclock.go),
// and tells the switchboard, Calls, what came of it. No transaction, leg or call has a
// goroutine or timer of its own.
//
// Order of one REGISTER: validate, is the domain ours, is the source banned,
// Office.Ask, credentials, Office.Register, answer.
//
// Nothing here keeps state for a stranger: a challenge is computed from the
// request alone, and the tables that strangers can fill (bans) are bounded.
package sip
