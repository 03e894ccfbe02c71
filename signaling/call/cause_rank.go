package call

// better chooses between two refusals of one fork (RFC 3261 §16.7 step 6): a 6xx
// before all, then the lowest class, 3xx that were not followed aside; within a
// class what tells the caller more. A zero cause is none.
func better(a, b Cause) Cause {
	if rank(b.Status) < rank(a.Status) {
		return b
	}
	return a
}

func rank(status int) int {
	switch {
	case status == 0:
		return 100
	case status >= 600:
		return 0
	case status >= 500:
		if status == 503 {
			return 60
		}
		return 50
	case status < 400:
		return 40
	}
	switch status {
	case 486:
		return 10
	case 401, 407, 415, 420, 484: // what affects how the caller could try again
		return 11
	case 480:
		return 21
	case 404, 410:
		return 22
	case 408, 430, 487:
		return 30
	default:
		return 20
	}
}

// busy tells whether forwards on busy apply, unanswered those on no answer.
func (c Cause) busy() bool { return c.Status == 486 || c.Status == 600 }

func (c Cause) unanswered() bool {
	switch c.Status {
	case 408, 410, 430, 480, 487:
		return true
	}
	return c.Status >= 500 && c.Status < 600
}

// tryNext tells whether another way to the same number may succeed where one was
// refused so.
func (c Cause) tryNext() bool {
	switch c.Status {
	case 404, 410, 484, 486, 600, 603, 604:
		return false
	}
	return true
}

// refusal is a cause as a caller may be told it. What is between us and the far
// end stays there: a challenge, a redirection, a lost flow, and a 503, which would
// make the caller's phone leave this system for its backup.
func refusal(c Cause) Cause {
	c.Contacts, c.far = nil, false
	switch {
	case c.Status < 300 || c.Status >= 700:
		c = Cause{Status: 480, Phrase: orText(c.Phrase, "not available")}
	case c.Status < 400:
		c = Cause{Status: 480, Phrase: "moved, and not followed"}
	case c.Status == 401 || c.Status == 407:
		c = Cause{Status: 500, Phrase: "the far end asked for credentials"}
	case c.Status == 408 || c.Status == 430:
		c = Cause{Status: 480, Phrase: orText(c.Phrase, "not reachable")}
	}
	return c
}

// foreign is what a leg's refusal is to the call: 503 says something about the far
// end, and nothing about us.
func foreign(c Cause) Cause {
	c.far = true
	if c.Status == 503 {
		c.Status, c.RetryAfter = 500, 0
		c.Phrase = orText(c.Phrase, "the far end has no service")
	}
	return c
}

func orText(s, or string) string {
	if s != "" {
		return s
	}
	return or
}

// why is a cause in words, for records.
func (c Cause) why() string {
	if c.Phrase != "" {
		return c.Phrase
	}
	switch c.Status {
	case 0:
		return "hung up"
	case 404:
		return "no such number"
	case 408, 480:
		return "not available"
	case 486, 600:
		return "busy"
	case 487:
		return "cancelled"
	case 488, 606:
		return "no common media"
	case 603:
		return "declined"
	}
	return "refused"
}
