package ras

import (
	"net/netip"
	"time"

	"roost/registrar"
	"roost/signaling/h323/h225"
)

// Calls decides about calls: the call signalling implements it. Without one, no call
// is admitted and none is located.
type Calls interface {
	// Admit is asked for an ARQ of a registered endpoint.
	Admit(*Admission) Admitted
	// Bandwidth is asked for a BRQ; false if there is no such call.
	Bandwidth(*Bandwidth) (granted uint32, ok bool)
	// Ended is told of a DRQ.
	Ended(number registrar.Number, crv uint16, call [16]byte)
	// Locate is asked for an LRQ that names an alias known here; false: denied.
	Locate(number registrar.Number) (netip.AddrPort, bool)
}

// Admission is an ARQ.
type Admission struct {
	Number       registrar.Number // who asks
	Answer       bool             // it is called, else it calls
	Destination  []Alias
	Signalling   netip.AddrPort // destCallSignalAddress, invalid if there was none
	CRV          uint16
	Call         [16]byte // callIdentifier, zero if there was none
	Conference   [16]byte
	BandwidthAsk uint32 // in 100 bit/s
	Now          time.Time
}

// Admitted answers an Admission. The zero value is the rejection requestDenied.
type Admitted struct {
	// Signalling is where the call's SETUP goes; valid: the call is admitted.
	Signalling netip.AddrPort
	Bandwidth  uint32 // in 100 bit/s
	// Reason is why not.
	Reason h225.AdmissionRejectReasonChoice
}

// Bandwidth is a BRQ.
type Bandwidth struct {
	Number registrar.Number
	CRV    uint16
	Call   [16]byte
	Ask    uint32 // in 100 bit/s
}
