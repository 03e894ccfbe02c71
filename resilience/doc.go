// Package resilience is the rules FO (failover), GU (guests) and FB (failback)
// as one state machine without I/O: Step(event, now) returns effects.
//
// It owns the decision who may register here, when, and when a guest is told to
// go home. It must not know sockets, SIP, H.323, the registrar, the log or the
// clock: every time is an argument, and the same events at the same times with
// the same seed give the same effects.
//
// # The states
//
// There is one Machine a system. For each home that the system backs up it walks
//
//	COLD        no complete mirror of the home: nobody can be admitted (GU3)
//	SYNCED      the mirror is complete, the home is visible, it has no guest here
//	SUSPECT     the home is not visible; the failover delay runs (FO2, FO3). Guests that
//	            are here already (the home was lost a second time, FB7) stay and refresh
//	SERVING     the delay has passed, or an operator took over (FO4): its phones are admitted
//	RECOVERING  the home is visible again and has guests here; the failback delay runs (FB1)
//	REHOMING    the failback delay has passed: idle guests go home, at a paced rate (FB3)
//
// and for each phone of a home that registered here
//
//	guest       registered here; refreshes are accepted in every state of its home
//	chosen      its turn has come, its next refresh will be refused; not yet told
//	going home  it was told; the homeless grace runs (FB5)
//	settling    the home has registered it, the guest entry is gone; the grace still runs
//	absent      not registered here, but its place is kept: its flow closed, or it is homeless
//
// Visible means: the newest heartbeat said "ready" and is younger than
// Timers.VisibleFor, heard directly or through a third system. The failover delay
// counts from the last ready heartbeat, or from the start of this machine if there
// was none; a heartbeat that says "not ready" neither makes a home visible nor
// restarts the count (a hung home is failed over), but it ends visibility at once.
//
// # Sending home without ever refusing at both
//
// FB4 lists the refusal of a refresh as a trigger, FB5 forbids that a phone is
// refused at both systems during the grace. They go together so: telling a phone to
// go home (by NOTIFY, by a refusal, by closing its flow, by 302) starts its grace.
// From then on every request of it is accepted here, whatever state the home is in.
// The next trigger of the ladder is only used on a phone that came back, was
// registered here again after the last trigger, and has had TriggerWait of service
// since. That trigger is a new telling, with a new grace. So a phone that the home
// refused always finds the door open here, at its first try. A telling is also only
// done while the home is visible and the phone idle. A phone that came back from a
// home which already had it is left alone until its grace is over.
//
// # Take over
//
// An operator's TakeOver makes the backup serve at once, also while the home is
// visible (the planned hand-over of FO4). It lasts until the operator releases the
// home (Release{Home}), or until the home has been away (it restarted, which its
// epoch shows, or it was unseen for the failover delay, or it was not visible when the
// operator took over) and is visible again: from then on the ordinary failback counts.
// It needs a complete mirror.
//
// # The caller's duties
//
//  1. Make one Machine with New(config, now). It is not safe for concurrent use: one
//     goroutine, or one lock.
//  2. Hand every event to Step, with the time at which it is handled, and carry out the
//     returned effects in their order before the next Step. now must not run backwards;
//     an earlier now is taken as the latest one seen.
//  3. After each Step ask Next. When that time comes, Step(Tick{}, now). A late tick
//     delays timers but breaks no rule: decisions are made from now, not from ticks.
//  4. For a REGISTER, RRQ or GRQ: look the number up. If this system owns it, Home is
//     Self, whatever a mirror says (FO5); such requests may bypass the machine. Else Home
//     is what the mirrored directory says ("" if nobody has it), and Known says whether
//     the mirror holds its credentials. Step(PhoneAsks{Proven: false}); on Challenge
//     examine the credentials against the mirrored ones, and when they prove the phone
//     Step(PhoneAsks{Proven: true}) once. A request that already carries good credentials
//     may be asked with Proven: true at once. The same ID comes back in the one effect
//     that decides: Admit, Challenge, Acknowledge or Refuse.
//  5. On Admit{As: AsGuest} register it, without a licence (GU2), for Admit.Expires, and
//     report PhoneRegistered, also at each refresh. Report PhoneGone for each guest's
//     registration that ends for a reason of its own (expiry, un-REGISTER, flow closed).
//     What EndGuest removed need not be reported, and does no harm. Report PhoneRegistered
//     of an own phone only if it was a guest before (a Reconfigure made it ours).
//  6. Report CallBegan and CallEnded for each call in any state, ringing, held, parked,
//     in transfer and INVITE under way included (FB2), once each.
//  7. Report what the mirror shows: MirrorState when it changes, HomeHas and HomeLacks for
//     each registration of a home that is backed up here (also those that a new snapshot
//     brings or lacks), GuestAt for each of our own phones that another system serves.
//     All times are on our clock: compute them as now minus an age, not from a foreign
//     wall clock.
//  8. Where the hot path matters, use Refresh and Registered, which do the same without
//     boxing: a guest's refresh then allocates nothing.
//
// The machine also plays the home's part: GuestAt tells it that a phone of ours
// registered elsewhere, and it answers DropRegistration if that is newer than ours.
// Of two registrations the newest wins; at the same instant the home's.
//
// # The shape of the data
//
// State is bounded: guests by Config.MaxGuests, phones that knock in vain and evidence
// by limits of their own (what goes past them is counted, not kept), user agent families
// by MaxFamilies. A request of a phone that the mirror does not have leaves nothing
// behind but a counter and, while COLD, an entry in the bounded set of knockers.
// Nothing about a guest changes before it has proved its credentials.
package resilience
