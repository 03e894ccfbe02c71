package sip

import (
	"sync/atomic"
	"time"
)

// date keeps the Date header of the current second, which thousands of answers
// share.
type date struct{ last atomic.Pointer[dated] }

type dated struct {
	second int64
	text   string
}

// at gives an RFC 3261 20.17 date.
func (d *date) at(now time.Time) string {
	s := now.Unix()
	if p := d.last.Load(); p != nil && p.second == s {
		return p.text
	}
	p := &dated{s, now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}
	d.last.Store(p)
	return p.text
}
