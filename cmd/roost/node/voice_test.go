package node

import (
	"net/netip"
	"testing"

	"roost/cmd/roost/node/switchboard"
	"roost/media"
	"roost/registrar"
	"roost/signaling/call"
)

// What media is told of a phone is what decides whether a call can be direct.
func TestVP1_WhatMediaIsToldOfAPhone(t *testing.T) {
	s := newSite(t)
	n := s.start("london")
	source := netip.MustParseAddrPort("192.0.2.7:5060")
	for name, test := range map[string]struct {
		contact string
		over    registrar.Transport
		want    media.Party
	}{
		"over UDP, where it says":     {"sip:201@192.0.2.7:5060", registrar.UDP, media.Party{Transport: media.ClearTransport}},
		"over TLS":                    {"sip:201@192.0.2.7:5061", registrar.TLS, media.Party{Transport: media.SecureTransport}},
		"a browser":                   {"sip:x@abc.invalid;transport=ws", registrar.WSS, media.Party{Transport: media.SecureTransport, Web: true}},
		"its contact is not where":    {"sip:201@10.0.0.7:5060", registrar.UDP, media.Party{Transport: media.ClearTransport, NAT: true}},
		"its contact is a host name":  {"sip:201@phone.example.test", registrar.TCP, media.Party{Transport: media.ClearTransport}},
		"its contact in IPv4-in-IPv6": {"sip:201@[::ffff:192.0.2.7]", registrar.TCP, media.Party{Transport: media.ClearTransport}},
	} {
		in := &switchboard.Leg{Kind: call.Phone, Number: "201", Origin: switchboard.Origin{Source: source, Transport: test.over, Contact: test.contact}}
		out := &switchboard.Leg{Kind: call.Phone, Number: "201", Out: true, Target: call.Target{Kind: call.Phone, Binding: registrar.Registration{
			Source: source, Transport: test.over, Contact: test.contact}}}
		for direction, leg := range map[string]*switchboard.Leg{"calls": in, "is called": out} {
			p := n.party(leg)
			if p.Kind != media.Phone || p.Source != source.Addr() || p.Transport != test.want.Transport || p.Web != test.want.Web || p.NAT != test.want.NAT || !p.Direct {
				t.Errorf("%s, %s: %+v", name, direction, p)
			}
		}
	}
}
