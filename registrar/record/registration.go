package record

import (
	"time"

	"roost/registrar"
)

// Tags of a registration. 40 to 47 are those of H.323.
const (
	regNumber = iota + 1
	regProtocol
	regTransport
	regContact
	regSource
	regFlow
	regInstance
	regRegID
	regCallID
	regCSeq
	regBranch
	regNonce
	regNonceCount
	regUserAgent
	regPath
	regQ
	regGranted
	regSince
	regRegistered
	regRemaining
	regGuest
	regHome

	regRAS             = 40
	regCallSignalling  = 41
	regAlias           = 42
	regEndpointID      = 43
	maxAliases         = 32
	maxEndpointIDBytes = 256
)

// AppendRegistration writes the expiry as what remains of it at now.
func AppendRegistration(dst []byte, r *Registration, now time.Time) []byte {
	dst = begin(dst, KindRegistration)
	dst = appendText(dst, regNumber, string(r.Number))
	dst = appendUint(dst, regProtocol, uint64(r.Protocol))
	dst = appendUint(dst, regTransport, uint64(r.Transport))
	dst = appendText(dst, regContact, r.Contact)
	dst = appendAddr(dst, regSource, r.Source)
	dst = appendUint(dst, regFlow, uint64(r.Flow))
	dst = appendText(dst, regInstance, r.Instance)
	dst = appendUint(dst, regRegID, uint64(r.RegID))
	dst = appendText(dst, regCallID, r.CallID)
	dst = appendUint(dst, regCSeq, uint64(r.CSeq))
	dst = appendUint(dst, regBranch, r.Branch)
	dst = appendUint(dst, regNonce, r.Nonce)
	dst = appendUint(dst, regNonceCount, uint64(r.NonceCount))
	dst = appendText(dst, regUserAgent, r.UserAgent)
	dst = appendText(dst, regPath, r.Path)
	dst = appendUint(dst, regQ, uint64(r.Q))
	dst = appendUint(dst, regGranted, uint64(r.Granted))
	dst = appendAge(dst, regSince, r.Since, now)
	dst = appendAge(dst, regRegistered, r.Registered, now)
	dst = appendSpan(dst, regRemaining, r.Expires.Sub(now))
	dst = appendBool(dst, regGuest, r.Guest)
	dst = appendText(dst, regHome, r.Home)
	return appendH323(dst, &r.H323)
}

func appendH323(dst []byte, h *H323) []byte {
	dst = appendAddr(dst, regRAS, h.RAS)
	dst = appendAddr(dst, regCallSignalling, h.CallSignalling)
	for _, alias := range h.Aliases {
		dst = appendText(dst, regAlias, alias)
	}
	return appendText(dst, regEndpointID, h.EndpointID)
}

// ParseRegistration puts the times to the clock of the reader: the record's
// writing to now. A record that has waited is parsed with the time at which it
// came.
func ParseRegistration(b []byte, now time.Time) (Registration, error) {
	var r Registration
	err := fields(b, KindRegistration, func(f *field) error {
		if f.tag >= regRAS {
			return r.H323.take(f)
		}
		if f.tag >= regCallID && f.tag <= regNonceCount {
			return takeProof(&r.Registration, f)
		}
		if f.tag >= regGranted && f.tag <= regRemaining {
			return takeLease(&r.Registration, f, now)
		}
		return takeBinding(&r.Registration, f)
	})
	return r, about(r.Number, err)
}

func takeBinding(r *registrar.Registration, f *field) error {
	switch f.tag {
	case regNumber:
		return number(f, &r.Number)
	case regProtocol:
		return oneOf(f, &r.Protocol, registrar.H323)
	case regTransport:
		return oneOf(f, &r.Transport, registrar.WSS)
	case regContact:
		return f.text(&r.Contact, registrar.MaxContactLength)
	case regSource:
		return f.addr(&r.Source)
	case regFlow:
		r.Flow = registrar.FlowID(f.number)
	case regInstance:
		return f.text(&r.Instance, registrar.MaxInstanceLength)
	case regRegID:
		return f.uint32(&r.RegID)
	case regUserAgent:
		return f.text(&r.UserAgent, registrar.MaxUserAgentLength)
	case regPath:
		return f.text(&r.Path, registrar.MaxPathLength)
	case regQ:
		return f.uint16(&r.Q)
	case regGuest:
		return f.bool(&r.Guest)
	case regHome:
		return f.text(&r.Home, registrar.MaxHomeLength)
	}
	return nil
}

// takeProof reads what tells the REGISTER that set the binding from another.
func takeProof(r *registrar.Registration, f *field) error {
	switch f.tag {
	case regCallID:
		return f.text(&r.CallID, registrar.MaxCallIDLength)
	case regCSeq:
		return f.uint32(&r.CSeq)
	case regBranch:
		r.Branch = f.number
	case regNonce:
		r.Nonce = f.number
	case regNonceCount:
		return f.uint32(&r.NonceCount)
	}
	return nil
}

func takeLease(r *registrar.Registration, f *field, now time.Time) error {
	switch f.tag {
	case regGranted:
		return f.uint32(&r.Granted)
	case regSince:
		return f.age(&r.Since, now)
	case regRegistered:
		return f.age(&r.Registered, now)
	case regRemaining:
		left, err := f.span()
		if err == nil {
			r.Expires = now.Add(left)
		}
		return err
	}
	return nil
}

func (h *H323) take(f *field) error {
	switch f.tag {
	case regRAS:
		return f.addr(&h.RAS)
	case regCallSignalling:
		return f.addr(&h.CallSignalling)
	case regAlias:
		if len(h.Aliases) == maxAliases {
			return ErrTooLong
		}
		var alias string
		if err := f.text(&alias, maxText); err != nil {
			return err
		}
		h.Aliases = append(h.Aliases, alias)
	case regEndpointID:
		return f.text(&h.EndpointID, maxEndpointIDBytes)
	}
	return nil
}
