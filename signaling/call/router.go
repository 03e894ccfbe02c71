package call

import (
	"time"

	"roost/registrar"
)

// Router says what a number is now. It answers at once, from memory; it is asked
// anew for each number that a call comes to (forwards, groups, transfers).
type Router interface {
	Route(q Query) Route
	// Number is the number that a URI of ours means (a Refer-To, a Contact of a
	// 3xx, a forward), false for one of another domain that may not be called.
	Number(uri string) (string, bool)
}

// Query is who wants to reach what.
type Query struct {
	// To is the number as it was dialled.
	To string
	// From is who calls or, in a transfer, who asks for it: its rights and, for
	// emergency calls, its home location count (GU6).
	From registrar.Number
	// Peer and PeerName are where the call came in.
	Peer     PeerKind
	PeerName string
	Guest    bool
	// Forwarded: the caller did not dial To; a forward or a group leads there. So a call
	// that came in over a trunk may leave by one.
	Forwarded bool
}

// RouteKind is what a number is.
type RouteKind uint8

// The kinds.
const (
	// Unknown numbers are refused with 404.
	Unknown RouteKind = iota
	// ToUser: a user served here; Targets are its devices, all rung at once. With no
	// device it is 480, and counts as no answer.
	ToUser
	// ToSystem: somebody served at another system, which knows forwards and the like.
	// Targets are tried in order.
	ToSystem
	// ToTrunks: Targets are tried in order until one makes progress.
	ToTrunks
	// ToGroup: Group says who.
	ToGroup
	// ToEmergency: like ToTrunks (a Target may be another system), and never refused.
	ToEmergency
	// Barred: it is refused with Refuse.
	Barred
)

// Route is the answer.
type Route struct {
	Kind RouteKind
	// Number is the number in its normal form, Name the user's or group's name.
	Number registrar.Number
	Name   string
	// Guest: the user's phone is a guest here.
	Guest   bool
	Targets []Target
	Refuse  Cause
	Group   Group
	User    Settings
}

// Settings are what a user set. Numbers are as dialled; empty: no forward.
type Settings struct {
	DoNotDisturb             bool
	Always, OnBusy, NoAnswer string
	// RingFor is how long the user's phones ring; 0: Limits.RingFor.
	RingFor time.Duration
	// InCalls: the user has as many calls as it may; it is busy unrung.
	InCalls bool
	// IdleSince is when the user's last call ended, for groups; zero: longest ago.
	IdleSince time.Time
}

// GroupMode is how a group is rung.
type GroupMode uint8

// The modes.
const (
	RingAll GroupMode = iota + 1
	InOrder
	LongestIdle
)

// Group is a hunt list.
type Group struct {
	Mode GroupMode
	// Members are numbers, at any system. Forwards of members are not followed;
	// members who do not want to be disturbed are passed over.
	Members []string
	// RingFor is how long each member rings (all together with RingAll); 0:
	// Limits.MemberRingFor.
	RingFor time.Duration
	// Overflow is where the call goes when nobody answered; empty: nowhere.
	Overflow string
}
