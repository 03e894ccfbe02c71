package record

import (
	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/directory"
)

// Tags of a user.
const (
	userNumber = iota + 1
	userName
	userLoginCode
	userSecret
	userBase
	userDND
	userForwardAlways
	userForwardBusy
	userForwardNoAnswer
	userNoAnswerAfter
	userH235
)

// AppendUser appends the bytes of a user to dst. All Append functions do
// likewise for their kind.
func AppendUser(dst []byte, u *User) []byte {
	dst = begin(dst, KindUser)
	dst = appendText(dst, userNumber, string(u.Number))
	dst = appendText(dst, userName, u.Name)
	dst = appendText(dst, userLoginCode, u.LoginCode)
	if !u.Secret.IsZero() {
		var room [64]byte
		if secret, err := u.Secret.AppendBinary(room[:0]); err == nil {
			dst = appendText(dst, userSecret, string(secret))
		}
	}
	dst = appendText(dst, userBase, string(u.BaseExtension))
	dst = appendBool(dst, userDND, u.Settings.DoNotDisturb)
	dst = appendText(dst, userForwardAlways, u.Settings.Forwards.Always)
	dst = appendText(dst, userForwardBusy, u.Settings.Forwards.Busy)
	dst = appendText(dst, userForwardNoAnswer, u.Settings.Forwards.NoAnswer)
	dst = appendUint(dst, userNoAnswerAfter, uint64(u.Settings.Forwards.NoAnswerAfter))
	return appendText(dst, userH235, string(u.H235))
}

// ParseUser reads a user; b must be nothing else. All Parse functions do
// likewise for their kind.
func ParseUser(b []byte) (User, error) {
	var u User
	err := fields(b, KindUser, func(f *field) (err error) {
		switch f.tag {
		case userNumber:
			return number(f, &u.Number)
		case userName:
			return f.text(&u.Name, maxText)
		case userLoginCode:
			return f.text(&u.LoginCode, maxText)
		case userSecret:
			u.Secret, err = credentials.ParseSecret(f.bytes)
			return err
		case userBase:
			return number(f, &u.BaseExtension)
		case userDND:
			return f.bool(&u.Settings.DoNotDisturb)
		case userForwardAlways:
			return f.text(&u.Settings.Forwards.Always, maxText)
		case userForwardBusy:
			return f.text(&u.Settings.Forwards.Busy, maxText)
		case userForwardNoAnswer:
			return f.text(&u.Settings.Forwards.NoAnswer, maxText)
		case userNoAnswerAfter:
			return f.uint16(&u.Settings.Forwards.NoAnswerAfter)
		case userH235:
			return f.text((*string)(&u.H235), maxText)
		}
		return nil
	})
	return u, about(u.Number, err)
}

// about adds to what went wrong with a record that it names no number.
func about(n registrar.Number, err error) error {
	if err == nil && n == "" {
		return ErrNumber
	}
	return err
}

func number(f *field, into *registrar.Number) error {
	var s string
	if err := f.text(&s, registrar.MaxNumberLength); err != nil {
		return err
	}
	*into = registrar.Number(s)
	return nil
}

// Tags of an extension.
const (
	extensionNumber = iota + 1
	extensionProtocol
	extensionBase
	extensionSecurity
	extensionProfile
)

// AppendExtension appends an extension.
func AppendExtension(dst []byte, e *Extension) []byte {
	dst = begin(dst, KindExtension)
	dst = appendText(dst, extensionNumber, string(e.Number))
	dst = appendUint(dst, extensionProtocol, uint64(e.Protocol))
	dst = appendText(dst, extensionBase, string(e.BaseUser))
	dst = appendUint(dst, extensionSecurity, uint64(e.MediaSecurity))
	return appendText(dst, extensionProfile, e.Profile)
}

// ParseExtension reads an extension.
func ParseExtension(b []byte) (Extension, error) {
	var e directory.Extension
	err := fields(b, KindExtension, func(f *field) error {
		switch f.tag {
		case extensionNumber:
			return number(f, &e.Number)
		case extensionProtocol:
			return oneOf(f, &e.Protocol, registrar.H323)
		case extensionBase:
			return number(f, &e.BaseUser)
		case extensionSecurity:
			return oneOf(f, &e.MediaSecurity, registrar.MediaSecurityEnforced)
		case extensionProfile:
			return f.text(&e.Profile, maxText)
		}
		return nil
	})
	return Extension{e}, about(e.Number, err)
}
