package media

import "errors"

// The errors of a Session, for errors.Is. Each error says besides what is wrong
// and in which m-line. In an offer each leads to 488, but ErrState to 491 (or 500)
// and ErrNoPorts to 503; in an answer the call is acknowledged and ended.
var (
	// ErrMalformed: the body is no session description, or past a limit.
	ErrMalformed = errors.New("the session description cannot be read")
	// ErrAddress: a media address that nobody may be sent to: a host name,
	// multicast, loopback from outside, our own ports.
	ErrAddress = errors.New("the media address is refused")
	// ErrNoMedia: no m-line is left that could be carried.
	ErrNoMedia = errors.New("there is no media to carry")
	// ErrSecurity: what the media security policy asks for is not offered, or was
	// refused.
	ErrSecurity = errors.New("media security")
	// ErrCodec: the answer has no codec in common with the offer.
	ErrCodec = errors.New("no common codec")
	// ErrAnswer: the answer does not fit the offer (RFC 3264 §6).
	ErrAnswer = errors.New("the answer does not fit the offer")
	// ErrState: an offer while one is open, or an answer without one.
	ErrState = errors.New("offer and answer out of turn")
)
