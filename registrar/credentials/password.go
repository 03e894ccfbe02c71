package credentials

// Password is a password that must be kept as it is, because H.235 tokens are hashed
// over it or keyed with it. It is comparable, and prints as "[secret]".
type Password string

// String hides the password.
func (p Password) String() string { return "[secret]" }

// GoString hides the password.
func (p Password) GoString() string { return "[secret]" }

// MarshalText hides the password from encoders and structured logs.
func (p Password) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
