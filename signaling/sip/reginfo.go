package sip

import (
	"encoding/xml"
	"strconv"
	"strings"

	"roost/registrar"
)

// regInfoType is the body type of a reg-event NOTIFY (RFC 3680 4.3).
const regInfoType = "application/reginfo+xml"

// Contact events of RFC 3680 5.3 that we send.
const (
	eventRegistered   = "registered"
	eventRefreshed    = "refreshed"
	eventExpired      = "expired"
	eventUnregistered = "unregistered"
	eventDeactivated  = "deactivated"
)

// regInfoContact is one contact as a reg-event body shows it.
type regInfoContact struct {
	id      string
	uri     string
	state   string // active or terminated
	event   string
	expires int64 // seconds left; only for active
}

// writeRegInfo returns the full state of one address of record (RFC 3680 5).
// version counts up by one within a subscription, from 0.
func writeRegInfo(aor string, number registrar.Number, version uint32, contacts []regInfoContact) []byte {
	state := "init"
	for _, c := range contacts {
		if c.state == "active" {
			state = "active"
			break
		}
		state = "terminated"
	}
	var b strings.Builder
	b.Grow(320 + 200*len(contacts))
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	b.WriteString(`<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="`)
	b.WriteString(strconv.FormatUint(uint64(version), 10))
	b.WriteString(`" state="full">` + "\n" + `<registration aor="`)
	escape(&b, aor)
	b.WriteString(`" id="`)
	escape(&b, "r"+string(number))
	b.WriteString(`" state="` + state + `">` + "\n")
	for _, c := range contacts {
		b.WriteString(`<contact id="`)
		escape(&b, c.id)
		b.WriteString(`" state="` + c.state + `" event="` + c.event + `"`)
		if c.state == "active" {
			b.WriteString(` expires="` + strconv.FormatInt(c.expires, 10) + `"`)
		}
		b.WriteString(`><uri>`)
		escape(&b, c.uri)
		b.WriteString("</uri></contact>\n")
	}
	b.WriteString("</registration>\n</reginfo>\n")
	return []byte(b.String())
}

// escape writes s as XML text or attribute value. A strings.Builder's Write
// never fails.
func escape(b *strings.Builder, s string) { _ = xml.EscapeText(b, []byte(s)) }
