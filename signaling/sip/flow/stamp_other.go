//go:build !linux

package flow

import "time"

// stampOf: only Linux tells.
func stampOf(uintptr) (time.Time, bool) { return time.Time{}, false }
