package switchboard

import (
	"bytes"

	"roost/signaling/call"
)

// withDirection fills in what the bodies of an event say of hold.
func withDirection(ev call.LegEvent) call.LegEvent {
	switch ev := ev.(type) {
	case call.Ringing:
		ev.Body.Direction = directionOf(ev.Body)
		return ev
	case call.Answered:
		ev.Body.Direction = directionOf(ev.Body)
		return ev
	case call.Connected:
		ev.Body.Direction = directionOf(ev.Body)
		return ev
	case call.Offered:
		ev.Body.Direction = directionOf(ev.Body)
		return ev
	case call.Agreed:
		ev.Body.Direction = directionOf(ev.Body)
		return ev
	}
	return ev
}

// directionOf is the direction of the first audio stream of a session description
// (RFC 8866 §6.7), with the hold of RFC 2543, c=0.0.0.0, as sendonly. It refuses
// nothing: media does that.
func directionOf(b call.Body) call.Direction {
	if b.Empty() {
		return call.AnyDirection
	}
	d, session := call.SendRecv, true
	zero := false
	for line := range bytes.Lines(b.Data) {
		line = bytes.TrimRight(line, "\r\n")
		if bytes.HasPrefix(line, []byte("m=")) {
			if !session {
				break // the audio's part is over
			}
			if session = !bytes.HasPrefix(line, []byte("m=audio ")); !session && bytes.HasPrefix(line, []byte("m=audio 0 ")) {
				return call.Inactive
			}
			continue
		}
		switch string(line) {
		case "a=sendrecv":
			d = call.SendRecv
		case "a=sendonly":
			d = call.SendOnly
		case "a=recvonly":
			d = call.RecvOnly
		case "a=inactive":
			d = call.Inactive
		}
		if bytes.HasPrefix(line, []byte("c=")) {
			zero = bytes.HasSuffix(line, []byte(" 0.0.0.0"))
		}
	}
	if session {
		return call.AnyDirection // no audio at all
	}
	if zero && d == call.SendRecv {
		return call.SendOnly
	}
	return d
}
