package q931

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
)

// JSON prints a message for people and their tools. userInformation prints the PER
// of the H323-UserInformation and may be nil; its error is returned.
func (m *Message) JSON(userInformation func([]byte) ([]byte, error)) ([]byte, error) {
	type elementView map[string]any
	view := struct {
		Discriminator   int           `json:"protocolDiscriminator"`
		Reference       uint16        `json:"callReference"`
		FromDestination bool          `json:"fromDestination"`
		Type            string        `json:"messageType"`
		Elements        []elementView `json:"informationElements"`
	}{discriminator, m.Reference, m.FromDestination, m.Type.String(), []elementView{}}
	var codeset codesets
	for _, e := range m.Elements {
		name, shown := e.ID.String(), any(hex.EncodeToString(e.Data))
		if codeset.current == 0 {
			switch element, err := e.view(userInformation); {
			case err != nil:
				return nil, err
			case element != nil:
				shown = element
			}
		} else if !e.ID.single() {
			name = "codeset " + strconv.Itoa(codeset.current) + " element " + strconv.Itoa(int(e.ID))
		}
		codeset.see(e.ID)
		view.Elements = append(view.Elements, elementView{name: shown})
	}
	return json.Marshal(view)
}

// view is what an element of code set 0 says; nil where only its octets do.
func (e Element) view(userInformation func([]byte) ([]byte, error)) (any, error) {
	switch e.ID {
	case Display, KeypadFacility:
		return string(e.Data), nil
	case CauseID:
		if c, err := ParseCause(e.Data); err == nil {
			return map[string]any{"location": c.Location, "value": c.Value, "diagnostics": hex.EncodeToString(c.Rest)}, nil
		}
	case CallingPartyNumber, CalledPartyNumber, ConnectedNumber, RedirectingNumber:
		if n, err := ParseNumber(e.Data); err == nil {
			shown := map[string]any{"typeOfNumber": n.Type, "numberingPlan": n.Plan, "digits": n.Digits}
			if n.Screened {
				shown["presentation"], shown["screening"] = n.Presentation, n.Screening
			}
			return shown, nil
		}
	case BearerCapability:
		if b, err := ParseBearer(e.Data); err == nil {
			return map[string]any{"hex": hex.EncodeToString(e.Data), "informationTransferCapability": b.Capability,
				"rate": b.Rate, "layer1": b.Layer1}, nil
		}
	case UserUser:
		if userInformation == nil || len(e.Data) == 0 || e.Data[0] != ProtocolX208 {
			return nil, nil
		}
		shown, err := userInformation(e.Data[1:])
		if err != nil {
			return nil, err
		}
		return map[string]any{"protocolDiscriminator": e.Data[0], "H323-UserInformation": json.RawMessage(shown)}, nil
	}
	if e.ID.single() {
		return true, nil
	}
	return nil, nil
}
