package resilience

import "fmt"

// action is one thing that may happen to the world; can says whether it can here.
type action struct {
	name  string
	can   func(*world) bool
	do    func(*world)
	heals bool // ends a fault, or what keeps a phone from going home
}

func act(name string, can func(*world) bool, do func(*world)) action {
	return action{name: name, can: can, do: do}
}

func heal(name string, can func(*world) bool, do func(*world)) action {
	return action{name: name, can: can, do: do, heals: true}
}

// fault is an action of which a walk may allow a number only.
func fault(name string, can func(*world) bool, do func(*world)) action {
	return act(name, func(w *world) bool { return w.faults != 0 && can(w) }, func(w *world) {
		if w.faults > 0 {
			w.faults--
		}
		do(w)
	})
}

func always(*world) bool { return true }

func systemActions() []action {
	return []action{
		act("a second passes", always, (*world).passes),
		fault("london crashes", func(w *world) bool { return w.up != homeDown }, func(w *world) {
			w.up, w.refusing = homeDown, false
			for i := range w.phones {
				w.phones[i].homeUntil = w.tick
			}
		}),
		heal("london starts", func(w *world) bool { return w.up == homeDown }, func(w *world) {
			w.up, w.started = homeUp, w.tick
			w.epoch++
			w.heartbeat()
			w.share()
		}),
		fault("london hangs", func(w *world) bool { return w.up == homeUp }, func(w *world) {
			w.up = homeHung
			w.heartbeat()
		}),
		heal("london recovers", func(w *world) bool { return w.up == homeHung }, func(w *world) {
			w.up = homeUp
			w.heartbeat()
			w.share()
		}),
		fault("london begins to refuse", func(w *world) bool { return w.up == homeUp && !w.refusing },
			func(w *world) { w.refusing = true }),
		heal("london accepts again", func(w *world) bool { return w.refusing },
			func(w *world) { w.refusing = false }),
		fault("the line is cut", func(w *world) bool { return w.line }, func(w *world) { w.line = false }),
		heal("the line is back", func(w *world) bool { return !w.line }, func(w *world) {
			w.line = true
			w.heartbeat()
			w.share()
		}),
		fault("paris restarts", always, func(w *world) {
			w.paris = mustNew(w.cfg, w.now())
			w.complete, w.lastSeen = false, w.tick
			w.alarms = nil
			for i := range w.phones {
				w.phones[i].hereUntil, w.phones[i].busy, w.phones[i].graceUntil = w.tick, false, w.tick
			}
		}),
		heal("the mirror is complete", func(w *world) bool { return !w.complete && w.talks() }, (*world).mirrorCompletes),
	}
}

// operatorActions are a take over and its end (FO4, FB8).
func operatorActions() []action {
	return []action{
		act("an operator takes over london", func(w *world) bool { return w.complete && !w.paris.homes[0].taken },
			func(w *world) { w.step(TakeOver{Home: "london"}) }),
		act("an operator releases london", always, func(w *world) { w.step(Release{Home: "london"}) }),
	}
}

func phoneActions(i int) []action {
	here := func(w *world) bool { return w.phones[i].hereUntil > w.tick }
	ends := func(cause GoneCause) func(*world) {
		return func(w *world) {
			w.phones[i].hereUntil = w.tick
			w.step(PhoneGone{Phone: w.phones[i].phone, Cause: cause})
		}
	}
	actions := []action{
		act("registers at paris", always, func(w *world) { w.asksHere(&w.phones[i]) }),
		act("registers at london", func(w *world) bool { return w.up == homeUp && !w.refusing },
			func(w *world) { w.asksHome(&w.phones[i]) }),
		act("un-registers at paris", here, ends(Unregistered)),
		act("loses its flow", func(w *world) bool { return here(w) && w.phones[i].desc.Stream }, ends(FlowClosed)),
		act("begins a call", func(w *world) bool { return here(w) && !w.phones[i].busy }, func(w *world) {
			w.phones[i].busy = true
			w.step(CallBegan{Phone: w.phones[i].phone})
		}),
		heal("ends its call", func(w *world) bool { return w.phones[i].busy }, func(w *world) {
			w.phones[i].busy = false
			w.step(CallEnded{Phone: w.phones[i].phone})
		}),
		act("is reported not to have got a NOTIFY", func(w *world) bool { return w.paris.guests[w.phones[i].phone] != nil }, func(w *world) {
			g := w.paris.guests[w.phones[i].phone]
			if g.told == TriggerNotify && g.state == StateGoing && !g.back && !g.stopped && !g.returned {
				w.phones[i].accepted = true // it was not told: a refusal that follows is its first telling
			}
			w.step(TriggerResult{Phone: g.phone, Trigger: TriggerNotify})
		}),
	}
	for j := range actions {
		actions[j].name = fmt.Sprintf("%d %s", 201+i, actions[j].name)
	}
	return actions
}
