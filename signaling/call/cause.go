package call

// Cause is why a leg was refused or ended, in SIP's numbers, which H.323's
// causes are mapped to and from (RFC 3261 §21; Q.850 in the Reason header).
type Cause struct {
	// Status is a final status, 300 to 699; 0 where a call ended in the ordinary
	// way, by a BYE.
	Status int
	// Phrase is what is told besides, and stands in the call record: "no answer",
	// "lost in failover", "media time-out".
	Phrase string
	// Contacts are where a 3xx sends the caller: numbers or URIs.
	Contacts []string
	// RetryAfter in seconds, 0: none.
	RetryAfter int

	// far: the far end said so, and not the call itself.
	far bool
}

// Normal is the cause of a call that one side hung up.
func Normal() Cause { return Cause{} }
