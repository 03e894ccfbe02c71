package record

import (
	"fmt"
	"time"

	"roost/registrar"
)

// Tags of a call. Those of its second end follow callEnds further on.
const (
	callID = iota + 1
	callDirect
	callStart
	callAnswer
	callNumber
	callName
	callKind
	callSystem
	callDialog
	callOurTag
	callTheirTag
	callLast

	callEnds = callLast - callNumber
)

// AppendCall appends a connected call.
func AppendCall(dst []byte, c *Call, now time.Time) []byte {
	dst = begin(dst, KindCall)
	dst = appendText(dst, callID, c.ID)
	dst = appendBool(dst, callDirect, c.Direct)
	dst = appendAge(dst, callStart, c.Start, now)
	dst = appendAge(dst, callAnswer, c.Answer, now)
	for i := range c.Ends {
		end, tag := &c.Ends[i], i*callEnds
		dst = appendText(dst, callNumber+tag, string(end.Number))
		dst = appendText(dst, callName+tag, end.Name)
		dst = appendText(dst, callKind+tag, end.Kind)
		dst = appendText(dst, callSystem+tag, end.System)
		dst = appendText(dst, callDialog+tag, end.CallID)
		dst = appendText(dst, callOurTag+tag, end.OurTag)
		dst = appendText(dst, callTheirTag+tag, end.TheirTag)
	}
	return dst
}

// ParseCall reads a call; its times are put to the reader's clock as by
// ParseRegistration. One whose dialogs are not named in full is an error: it could
// never be found again.
func ParseCall(b []byte, now time.Time) (Call, error) {
	var c Call
	err := fields(b, KindCall, func(f *field) error {
		switch f.tag {
		case callID:
			return f.text(&c.ID, maxText)
		case callDirect:
			return f.bool(&c.Direct)
		case callStart:
			return f.age(&c.Start, now)
		case callAnswer:
			return f.age(&c.Answer, now)
		}
		switch i := f.tag - callNumber; {
		case i < 0:
			return nil
		case i < callEnds:
			return c.Ends[0].take(f, f.tag)
		case i < 2*callEnds:
			return c.Ends[1].take(f, f.tag-callEnds)
		}
		return nil
	})
	for i := range c.Ends {
		if end := &c.Ends[i]; err == nil && (end.CallID == "" || end.OurTag == "" || end.TheirTag == "") {
			err = fmt.Errorf("a call without its dialogs: %w", ErrTruncated)
		}
	}
	if err == nil && c.ID == "" {
		err = fmt.Errorf("a call without a name: %w", ErrTruncated)
	}
	return c, err
}

func (e *CallEnd) take(f *field, tag int) error {
	switch tag {
	case callNumber:
		return number(f, &e.Number)
	case callName:
		return f.text(&e.Name, maxText)
	case callKind:
		return f.text(&e.Kind, maxKind)
	case callSystem:
		return f.text(&e.System, registrar.MaxHomeLength)
	case callDialog:
		return f.text(&e.CallID, maxText)
	case callOurTag:
		return f.text(&e.OurTag, maxText)
	default:
		return f.text(&e.TheirTag, maxText)
	}
}

// maxKind bounds the name of a kind of peer.
const maxKind = 16
