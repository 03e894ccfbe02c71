package console

import "roost/cmd/roost/console/api"

// Source is the running system as the console sees it. Every method may be
// called from many goroutines. A command's error is shown to the caller as it is.
type Source interface {
	Status() api.Status
	// Registrations lists in the order of numbers, at most limit, those after
	// the number given.
	Registrations(after string, limit int) api.Registrations

	// Calls are at most limit calls, the oldest first; CallLog is a user's last calls.
	Calls(limit int) api.CallList
	CallLog(number string) api.CallLog

	TakeOver(api.TakeOver) (string, error)
	Release(api.Release) (string, error)
	Announce(api.Announce) (string, error)

	// LabBusy and LabRefuse fail unless the system runs with `lab: true`.
	LabBusy(api.Busy) (string, error)
	LabRefuse(api.Refuse) (string, error)
}
