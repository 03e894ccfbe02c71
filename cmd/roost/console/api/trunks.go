package api

import "time"

// Trunk is an outside line: a carrier or another PBX.
type Trunk struct {
	Name      string `json:"name"`
	Peer      string `json:"peer"`
	Transport string `json:"transport"`
	// State is unknown (not heard of yet), up or down; Why says why it is down.
	State string    `json:"state"`
	Why   string    `json:"why,omitempty"`
	Since time.Time `json:"since"`
	// Registration is unregistered, registered, refused or unreachable; empty where
	// this system does not register with it.
	Registration    string     `json:"registration,omitempty"`
	RegisteredUntil *time.Time `json:"registered_until,omitempty"`
	// NextTry is when a registration that failed is asked for again, Failures how many
	// failed in a row.
	NextTry  *time.Time `json:"next_try,omitempty"`
	Failures int        `json:"failures,omitempty"`
	// Server is the one that took this system's last request.
	Server  string        `json:"server,omitempty"`
	Servers []TrunkServer `json:"servers"`
}

// TrunkServer is one address of a trunk (RFC 3263).
type TrunkServer struct {
	Host     string `json:"host"`
	Address  string `json:"address"`
	Priority int    `json:"priority"`
	Weight   int    `json:"weight"`
	// Avoided: it failed lately and is tried last.
	Avoided bool `json:"avoided,omitempty"`
}
