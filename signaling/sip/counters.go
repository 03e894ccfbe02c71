package sip

import (
	"sync/atomic"

	"roost/signaling/sip/dialog"
)

// counter names one of the endpoint's counters.
type counter uint8

// The counters, in the order of counterNames.
const (
	cRequests counter = iota
	cResponses
	cInvalid
	cUnparsable
	cPanics
	cRegistered
	cQueried
	cUnregistered
	cKeepAlives
	cChallenged
	cStale
	cWrongPassword
	cReplayed
	cMismatched
	cForeignDomain
	cRefused
	cSilent
	cRedirected
	cRefusalCorrected
	cTooBrief
	cOutOfOrder
	cBadContact
	cTooManyContacts
	cPathIgnored
	cAmplifying
	cFull
	cUnlicensed
	cRegisterFailed
	cBanned
	cBans
	cBansEvicted
	cOptions
	cMethodNotAllowed
	cUnknownDialog
	cNoTransaction
	cStrayResponse
	cRepeated
	cTransactionsFull
	cCallsRefused
	cSubscribed
	cSubscriptionsFull
	cBadEvent
	cNotified
	cNotifyFailed
	cClientsFull
	cWriteFailed
	cDeadFlow
	cSentHome
	cCallsIn
	cCallsOut
	cLegsFull
	cOverrun
	cCallRate
	cTexts
	cTextsFailed
	cMerged
	cLegQueueFull
	cLegMoved
	cLegElsewhere
	cLegsForgotten
	cPreserved
	cOdd // the first of dialog.Odd's, in its order
	_
	_
	_
	_
	_
	_
	_
	_
	_
	_
	_
	cOddLast
	counterCount
)

