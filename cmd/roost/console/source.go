package console

import "roost/cmd/roost/console/api"

// Source is the running system as the console sees it. Every method may be
// called from many goroutines. A command's error is shown to the caller as it is.
type Source interface {
	Status() api.Status
	// Registrations lists in the order of numbers, at most limit, those after
	// the number given.
	Registrations(after string, limit int) api.Registrations

	TakeOver(api.TakeOver) (string, error)
	Release(api.Release) (string, error)
	Announce(api.Announce) (string, error)

	// LabBusy and LabRefuse fail unless the system runs with `lab: true`.
	LabBusy(api.Busy) (string, error)
	LabRefuse(api.Refuse) (string, error)
}
