package api

// TakeOver is the body of POST /api/v1/takeover: serve a home's phones at once (FO4).
type TakeOver struct {
	Home string `json:"home"`
}

// Release is the body of POST /api/v1/release: send guests home now, without
// waiting for the failback delay. With a Number only that phone, with a
// Location only its phones, with neither all guests of Home.
type Release struct {
	Home     string `json:"home,omitempty"`
	Number   string `json:"number,omitempty"`
	Location string `json:"location,omitempty"`
}

// Announce is the body of POST /api/v1/announce: tell the backups that this
// system restarts and will be back within so many seconds, 900 at most (FO4).
type Announce struct {
	BackWithin float64 `json:"back_within"`
}

// Busy is the body of POST /api/v1/lab/busy: a lab's stand-in for a call on a
// phone registered here. Only systems with `lab: true` take it.
type Busy struct {
	Number string `json:"number"`
	Busy   bool   `json:"busy"`
}

// Refuse is the body of POST /api/v1/lab/refuse: this system refuses every
// REGISTER with 503 while On. Only systems with `lab: true` take it.
type Refuse struct {
	On bool `json:"on"`
}

// Answer is the body of every command's answer.
type Answer struct {
	OK bool `json:"ok"`
	// Text says what was done, or what is wrong and what would be right.
	Text string `json:"text"`
}