// counterNames holds the name and the meaning of each counter, as they stand in
// the metrics.
var counterNames = [counterCount][2]string{
	cRequests:          {"requests", "requests that passed validation"},
	cResponses:         {"responses", "responses that passed validation"},
	cInvalid:           {"invalid", "requests answered 4xx or 5xx by validation"},
	cUnparsable:        {"unparsable", "messages dropped because no answer could be addressed"},
	cPanics:            {"panics", "messages whose handling panicked; each cost that message only"},
	cRegistered:        {"registered", "REGISTERs that bound or refreshed a contact"},
	cQueried:           {"queried", "REGISTERs without Contact answered with the bindings"},
	cUnregistered:      {"unregistered", "REGISTERs that removed contacts"},
	cKeepAlives:        {"keep_alives", "Cisco keep-alive REGISTERs answered without a change"},
	cChallenged:        {"challenged", "requests without credentials, answered 401"},
	cStale:             {"stale", "right or old credentials with a nonce out of date, answered 401 stale"},
	cWrongPassword:     {"wrong_password", "credentials that prove nothing, answered 401"},
	cReplayed:          {"replayed", "credentials used before, by no retransmission, answered 401 stale"},
	cMismatched:        {"mismatched", "From, To and authorised user did not agree, answered 403"},
	cForeignDomain:     {"foreign_domain", "REGISTERs for a domain that is not ours, answered 404"},
	cRefused:           {"refused", "requests refused by the system's rules (FO1)"},
	cSilent:            {"silent", "requests left without an answer by the system's rules (FO1)"},
	cRedirected:        {"redirected", "REGISTERs answered 302 to the home"},
	cRefusalCorrected:  {"refusal_corrected", "refusals that asked for 401, 403 or 404 and were answered 503"},
	cTooBrief:          {"too_brief", "expiry under the minimum, answered 423"},
	cOutOfOrder:        {"out_of_order", "CSeq not above the last, answered 500"},
	cBadContact:        {"bad_contact", "contacts that cannot be used or point at this system"},
	cTooManyContacts:   {"too_many_contacts", "more contacts than a phone may have"},
	cPathIgnored:       {"path_ignored", "Path headers of REGISTERs that did not come from a trusted proxy"},
	cAmplifying:        {"amplifying", "answers over UDP not sent because they were larger than 1.5 times their request"},
	cFull:              {"full", "registrations refused because the system is at its capacity"},
	cUnlicensed:        {"unlicensed", "registrations refused for want of a licence"},
	cRegisterFailed:    {"register_failed", "registrations that failed for a cause of ours, answered 500"},
	cBanned:            {"banned", "requests dropped unexamined because of wrong passwords before"},
	cBans:              {"bans", "bans that began"},
	cBansEvicted:       {"bans_evicted", "entries of the ban table that gave way to newer ones"},
	cOptions:           {"options", "OPTIONS answered"},
	cMethodNotAllowed:  {"method_not_allowed", "requests of an unknown method, answered 405"},
	cUnknownDialog:     {"unknown_dialog", "in-dialog requests for no dialog of ours, answered 481"},
	cNoTransaction:     {"no_transaction", "CANCEL and ACK that match no transaction"},
	cStrayResponse:     {"stray_responses", "responses that answer nothing we sent, dropped"},
	cRepeated:          {"repeated", "retransmitted requests absorbed by their transaction"},
	cTransactionsFull:  {"transactions_full", "requests answered 503 because too many transactions are open"},
	cCallsRefused:      {"calls_refused", "INVITEs refused"},
	cSubscribed:        {"subscribed", "SUBSCRIBEs accepted, refreshes included"},
	cSubscriptionsFull: {"subscriptions_full", "SUBSCRIBEs refused because of the limits"},
	cBadEvent:          {"bad_event", "SUBSCRIBEs for an event package that is not offered, answered 489"},
	cNotified:          {"notified", "NOTIFYs answered 2xx"},
	cNotifyFailed:      {"notify_failed", "NOTIFYs refused or not answered"},
	cClientsFull:       {"clients_full", "requests of ours not sent because too many wait for an answer"},
	cWriteFailed:       {"write_failed", "messages that could not be written to their flow"},
	cDeadFlow:          {"dead_flow", "requests for a flow that is gone, 430"},
	cSentHome:          {"sent_home", "phones told to go home by a trigger of ours"},
	cCallsIn:           {"calls_in", "INVITEs that began a leg"},
	cCallsOut:          {"calls_out", "legs that we began"},
	cLegsFull:          {"legs_full", "INVITEs answered 503 because there are too many legs, of all phones or of one"},
	cOverrun:           {"overrun", "INVITEs answered 503 because the system was too far behind with what it had to read"},
	cCallRate:          {"call_rate", "INVITEs answered 503 because their phone began too many calls a second"},
	cTexts:             {"texts", "MESSAGEs outside of calls that were passed on"},
	cTextsFailed:       {"texts_failed", "MESSAGEs outside of calls that were refused, here or where they went"},
	cMerged:            {"merged", "INVITEs that came on two paths, answered 482"},
	cLegQueueFull:      {"leg_queue_full", "messages dropped because too many waited for their leg"},
	cLegMoved:          {"leg_moved", "legs that went on over the stream that their phone came back on"},
	cLegElsewhere:      {"leg_elsewhere", "requests within a phone's call from a host where it was never heard, which had to prove who sent them"},
	cLegsForgotten:     {"legs_forgotten", "ended legs forgotten before their transactions were over, because there were too many"},
	cPreserved:         {"preserved_ended", "BYEs answered 200 for a call whose system is gone (VP4)"},

	cOdd - 1 + counter(dialog.OddStranger):  {"leg_stranger", "requests with our tag and another Call-ID or remote tag, answered 481"},
	cOdd - 1 + counter(dialog.OddOrder):     {"leg_order", "requests within a call with a CSeq that is not above the last, answered 500"},
	cOdd - 1 + counter(dialog.OddGlare):     {"leg_glare", "offers that met another offer, 491"},
	cOdd - 1 + counter(dialog.OddOverlap):   {"leg_overlap", "requests within a call that came before the last of their kind was answered, 500"},
	cOdd - 1 + counter(dialog.OddStorm):     {"leg_storm", "more open requests than a leg may have, 503"},
	cOdd - 1 + counter(dialog.OddFork):      {"leg_fork", "answers of a second branch, ended by BYE"},
	cOdd - 1 + counter(dialog.OddNoAck):     {"leg_no_ack", "answers of ours that no ACK came for; the leg was ended"},
	cOdd - 1 + counter(dialog.OddNoPrack):   {"leg_no_prack", "reliable provisional responses that no PRACK came for; the INVITE was refused"},
	cOdd - 1 + counter(dialog.OddStray):     {"leg_stray", "responses and CANCELs for a leg that belong to none of its requests"},
	cOdd - 1 + counter(dialog.OddMalformed): {"leg_malformed", "messages of a call that cannot be used"},
	cOdd - 1 + counter(dialog.OddExpired):   {"leg_expired", "legs ended by their session timer"},
	cOdd - 1 + counter(dialog.OddAction):    {"leg_action", "actions of the switchboard that a leg was in no state for"},
}

// Count is one counter's name, meaning and value.
type Count struct {
	Name, Help string
	Value      uint64
}

type counters [counterCount]atomic.Uint64

func (c *counters) add(n counter)        { c[n].Add(1) }
func (c *counters) get(n counter) uint64 { return c[n].Load() }

func (c *counters) list() []Count {
	out := make([]Count, counterCount)
	for i := range c {
		out[i] = Count{Name: counterNames[i][0], Help: counterNames[i][1], Value: c[i].Load()}
	}
	return out
}
