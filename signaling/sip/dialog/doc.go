// Package dialog is a SIP leg of a call, whole and pure: Leg is a user agent for
// one INVITE dialog, with its transactions, offers and answers, reliable
// provisional responses, session timer, glare, transfer requests.
//
// It owns how a call is spoken in SIP: RFC 3261 §9, §12 to §15, RFC 3262 (PRACK),
// 3311 (UPDATE), 3325 (P-Asserted-Identity), 3326 (Reason), 3515 and 4488 (REFER),
// 3891 (Replaces), 4028 (session timers), 5806 (Diversion), 6026, 6086 (INFO),
// 6141 and 6337 (offer and answer).
//
//	message.Message, Arrival ─ Receive ┐
//	call.LegAction ─────────── Do      ├→ Effects: []Send (bytes, flow), []call.LegEvent, []Odd
//	time ───────────────────── Tick    │            Next() says when Tick is due
//	transport's no ─────────── Failed  ┘            Over() says when to forget the leg
//
// What it must not know: sockets, flows beyond their number, the clock, the log, who
// may call whom, what is in a session description. The Endpoint (signaling/sip) finds
// the leg of a message, by its tag or its INVITE, and carries out the effects.
//
// A leg is used by one goroutine at a time.
package dialog
