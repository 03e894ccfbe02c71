package config

import "time"

// The shortest times outside of a lab (RULES.md: 3m, 10m and 5m).
const (
	minFailoverDelay = 3 * time.Minute
	minFailbackDelay = 10 * time.Minute
	minHomelessGrace = 5 * time.Minute
)

// Timers are the rule times in force: those of the configuration divided by
// lab_speed.
type Timers struct {
	// FailoverDelay is what the configuration asks for, zero where it leaves it to
	// the size of the network: FailoverDelay(systems) gives the delay in force.
	FailoverDelay time.Duration
	FailbackDelay time.Duration
	HomelessGrace time.Duration
	RetryFirst    time.Duration
	RetryMax      time.Duration
	VisibleWithin time.Duration
	RestartLimit  time.Duration
	BehindAlarm   time.Duration
	Heartbeat     time.Duration
	// GuestExpiresMin and Max are whole seconds, at least one, for they go into a
	// SIP header.
	GuestExpiresMin time.Duration
	GuestExpiresMax time.Duration
}

// Timers gives the rule times in force.
func (c *Config) Timers() Timers {
	r := &c.Resilience
	return Timers{
		FailoverDelay:   c.sped(r.FailoverDelay),
		FailbackDelay:   c.sped(r.FailbackDelay),
		HomelessGrace:   c.sped(r.HomelessGrace),
		RetryFirst:      c.sped(r.RetryFirst),
		RetryMax:        c.sped(r.RetryMax),
		VisibleWithin:   c.sped(r.VisibleWithin),
		RestartLimit:    c.sped(r.RestartLimit),
		BehindAlarm:     c.sped(r.BehindAlarm),
		Heartbeat:       c.sped(c.Network.Heartbeat),
		GuestExpiresMin: wholeSeconds(c.sped(r.GuestExpires.Min)),
		GuestExpiresMax: wholeSeconds(c.sped(r.GuestExpires.Max)),
	}
}

// FailoverDelay is the delay in force in a network of so many systems (rule
// FO2): 3m up to 4 systems, 10s more for each further one, 10m at most. A
// configured delay can only lengthen it, but in a lab it counts as written.
func (c *Config) FailoverDelay(systems int) time.Duration {
	wanted := c.Resilience.FailoverDelay.Std()
	bySize := delayBySize(systems)
	if wanted == 0 || wanted < bySize && !c.Lab {
		wanted = bySize
	}
	return c.sped(Duration(wanted))
}

func delayBySize(systems int) time.Duration {
	delay := minFailoverDelay + time.Duration(max(0, systems-4))*10*time.Second
	return min(delay, 10*time.Minute)
}

// quickDelay is the failover delay below which a lab's unwritten times follow it.
const quickDelay = 45 * time.Second

// quicken lets a lab that writes a short failover delay and nothing else have what it
// means: a home that is not seen for 3 s cannot count as visible for 15 s. What is
// not written then keeps the proportions that the rules' times have, roughly: visible
// within half of the delay, three heartbeats in that.
func (c *Config) quicken() {
	delay := c.Resilience.FailoverDelay.Std()
	if !c.Lab || delay <= 0 || delay >= quickDelay {
		return
	}
	if c.lines["resilience.visible_within"] == 0 {
		c.Resilience.VisibleWithin = Duration(min(c.Resilience.VisibleWithin.Std(), max(delay/2, time.Second)))
	}
	if c.lines["network.heartbeat"] == 0 {
		c.Network.Heartbeat = Duration(min(c.Network.Heartbeat.Std(), max(c.Resilience.VisibleWithin.Std()/3, 100*time.Millisecond)))
	}
}

func (c *Config) sped(d Duration) time.Duration {
	if c.LabSpeed <= 1 {
		return d.Std()
	}
	return d.Std() / time.Duration(c.LabSpeed)
}

func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, d.Round(time.Second))
}
