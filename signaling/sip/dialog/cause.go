package dialog

import (
	"strconv"
	"strings"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// maxPhrase bounds a text that the far end gives.
const maxPhrase = 128

// q850 are the causes of Q.850 that say more than their status (RFC 3398 §8.2.6.1,
// RFC 6432).
var q850 = [...]struct{ cause, status int }{
	{16, 0}, {31, 0}, {1, 404}, {2, 404}, {3, 404}, {17, 486}, {18, 408}, {19, 480}, {20, 480},
	{21, 603}, {22, 410}, {27, 502}, {28, 484}, {29, 501}, {34, 503}, {38, 503}, {41, 503}, {42, 503},
	{47, 503}, {55, 403}, {57, 403}, {58, 503}, {65, 488}, {79, 501}, {87, 403}, {88, 488}, {102, 504},
	{127, 500},
}

// reasonOf reads Reason headers (RFC 3326): why the far end ends or cancels. The
// ordinary end is the zero Cause.
func reasonOf(m *message.Message) (c call.Cause) {
	for v := range m.List(message.HReason) {
		protocol, params, _ := strings.Cut(v, ";")
		p := message.Params(";" + params)
		text, _ := p.Get("text")
		number, _ := p.Get("cause")
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		if c.Phrase == "" {
			c.Phrase = keep(cutTo(text, maxPhrase))
		}
		switch strings.ToUpper(strings.TrimSpace(protocol)) {
		case "SIP":
			if n >= 300 && n <= 699 {
				c.Status = n
			}
		case "Q.850":
			for _, q := range q850 {
				if q.cause == n && c.Status == 0 {
					c.Status = q.status
				}
			}
		}
	}
	if c.Status == 0 {
		c.Phrase = ""
	}
	return c
}

func cutTo(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// appendReason writes why (RFC 3326); nothing for the ordinary end.
func (l *Leg) appendReason(b []byte, c call.Cause) []byte {
	if c.Status == 0 && c.Phrase == "" {
		return b
	}
	status := c.Status
	if status == 0 {
		status = 200
	}
	b = strconv.AppendInt(append(b, "Reason: SIP;cause="...), int64(status), 10)
	if text := cutTo(c.Phrase, maxPhrase); text != "" {
		b = message.AppendQuoted(append(b, ";text="...), text)
	}
	return append(b, "\r\n"...)
}

// phraseOf is a status in words.
func phraseOf(status int) string {
	switch status {
	case 100:
		return "Trying"
	case 180:
		return "Ringing"
	case 181:
		return "Call Is Being Forwarded"
	case 182:
		return "Queued"
	case 183:
		return "Session Progress"
	case 200:
		return "OK"
	case 202:
		return "Accepted"
	case 300:
		return "Multiple Choices"
	case 301:
		return "Moved Permanently"
	case 302:
		return "Moved Temporarily"
	case 400:
		return "Bad Request"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 408:
		return "Request Timeout"
	case 415:
		return "Unsupported Media Type"
	case 422:
		return "Session Interval Too Small"
	case 430:
		return "Flow Failed"
	case 480:
		return "Temporarily Unavailable"
	case 481:
		return "Call/Transaction Does Not Exist"
	case 482:
		return "Loop Detected"
	case 483:
		return "Too Many Hops"
	case 484:
		return "Address Incomplete"
	case 486:
		return "Busy Here"
	case 487:
		return "Request Terminated"
	case 488:
		return "Not Acceptable Here"
	case 489:
		return "Bad Event"
	case 491:
		return "Request Pending"
	case 500:
		return "Server Internal Error"
	case 501:
		return "Not Implemented"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Server Time-out"
	case 600:
		return "Busy Everywhere"
	case 603:
		return "Decline"
	case 604:
		return "Does Not Exist Anywhere"
	case 606:
		return "Not Acceptable"
	}
	return "Refused"
}
