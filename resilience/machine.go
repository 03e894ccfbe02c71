package resilience

import "time"

// bugs are the planted faults of the mutation check; all false outside of it.
type bugs struct{}

// Machine is the resilience of one system. See the package documentation.
type Machine struct{}

// New makes the machine of a system that starts now: every home is COLD.
func New(c Config, now time.Time) (*Machine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Machine{}, nil
}

// Step handles one event at now and returns what to do, in order. The slice is the caller's.
func (m *Machine) Step(e Event, now time.Time) []Effect { return nil }

// Refresh is the hot path of Step(PhoneAsks{Proven: true}): if phone is a guest about
// which there is nothing to decide, it returns the admission, and true. Otherwise, Step.
func (m *Machine) Refresh(id uint64, phone Phone, now time.Time) (Admit, bool) {
	return Admit{}, false
}

// Registered is Step(e, now) without boxing: for a guest's refresh it returns nil.
func (m *Machine) Registered(e PhoneRegistered, now time.Time) []Effect { return nil }

// Next is when Step(Tick{}) is due, false if nothing is.
func (m *Machine) Next() (deadline time.Time, ok bool) { return time.Time{}, false }

// View is the state at now.
func (m *Machine) View(now time.Time) View { return View{} }

// Guests are all guests, by number.
func (m *Machine) Guests(now time.Time) []GuestView { return nil }

// Guest is one guest; false if phone is none.
func (m *Machine) Guest(phone Phone, now time.Time) (GuestView, bool) { return GuestView{}, false }
