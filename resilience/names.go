package resilience

// The names of the enumerations, as they stand in logs, JSON and transcripts.
var (
	phaseNames    = [...]string{Cold: "COLD", Synced: "SYNCED", Suspect: "SUSPECT", Serving: "SERVING", Recovering: "RECOVERING", Rehoming: "REHOMING"}
	stateNames    = [...]string{StateGuest: "guest", StateChosen: "chosen", StateGoing: "going home", StateSettling: "settling", StateAbsent: "absent"}
	protocolNames = [...]string{SIP: "sip", H323: "h323"}
	failbackNames = [...]string{Automatic: "automatic", Manual: "manual"}
	admittedNames = [...]string{AsOwn: "own", AsGuest: "guest"}
	triggerNames  = [...]string{NoTrigger: "none", TriggerNotify: "reg-event notify", TriggerRefuse: "refused refresh",
		TriggerClose: "closed flow", TriggerRedirect: "redirect", TriggerURQ: "urq", TriggerRRJ: "rrj"}
	causeNames = [...]string{HomeVisible: "home visible", DelayRunning: "failover delay running", NoMirror: "no complete mirror",
		GoHome: "go home", NotMirrored: "not in the mirror", NotBackedUp: "not backed up here", AtCapacity: "at capacity",
		UnknownPhone: "unknown number"}
	askNames  = [...]string{AskRegister: "register", AskRefresh: "refresh", AskDiscover: "discover", AskUnregister: "unregister", AskPoll: "poll"}
	goneNames = [...]string{Expired: "expired", Unregistered: "unregistered", FlowClosed: "flow closed", LoggedOut: "logged out"}
)

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "?"
}

func (p Phase) String() string      { return name(phaseNames[:], int(p)) }
func (s GuestState) String() string { return name(stateNames[:], int(s)) }
func (p Protocol) String() string   { return name(protocolNames[:], int(p)) }
func (f Failback) String() string   { return name(failbackNames[:], int(f)) }
func (a Admitted) String() string   { return name(admittedNames[:], int(a)) }
func (t Trigger) String() string    { return name(triggerNames[:], int(t)) }
func (c Cause) String() string      { return name(causeNames[:], int(c)) }
func (k AskKind) String() string    { return name(askNames[:], int(k)) }
func (c GoneCause) String() string  { return name(goneNames[:], int(c)) }

// MarshalText makes the names stand in JSON, also as keys.

func (p Phase) MarshalText() ([]byte, error)      { return []byte(p.String()), nil }
func (s GuestState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (p Protocol) MarshalText() ([]byte, error)   { return []byte(p.String()), nil }
func (f Failback) MarshalText() ([]byte, error)   { return []byte(f.String()), nil }
func (t Trigger) MarshalText() ([]byte, error)    { return []byte(t.String()), nil }
func (c Cause) MarshalText() ([]byte, error)      { return []byte(c.String()), nil }
