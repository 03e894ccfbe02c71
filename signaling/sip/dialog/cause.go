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

// phrases are the statuses that a leg sends, in words.
var phrases = map[int]string{
	100: "Trying",
	180: "Ringing",
	181: "Call Is Being Forwarded",
	182: "Queued",
	183: "Session Progress",
	200: "OK",
	202: "Accepted",
	300: "Multiple Choices",
	301: "Moved Permanently",
	302: "Moved Temporarily",
	400: "Bad Request",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	408: "Request Timeout",
	415: "Unsupported Media Type",
	422: "Session Interval Too Small",
	430: "Flow Failed",
	480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist",
	482: "Loop Detected",
	483: "Too Many Hops",
	484: "Address Incomplete",
	486: "Busy Here",
	487: "Request Terminated",
	488: "Not Acceptable Here",
	489: "Bad Event",
	491: "Request Pending",
	500: "Server Internal Error",
	501: "Not Implemented",
	502: "Bad Gateway",
	503: "Service Unavailable",
	504: "Server Time-out",
	600: "Busy Everywhere",
	603: "Decline",
	604: "Does Not Exist Anywhere",
	606: "Not Acceptable",
}

func phraseOf(status int) string {
	if p := phrases[status]; p != "" {
		return p
	}
	return "Refused"
}
