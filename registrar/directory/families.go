package directory

// builtin is what phones of each family are known to do (../shared/notes/phones.md
// and clients.md say from where); generic is the last. 4xx is never used: it
// locks accounts and leaves ghosts (FO1).
func builtin() []Profile {
	usual := []Trigger{TriggerRefuse, TriggerClose}
	notified := []Trigger{TriggerNotify, TriggerRefuse, TriggerClose}
	return []Profile{
		{Name: "avaya-j100", Agents: []string{"Avaya J1", "Avaya one-X Deskphone", "Avaya 96", "Avaya SIP"},
			Refusal: RefuseSilent, RegEvent: true, ReturnsAlone: true,
			Triggers: []Trigger{TriggerNotify, TriggerClose, TriggerRefuse}},
		{Name: "avaya-1100", Agents: []string{"Avaya IP Phone 11", "Avaya IP Phone 12", "Avaya 11", "Avaya 12"},
			Refusal: RefuseSilent, Triggers: usual},
		{Name: "yealink", Agents: []string{"Yealink"}, Refusal: Refuse503, ReturnsAlone: true, CallsOnly: true, Triggers: notified},
		{Name: "poly", Agents: []string{"Polycom", "PolycomVVX", "Poly"}, Refusal: Refuse503, ReturnsAlone: true, CallsOnly: true, Triggers: usual},
		{Name: "cisco-mpp", Agents: []string{"Cisco-CP-68", "Cisco-CP-78", "Cisco-CP-88", "Cisco/SPA", "Cisco-SPA", "Linksys/SPA", "Sipura/SPA"},
			Refusal: Refuse503, ReturnsAlone: true, Triggers: usual},
		{Name: "cisco", Agents: []string{"Cisco-CP", "Cisco-SIPIPCommunicator", "Cisco-CSF"},
			Refusal: Refuse503, ReturnsAlone: true, PollsWithExpiresZero: true, Triggers: usual},
		{Name: "grandstream", Agents: []string{"Grandstream"}, Refusal: Refuse503, ReturnsAlone: true, Triggers: usual},
		{Name: "snom", Agents: []string{"snom"}, Refusal: RefusePhrase, Status: 503, Phrase: "Please failover",
			RetryAfter: true, Triggers: usual},
		{Name: "gigaset", Agents: []string{"Gigaset", "Siemens Gigaset"}, Refusal: Refuse503, RetryAfter: true, Triggers: usual},
		{Name: "audiocodes", Agents: []string{"AUDC", "AudioCodes"}, Refusal: Refuse503, ReturnsAlone: true, Triggers: usual},
		{Name: "obihai", Agents: []string{"OBIHAI"}, Refusal: Refuse503, FollowsRedirect: true,
			Triggers: []Trigger{TriggerRefuse, TriggerClose, TriggerRedirect}},
		{Name: "mitel-6xxx", Agents: []string{"Aastra", "Mitel 6"}, Refusal: Refuse503, ReturnsAlone: true, Triggers: usual},
		{Name: "linphone", Agents: []string{"Linphone"}, Refusal: Refuse503, RetryAfter: true, FollowsRedirect: true,
			Triggers: []Trigger{TriggerRefuse, TriggerClose, TriggerRedirect}},
		{Name: "jssip", Agents: []string{"JsSIP"}, Refusal: Refuse503, Triggers: []Trigger{TriggerClose}},
		{Name: "baresip-1", Agents: []string{"baresip v0.", "baresip v1."}, Refusal: Refuse503, ReturnsAlone: true, OneChallenge: true, Triggers: usual},
		{Name: "sipp", Agents: []string{"SIPp"}, Refusal: Refuse503, OneChallenge: true, Triggers: usual},
		{Name: "sipsak", Agents: []string{"sipsak"}, Refusal: Refuse503, OneChallenge: true, Triggers: usual},
		{Name: "baresip", Agents: []string{"baresip"}, Refusal: Refuse503, ReturnsAlone: true, Triggers: usual},
		{Name: "pjsua", Agents: []string{"PJSUA", "pjsip"}, Refusal: Refuse503, ReturnsAlone: true, Triggers: usual},
		{Name: GenericProfile, Refusal: Refuse503, Triggers: notified},
	}
}
