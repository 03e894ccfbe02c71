package ras

import (
	"fmt"
	"net/netip"
	"strings"

	"roost/registrar"
	"roost/signaling/h323/h225"
)

// AliasKind is a kind of AliasAddress (H.225.0 clause 7.6).
type AliasKind uint8

// The kinds. Digits, Party, Mobile and ISUP are numbers: two of these with the same
// text are the same alias.
const (
	Digits AliasKind = iota + 1
	H323ID
	URL
	Transport
	Email
	Party
	Mobile
	ISUP
)

var aliasNames = [...]string{"", "digits", "h323", "url", "transport", "email", "party", "mobile", "isup"}

// Alias is an alias of an endpoint.
type Alias struct {
	Kind AliasKind
	Text string
}

// String is the alias with its kind, as it is shared: "digits:2001", "h323:Anna".
func (a Alias) String() string {
	if int(a.Kind) >= len(aliasNames) {
		return a.Text
	}
	return aliasNames[a.Kind] + ":" + a.Text
}

// ParseAlias reads what String wrote.
func ParseAlias(s string) (Alias, error) {
	name, text, ok := strings.Cut(s, ":")
	for kind, n := range aliasNames {
		if ok && kind > 0 && n == name && text != "" {
			return Alias{AliasKind(kind), text}, nil
		}
	}
	return Alias{}, fmt.Errorf("alias %q is not KIND:TEXT with a known kind", s)
}

// key is what two aliases share that must not both be registered.
func (a Alias) key() Alias {
	switch a.Kind {
	case Party, Mobile, ISUP:
		a.Kind = Digits
	}
	return a
}

// number is the extension that an alias would be.
func (a Alias) number() registrar.Number {
	text := a.Text
	switch a.Kind {
	case Transport:
		return ""
	case URL, Email:
		if scheme, rest, ok := strings.Cut(text, ":"); ok && !strings.Contains(scheme, "@") {
			text = rest
		}
		text, _, _ = strings.Cut(text, "@")
	}
	if len(text) > registrar.MaxNumberLength {
		return ""
	}
	return registrar.Number(text)
}

// readAlias reads an alias; false for one that we cannot hold (nothing in it, too
// long, an unknown kind).
func readAlias(a *h225.AliasAddress) (Alias, bool) {
	out := Alias{}
	switch a.Choice {
	case h225.AliasAddressDialledDigits:
		out = Alias{Digits, a.DialledDigits}
	case h225.AliasAddressH323ID:
		out = Alias{H323ID, text(a.H323ID, maxAliasText)}
	case h225.AliasAddressUrlID:
		out = Alias{URL, a.UrlID}
	case h225.AliasAddressEmailID:
		out = Alias{Email, a.EmailID}
	case h225.AliasAddressTransportID:
		if at := readAddress(a.TransportID); at.IsValid() {
			out = Alias{Transport, at.String()}
		}
	case h225.AliasAddressPartyNumber:
		out = Alias{Party, partyDigits(a.PartyNumber)}
	case h225.AliasAddressMobileUIM:
		out = Alias{Mobile, mobileDigits(&a.MobileUIM)}
	case h225.AliasAddressIsupNumber:
		out = Alias{ISUP, isupDigits(a.IsupNumber)}
	}
	return out, out.Text != "" && len(out.Text) <= 2*maxAliasText
}

func partyDigits(p *h225.PartyNumber) string {
	switch p.Choice {
	case h225.PartyNumberE164Number:
		return p.E164Number.PublicNumberDigits
	case h225.PartyNumberDataPartyNumber:
		return p.DataPartyNumber
	case h225.PartyNumberTelexPartyNumber:
		return p.TelexPartyNumber
	case h225.PartyNumberPrivateNumber:
		return p.PrivateNumber.PrivateNumberDigits
	case h225.PartyNumberNationalStandardPartyNumber:
		return p.NationalStandardPartyNumber
	}
	return ""
}

func isupDigits(p *h225.IsupNumber) string {
	switch p.Choice {
	case h225.IsupNumberE164Number:
		return p.E164Number.Address
	case h225.IsupNumberDataPartyNumber:
		return p.DataPartyNumber
	case h225.IsupNumberTelexPartyNumber:
		return p.TelexPartyNumber
	case h225.IsupNumberPrivateNumber:
		return p.PrivateNumber.Address
	case h225.IsupNumberNationalStandardPartyNumber:
		return p.NationalStandardPartyNumber
	}
	return ""
}

func mobileDigits(m *h225.MobileUIM) string {
	switch m.Choice {
	case h225.MobileUIMAnsi41Uim:
		return firstOf(m.Ansi41Uim.Msisdn, m.Ansi41Uim.Mdn, m.Ansi41Uim.Imsi, m.Ansi41Uim.Min)
	case h225.MobileUIMGsmUim:
		return firstOf(m.GsmUim.Msisdn, m.GsmUim.Imsi)
	}
	return ""
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// write makes the wire form of an alias, for a reject that names it or an LRQ.
func (a Alias) write() h225.AliasAddress {
	switch a.Kind {
	case H323ID:
		return h225.AliasAddress{Choice: h225.AliasAddressH323ID, H323ID: bmp(a.Text)}
	case URL:
		return h225.AliasAddress{Choice: h225.AliasAddressUrlID, UrlID: a.Text}
	case Email:
		return h225.AliasAddress{Choice: h225.AliasAddressEmailID, EmailID: a.Text}
	case Transport:
		at, _ := netip.ParseAddrPort(a.Text)
		address := writeAddress(at)
		return h225.AliasAddress{Choice: h225.AliasAddressTransportID, TransportID: &address}
	default:
		return h225.AliasAddress{Choice: h225.AliasAddressDialledDigits, DialledDigits: a.Text}
	}
}
