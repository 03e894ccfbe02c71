package phone

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of a fleet.
const (
	maxPhones = 200_000
	maxSetup  = 256 << 20 // bytes of its description
)

// Setup describes a fleet: YAML, or JSON, which is YAML.
type Setup struct {
	// Speed is how many times faster than the wall clock the phones' timers
	// run, 1 if 0. What servers grant counts in wall-clock seconds; the phones
	// ask for accordingly less.
	Speed   float64  `yaml:"speed,omitempty" json:"speed,omitempty"`
	Domain  string   `yaml:"domain" json:"domain"`
	Servers []Server `yaml:"servers" json:"servers"` // every phone's list, best first
	// TrustedRoot is the PEM file that TLS servers are verified against. A
	// server must be certified for its address.
	TrustedRoot string `yaml:"trusted_root,omitempty" json:"trusted_root,omitempty"`
	// Spread is the rule time within which all are switched on, 1s if empty.
	Spread time.Duration `yaml:"spread,omitempty" json:"spread,omitempty"`
	// Seed of everything random.
	Seed   uint64 `yaml:"seed,omitempty" json:"seed,omitempty"`
	Phones []Spec `yaml:"phones" json:"phones"`
}

// ReadSetup reads and checks a fleet's description. Unknown keys are errors.
func ReadSetup(from io.Reader) (Setup, error) {
	var setup Setup
	decoder := yaml.NewDecoder(io.LimitReader(from, maxSetup))
	decoder.KnownFields(true)
	if err := decoder.Decode(&setup); err != nil {
		return Setup{}, fmt.Errorf("fleet: %w", err)
	}
	return setup, setup.Check()
}

// Check says what is wrong with a description, and fills in defaults.
func (s *Setup) Check() error {
	if s.Speed == 0 {
		s.Speed = 1
	}
	if s.Spread == 0 {
		s.Spread = time.Second
	}
	switch {
	case s.Speed < 1 || s.Speed > 10_000:
		return fmt.Errorf("fleet: speed %g: from 1 to 10000", s.Speed)
	case s.Domain == "":
		return errors.New("fleet: no domain: the SIP domain of the phones, the systems' realm")
	case len(s.Servers) == 0 || len(s.Servers) > 8:
		return fmt.Errorf("fleet: %d servers: from 1 to 8", len(s.Servers))
	case len(s.Phones) == 0 || len(s.Phones) > maxPhones:
		return fmt.Errorf("fleet: %d phones: from 1 to %d", len(s.Phones), maxPhones)
	}
	seen := map[string]bool{}
	for i := range s.Phones {
		spec := &s.Phones[i]
		if seen[spec.Number] {
			return fmt.Errorf("fleet: number %s twice", spec.Number)
		}
		seen[spec.Number] = true
		if err := s.checkPhone(spec); err != nil {
			return fmt.Errorf("fleet: phone %q: %w", spec.Number, err)
		}
	}
	return nil
}

func (s *Setup) checkPhone(spec *Spec) error {
	if spec.Number == "" {
		return errors.New("no number")
	}
	if _, err := ProfileByName(spec.Profile); err != nil {
		return err
	}
	switch spec.Returns {
	case "", ByServer, AtRefresh, Probe, Poll:
	default:
		return fmt.Errorf("returns: %q: one of %s, %s, %s, %s", spec.Returns, ByServer, AtRefresh, Probe, Poll)
	}
	if spec.Expires < 0 {
		return fmt.Errorf("expires: %d: seconds, 0 for the profile's", spec.Expires)
	}
	if err := spec.Calls.Check(); err != nil {
		return fmt.Errorf("calls: %w", err)
	}
	for _, server := range s.Servers {
		to, err := server.Address(spec.Transport)
		if err != nil {
			return err
		}
		if !spec.Address.IsValid() { // loopback servers are reached from loopback
			spec.Address = netip.IPv4Unspecified()
			if to.Addr().Is6() {
				spec.Address = netip.IPv6Unspecified()
			}
			if to.Addr().IsLoopback() {
				spec.Address = to.Addr()
			}
		}
		if spec.Address.Is4() != to.Addr().Is4() {
			return fmt.Errorf("address %s cannot reach %s at %s", spec.Address, server.Name, to)
		}
	}
	return nil
}

// Address is where the server listens for a transport.
func (s Server) Address(transport string) (netip.AddrPort, error) {
	var at netip.AddrPort
	switch transport {
	case "udp":
		at = s.UDP
	case "tcp":
		at = s.TCP
	case "tls":
		at = s.TLS
	default:
		return at, fmt.Errorf("transport %q: udp, tcp or tls", transport)
	}
	if !at.IsValid() {
		return at, fmt.Errorf("server %s has no %s address", s.Name, transport)
	}
	return at, nil
}

// Clock runs Speed times as fast as the wall clock.
type Clock struct {
	start time.Time
	speed float64
}

// NewClock starts a clock at the wall clock's time now.
func NewClock(speed float64) Clock { return Clock{time.Now(), speed} }

// Elapsed is the rule time since the start.
func (c Clock) Elapsed() time.Duration {
	return time.Duration(float64(time.Since(c.start)) * c.speed)
}

// Now is the rule time as an instant.
func (c Clock) Now() time.Time { return c.start.Add(c.Elapsed()) }

// At is the rule time of a wall-clock instant, in seconds since the start.
func (c Clock) At(instant time.Time) float64 { return instant.Sub(c.start).Seconds() * c.speed }

// Until is the wall-clock time until a rule instant, not below 0.
func (c Clock) Until(at time.Time) time.Duration {
	return max(0, time.Duration(float64(at.Sub(c.Now()))/c.speed))
}

// Real turns rule time into wall-clock time.
func (c Clock) Real(rule time.Duration) time.Duration {
	return time.Duration(float64(rule) / c.speed)
}
