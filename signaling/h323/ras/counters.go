package ras

import "roost/signaling/h323/h225"

// Counters count since the start.
type Counters struct {
	// Received and Sent are by message, indexed by the alternative of RasMessage; 0 is
	// what is no alternative that we know.
	Received, Sent [kinds]uint64

	Undecodable  uint64 // no RAS message at all; dropped
	Repeated     uint64 // a request that came again, answered again
	Unexpected   uint64 // an answer to no request of ours; dropped
	Unknown      uint64 // a message that we do not know; XRS
	Throttled    uint64 // a stranger's, over Config.Rate; dropped
	Unanswerable uint64 // an answer that could not be encoded; dropped

	TokenMissing  uint64 // no token where one is needed
	TokenWrong    uint64 // a hash that is not right, or of no known number
	TokenTime     uint64 // outside of Config.Window
	TokenReplayed uint64 // used before
	TokenNotOurs  uint64 // made for another gatekeeper, or by another sender

	DuplicateAlias  uint64 // an alias or number that another endpoint has
	WrongGatekeeper uint64 // a gatekeeperIdentifier of nobody we know
	UnknownEndpoint uint64 // an endpointIdentifier that nobody has
	Full            uint64 // no room for another endpoint
	Asked, Lost     uint64 // endpoints past their time to live: sent IRQ, and gone
	OutOfNumbers    uint64 // a request of ours that found no free sequence number
}

const kinds = int(h225.RasMessageAdmissionConfirmSequence) + 1
