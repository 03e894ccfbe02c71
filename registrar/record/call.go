package record

import (
	"fmt"
	"time"
)

// Tags of a call.
const (
	callID = iota + 1
	callPhone
	callOther
	callDialog
	callOurTag
	callPhoneTag
	callAnswered
)

// AppendCall appends a standing direct call.
func AppendCall(dst []byte, c *Call, now time.Time) []byte {
	dst = begin(dst, KindCall)
	dst = appendText(dst, callID, c.ID)
	dst = appendText(dst, callPhone, string(c.Phone))
	dst = appendText(dst, callOther, string(c.Other))
	dst = appendText(dst, callDialog, c.CallID)
	dst = appendText(dst, callOurTag, c.OurTag)
	dst = appendText(dst, callPhoneTag, c.PhoneTag)
	return appendAge(dst, callAnswered, c.Answered, now)
}

// ParseCall reads a call; its time is put to the reader's clock as by
// ParseRegistration. One whose dialog is not named in full is an error: it could
// never be found again.
func ParseCall(b []byte, now time.Time) (Call, error) {
	var c Call
	err := fields(b, KindCall, func(f *field) error {
		switch f.tag {
		case callID:
			return f.text(&c.ID, maxText)
		case callPhone:
			return number(f, &c.Phone)
		case callOther:
			return number(f, &c.Other)
		case callDialog:
			return f.text(&c.CallID, maxText)
		case callOurTag:
			return f.text(&c.OurTag, maxText)
		case callPhoneTag:
			return f.text(&c.PhoneTag, maxText)
		case callAnswered:
			return f.age(&c.Answered, now)
		}
		return nil
	})
	if err == nil && (c.CallID == "" || c.OurTag == "" || c.PhoneTag == "") {
		err = fmt.Errorf("a call without its dialog: %w", ErrTruncated)
	}
	return c, about(c.Phone, err)
}
