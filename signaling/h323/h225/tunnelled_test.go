package h225

import (
	"bytes"
	"testing"

	"roost/signaling/h323/h245"
)

// carried are the octet strings of a call signalling message that hold PER of H.245.
func carried(body *H323UUPDUH323MessageBody) (channels [][]byte) {
	switch {
	case body.Setup != nil:
		return body.Setup.FastStart
	case body.CallProceeding != nil:
		return body.CallProceeding.FastStart
	case body.Alerting != nil:
		return body.Alerting.FastStart
	case body.Progress != nil:
		return body.Progress.FastStart
	case body.Connect != nil:
		return body.Connect.FastStart
	case body.Facility != nil:
		return body.Facility.FastStart
	}
	return nil
}

func TestUserInformation_WhatItCarriesOfH245ComesBackWithTheSameOctets(t *testing.T) {
	channels, messages := 0, 0
	check := func(name string, data []byte, m message, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v: %x", name, err, data)
			return
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: %v: encoded again:\n%x\nwas\n%x", name, err, again, data)
		}
	}
	for _, s := range samples(t, "uuie.txt") {
		u, err := DecodeUserInformation(s.data)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range carried(&u.H323UuPdu.H323MessageBody) {
			m, err := h245.DecodeOpenLogicalChannel(data)
			check(s.name, data, m, err)
			channels++
		}
		for _, data := range u.H323UuPdu.H245Control {
			m, err := h245.Decode(data)
			check(s.name, data, m, err)
			messages++
		}
	}
	if channels == 0 || messages == 0 {
		t.Errorf("the captures have %d fast start channels and %d tunnelled messages", channels, messages)
	}
}
